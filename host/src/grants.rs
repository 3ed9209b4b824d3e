//! What the settings grant to packs, as the operator writes it: directories (`PACK=HOST-DIR:GUEST-PATH[:rw]`) and addresses
//! (`PACK=URL`); and the most that any pack may be granted.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use petrel_model::capabilities::{
    Access, Ceiling, Given, Granted, HttpRule, InvalidCapability, Mount, Named, check_variable,
};
use reqwest::Url;

use crate::exit::Failure;

/// The word for a ceiling that allows nothing.
const NONE: &str = "none";

/// Parses grants of directories and of addresses, the most of addresses, directories and variables that any pack may be
/// granted, and the kinds of names that none may.
pub(crate) fn parse(
    [directories, urls]: [&[String]; 2],
    [most_http, most_directories, most_env, never]: [&[String]; 4],
) -> Result<Given, Failure> {
    let ceiling = Ceiling { never: kinds(never)?, ..ceiling(most_http, most_directories, most_env)? };
    Ok(Given { grants: granted(directories, urls)?, ceiling: Arc::new(ceiling) })
}

/// Parses the kinds of names that no pack may be granted.
fn kinds(words: &[String]) -> Result<Vec<Named>, Failure> {
    let read = words.iter().map(|word| {
        Named::of(word).ok_or_else(|| {
            let known = Named::ALL.map(Named::as_str).join(", ");
            Failure::usage(
                format!("capabilities.never: `{word}` is no kind of capabilities"),
                format!("write some of {known}"),
            )
        })
    });
    read.collect()
}

/// Parses grants of directories and of addresses.
fn granted(directories: &[String], urls: &[String]) -> Result<BTreeMap<String, Granted>, Failure> {
    let mut grants: BTreeMap<String, Granted> = BTreeMap::new();
    for text in directories {
        let read = text.split_once('=').and_then(|(pack, rest)| Some((pack, Mount::parse(rest)?)));
        let (pack, mount) = read.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a grant of a directory"),
                "write PACK=HOST-DIR:GUEST-PATH for reading, or PACK=HOST-DIR:GUEST-PATH:rw for reading and writing",
            )
        })?;
        grants.entry(pack.to_owned()).or_default().files.push(mount);
    }
    for text in urls {
        let parsed = text.split_once('=').and_then(|(pack, url)| Some((pack, address(url)?)));
        let (pack, rule) = parsed.filter(|(pack, _url)| !pack.is_empty()).ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a grant of an address"),
                "write PACK=https://HOST[:PORT][/PATH], or PACK=private+https://… for a name that leads into a private network",
            )
        })?;
        grants.entry(pack.to_owned()).or_default().http.push(rule);
    }
    Ok(grants)
}

/// Reads an address. Where it names one host, it is brought into the normal form of addresses first.
fn address(text: &str) -> Option<HttpRule> {
    let (word, plain) = text.strip_prefix("private+").map_or(("", text), |rest| ("private+", rest));
    if plain.contains(['*', ' ', '+']) {
        return text.parse().ok();
    }
    let url = Url::parse(plain).ok()?;
    let has_more = url.query().is_some() || url.fragment().is_some();
    if has_more || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    format!("{word}{}://{host}:{port}{}", url.scheme(), url.path()).parse().ok()
}

/// Parses the most that any pack may be granted. What is left out has no bounds.
fn ceiling(http: &[String], directories: &[String], env: &[String]) -> Result<Ceiling, Failure> {
    let invalid = |key: &str, error: &InvalidCapability| {
        Failure::usage(format!("{key}: `{}` {}", error.text, error.reason), error.remedy.clone())
    };
    let read =
        |text: &String| text.parse::<HttpRule>().map_err(|error| invalid("capabilities.max_http", &error));
    let variable = |name: &String| {
        check_variable(name).map(|()| name.clone()).map_err(|error| invalid("capabilities.max_env", &error))
    };
    let directory = |text: &String| {
        let (path, access) = match text.rsplit_once(':') {
            Some((path, "rw")) => (path, Access::ReadWrite),
            Some((path, "ro")) => (path, Access::ReadOnly),
            _ => (text.as_str(), Access::ReadOnly),
        };
        let path = Path::new(path);
        let is_plain =
            path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if path.is_absolute() && is_plain {
            return Ok((path.to_owned(), access));
        }
        Err(Failure::usage(
            format!("capabilities.max_directories: `{text}` is not the whole path of a directory"),
            "write HOST-DIR, or HOST-DIR:rw for writing too, without ..",
        ))
    };
    Ok(Ceiling {
        http: bounded(http, read)?,
        directories: bounded(directories, directory)?,
        env: bounded(env, variable)?,
        never: Vec::new(),
    })
}

/// The values of a bound. `None` if there is none.
fn bounded<T>(
    texts: &[String],
    read: impl Fn(&String) -> Result<T, Failure>,
) -> Result<Option<Vec<T>>, Failure> {
    match texts {
        [] => Ok(None),
        [word] if word == NONE => Ok(Some(Vec::new())),
        texts => texts.iter().map(read).collect::<Result<_, _>>().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn grants_are_read_or_refused() {
        let texts = owned(&["a=/data:/in", "a=/out:/out:rw"]);
        let mounts = granted(&texts, &[]).unwrap().remove("a").unwrap().files;
        let read: Vec<_> = mounts.into_iter().map(|one| (one.guest_path, one.access)).collect();
        assert_eq!(read, [("/in".to_owned(), Access::ReadOnly), ("/out".to_owned(), Access::ReadWrite)]);
        for text in ["", "a", "a=/data", "a=/data:in", "a=/data:/in:x", "a=:/in", "a=/data:/in:rw:x"] {
            assert!(granted(&[text.to_owned()], &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn grants_of_addresses_are_read_or_refused() {
        for (text, rule) in [
            ("a=https://x.example/api", "https://x.example/api"),
            ("a=HTTPS://X.example:443/api/../b", "https://x.example/b"),
            ("a=private+http://y.example", "private+http://y.example/"),
            ("a=http://0x7f.1:8080", "http://127.0.0.1:8080/"),
            ("a=http://[::1]:80", "http://[::1]/"),
            ("a=GET https://*.x.example", "GET https://*.x.example/"),
        ] {
            let grants = granted(&[], &[text.to_owned()]).unwrap();
            assert_eq!(grants["a"].http[0].to_string(), rule);
        }
        for text in [
            "",
            "a",
            "a=",
            "=https://x.example",
            "a=x.example",
            "a=ftp://x.example",
            "a=https://x.example/?q",
            "a=https://u:p@x.example",
        ] {
            assert!(granted(&[], &[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ceiling_is_read_or_refused() {
        assert_eq!(ceiling(&[], &[], &[]).unwrap(), Ceiling::default());
        let read = ceiling(&owned(&["none"]), &owned(&["/srv", "/out:rw"]), &owned(&["TZ"])).unwrap();
        let directories = vec![("/srv".into(), Access::ReadOnly), ("/out".into(), Access::ReadWrite)];
        let expected = Ceiling {
            http: Some(Vec::new()),
            directories: Some(directories),
            env: Some(owned(&["TZ"])),
            never: Vec::new(),
        };
        assert_eq!(read, expected);
        assert_eq!(kinds(&owned(&["reveal", "call"])).unwrap(), [Named::Reveal, Named::Call]);
        let failure = kinds(&owned(&["revel"])).unwrap_err();
        assert!(
            failure.message.starts_with("capabilities.never") && failure.hint.contains("reveal"),
            "{failure}"
        );
        for (http, directories, env, says) in [
            (&["x.example"][..], &[][..], &[][..], "capabilities.max_http"),
            (&[], &["srv"], &[], "capabilities.max_directories"),
            (&[], &["/srv/../x"], &[], "capabilities.max_directories"),
            (&[], &[], &["A B"], "capabilities.max_env"),
        ] {
            let failure = ceiling(&owned(http), &owned(directories), &owned(env)).unwrap_err();
            assert!(failure.message.starts_with(says) && !failure.hint.is_empty(), "{failure}");
        }
    }
}

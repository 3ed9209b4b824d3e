//! Forms of a pack that newcomers type and that a verb does not take: a pack of the binary, a file of the pack, an archive, an
//! address, a directory of packs. Each is answered with the command that is meant.

use std::path::{Path, PathBuf};

use petrel_model::nearest::nearest;
use petrel_runners::local_shell::identity::quoted;

use crate::bundled;
use crate::exit::Failure;

/// The file that makes a directory a pack.
const PACK_FILE: &str = "pack.yaml";
/// The number of levels above a file or a directory on which its pack is looked for.
const MOST_ABOVE: usize = 4;
/// The most entries of a directory that are looked at, and the most packs in it that are named.
const MOST_BELOW: usize = 1000;
const MOST_NAMED: usize = 3;
/// The ends of names of archives.
const ARCHIVES: [&str; 7] = [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip"];

/// The failure for an argument of `petrel pack VERB` that is no directory of a pack, if it is known what is meant.
pub(super) fn mistaken(verb: &str, typed: &Path) -> Option<Failure> {
    let text = typed.to_str()?;
    if let Some(name) = text.strip_prefix("builtin:") {
        let message = format!("`{text}` is a pack of the binary, and {verb} takes a directory");
        return Some(Failure::usage(message, format!("`petrel pack install builtin:{name}` registers it")));
    }
    if let Some(failure) = of_address(text) {
        return Some(failure);
    }
    match std::fs::metadata(typed) {
        Ok(found) if found.is_dir() => of_directory(verb, typed),
        Ok(found) if found.is_file() => Some(of_file(verb, typed, text)),
        Ok(_) => None,
        Err(_) => of_home(verb, text),
    }
}

/// The failure for the plain name of a pack that comes with the binary, where its whole name is needed.
pub(super) fn of_the_binary(text: &str) -> Option<Failure> {
    bundled::find(text)?;
    let message = format!("there is no directory `{text}`, and a pack of the binary is named as such");
    Some(Failure::usage(message, format!("`petrel pack install builtin:{text}` installs that")))
}

/// The failure for an argument that is meant as a path, and where nothing is.
pub(super) fn no_file(verb: &str, text: &str) -> Option<Failure> {
    let path = Path::new(text);
    let message = format!("{text} does not exist");
    let is_archive = ARCHIVES.iter().any(|end| text.ends_with(end));
    let is_path = text.contains('/') || text.starts_with('.') || is_archive;
    let hint = || near(path).map_or_else(|| "check the path".to_owned(), |near| meant(verb, &near));
    is_path.then(|| Failure::usage(message, hint()))
}

/// The directory of a pack beside a directory that is not there, if its name is near.
pub(super) fn near(typed: &Path) -> Option<PathBuf> {
    let (name, place) = (typed.file_name()?.to_str()?, typed.parent()?);
    let packs = below(if place.as_os_str().is_empty() { Path::new(".") } else { place });
    let near = nearest(name, packs.iter().filter_map(|pack| pack.file_name()?.to_str()))?;
    Some(place.join(near))
}

/// The hint that another directory was meant.
pub(super) fn meant(verb: &str, directory: &Path) -> String {
    format!("did you mean `{}`?", command(verb, directory))
}

/// The failure for a path where the ref of a registered pack is expected.
pub(super) fn no_reference(text: &str) -> Option<Failure> {
    if text.contains('=') {
        let message = format!("`{text}` is no ref of a pack, which stands before what is granted to it");
        return Some(Failure::usage(message, format!("`petrel pack grant PACK {}`", quoted(text))));
    }
    text.contains('/').then(|| {
        let message = format!("`{text}` is a path, and a registered pack goes by its ref");
        Failure::usage(message, "`petrel pack list` shows the refs")
    })
}

fn of_address(text: &str) -> Option<Failure> {
    let is_address = text.contains("://") || text.starts_with("git@");
    is_address.then(|| {
        let name = text.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let name = quoted(name.strip_suffix(".git").unwrap_or(name));
        Failure::usage(
            format!("`{text}` is an address, and no pack is fetched by one"),
            format!("name a pack in a registry without a scheme, as HOST/PATH:TAG, or fetch it first: git clone {} && petrel pack register {name}", quoted(text)),
        )
    })
}

fn of_home(verb: &str, text: &str) -> Option<Failure> {
    let rest = text.strip_prefix("~/")?;
    Some(Failure::usage(
        format!("`{text}` does not exist: a shell replaces ~ only where it is not quoted"),
        format!("`petrel pack {verb} ~/{}`, without quotes, or with $HOME in place of ~", quoted(rest)),
    ))
}

fn of_file(verb: &str, file: &Path, text: &str) -> Failure {
    let message = format!("{} is a file, and a pack is a directory", file.display());
    if let Some(failure) = of_archive(verb, text, &message) {
        return failure;
    }
    let beside = || file.parent().map(Path::to_path_buf).unwrap_or_default();
    let directory = above(file).unwrap_or_else(beside);
    Failure::usage(message, format!("name the directory: {}", command(verb, &directory)))
}

fn of_archive(verb: &str, text: &str, message: &str) -> Option<Failure> {
    let is_zip = Path::new(text).extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    let unpack = if is_zip { "unzip" } else { "tar xf" };
    let hint = format!(
        "unpack it first, {unpack} {}, and name the directory that holds {PACK_FILE}: petrel pack {verb} DIRECTORY",
        quoted(text)
    );
    ARCHIVES.iter().any(|end| text.ends_with(end)).then(|| Failure::usage(message, hint))
}

fn of_directory(verb: &str, directory: &Path) -> Option<Failure> {
    // A file that cannot be looked at is told by whoever reads it.
    if directory.join(PACK_FILE).try_exists().unwrap_or(true) {
        return None;
    }
    let message = format!("{} holds no {PACK_FILE}", directory.display());
    if directory.join("pack.yml").is_file() {
        let hint = format!("rename pack.yml to {PACK_FILE}");
        return Some(Failure::usage(message, hint));
    }
    if let Some(pack) = above(directory) {
        let message = format!("{message}; it is inside the pack in {}", pack.display());
        return Some(Failure::usage(message, format!("name the pack: {}", command(verb, &pack))));
    }
    let packs = below(directory);
    (!packs.is_empty()).then(|| {
        let named: Vec<_> = packs.iter().take(MOST_NAMED).map(|pack| command(verb, pack)).collect();
        let more = match packs.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        Failure::usage(
            format!("{message}, and its directories do: a pack is named by itself"),
            format!("{}{more}", named.join("; ")),
        )
    })
}

fn command(verb: &str, directory: &Path) -> String {
    format!("petrel pack {verb} {}", quoted(&directory.display().to_string()))
}

/// The pack that a file or a directory is in.
fn above(inside: &Path) -> Option<PathBuf> {
    let inside = inside.canonicalize().ok()?;
    let mut folders = inside.ancestors().skip(1).take(MOST_ABOVE);
    folders.find(|folder| folder.join(PACK_FILE).is_file()).map(Path::to_path_buf)
}

/// The packs directly in a directory, sorted.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().take(MOST_BELOW).flatten();
    let mut packs: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.join(PACK_FILE).is_file()).collect();
    packs.sort();
    packs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_answered_with_the_command_that_is_meant() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for file in [
            "all/one/pack.yaml",
            "all/one/actions/a.yaml",
            "all/two/pack.yaml",
            "old/pack.yml",
            "one.tgz",
            "p.zip",
        ] {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        std::fs::create_dir(root.join("empty")).unwrap();
        let path = |name: &str| root.join(name).display().to_string();
        let meant = |name: &str| format!("petrel pack register {}", path(name));
        for (typed, says) in [
            (path("all/one"), None),
            // Whoever reads it says what is missing.
            (path("empty"), None),
            (path("gone"), None),
            ("mine".to_owned(), None),
            ("builtin:github".to_owned(), Some("petrel pack install builtin:github".to_owned())),
            (path("all/one/pack.yaml"), Some(meant("all/one"))),
            (path("all/one/actions/a.yaml"), Some(meant("all/one"))),
            (path("all/one/actions"), Some(meant("all/one"))),
            (path("all"), Some(format!("{}; {}", meant("all/one"), meant("all/two")))),
            (path("old"), Some("rename pack.yml".to_owned())),
            (path("one.tgz"), Some(format!("tar xf {}", path("one.tgz")))),
            (path("p.zip"), Some("unzip".to_owned())),
            ("~/no/such".to_owned(), Some("petrel pack register ~/no/such".to_owned())),
            (
                "https://example.com/stackstorm-csv.git".to_owned(),
                Some("&& petrel pack register stackstorm-csv".to_owned()),
            ),
            ("git@example.com:packs/csv".to_owned(), Some("&& petrel pack register csv".to_owned())),
        ] {
            let told = mistaken("register", Path::new(&typed)).map(|failure| failure.hint);
            assert_eq!(told.is_some(), says.is_some(), "{typed}: {told:?}");
            assert!(told.iter().zip(&says).all(|(told, says)| told.contains(says)), "{typed}: {told:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_may_be_meant() {
        assert!(of_the_binary("github").unwrap().hint.contains("petrel pack install builtin:github"));
        assert!(of_the_binary("nope").is_none());
        for (typed, says) in [
            ("nope", None),
            // What is not there cannot be unpacked.
            ("gone.zip", Some("check the path")),
            ("gone.tar", Some("check the path")),
            ("./gone", Some("check the path")),
            ("no/where", Some("check the path")),
        ] {
            let told = no_file("install", typed).map(|failure| failure.hint);
            assert_eq!(told.is_some(), says.is_some(), "{typed}: {told:?}");
            assert!(told.iter().zip(&says).all(|(told, says)| told.contains(says)), "{typed}: {told:?}");
        }
        assert!(no_reference("./mine").is_some() && no_reference("mine").is_none());
        assert!(no_reference("http=api").unwrap().hint.contains("`petrel pack grant PACK "));
    }

    #[test]
    fn a_directory_that_is_not_there_is_told_the_near_pack_beside_it() {
        let place = tempfile::tempdir().unwrap();
        for file in ["hello/pack.yaml", "help/readme"] {
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        for (typed, found) in
            [("helo", Some("hello")), ("helo/", Some("hello")), ("other", None), ("no/helo", None)]
        {
            let expected = found.map(|found| place.path().join(found));
            assert_eq!(near(&place.path().join(typed)), expected, "{typed}");
        }
        assert_eq!(near(Path::new("..")), None);
        assert_eq!(meant("check", Path::new("hello")), "did you mean `petrel pack check hello`?");
    }
}

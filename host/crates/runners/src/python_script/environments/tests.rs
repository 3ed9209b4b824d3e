//! What is wanted, found and cleaned up. The making is tested from outside.

use std::ffi::OsStr;

use super::*;
use crate::Upkeep;

fn environments(place: &Path) -> (Environments, Options) {
    let environments = Environments::new(EnvironmentOptions {
        are_made: true,
        directory: place.join("virtualenvs"),
        constraints: place.join("constraints"),
        timeout: Duration::from_secs(60),
        index_url: None,
        wheels: None,
        proxy: None,
        common: Vec::new(),
    });
    let options = Options {
        environment: Vec::new(),
        working_directory: place.to_owned(),
        api_url: String::new(),
        output_limit: 0,
        result_limit: 0,
        interpreter: "/bin/sh".to_owned(),
        library: place.to_owned(),
        upkeep: Upkeep::default(),
    };
    (environments, options)
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn a_key_follows_from_all_that_is_installed() {
    let place = tempfile::tempdir().unwrap();
    let (environments, _) = environments(place.path());
    let pack = place.path().join("pack");
    let key = || environments.wanted("mine", &pack, Path::new("/bin/sh")).unwrap().map(|wanted| wanted.key);
    assert_eq!(key(), None);
    let mut seen = Vec::new();
    for (file, text, is_any) in [
        ("pack/requirements.txt", "# nothing\n\n", false),
        ("pack/requirements.txt", "six\n", true),
        ("pack/requirements.txt", "six\n-r more.txt\n", true),
        ("pack/more.txt", "requests\n", true),
        ("pack/constraints.txt", "six<2\n", true),
        ("constraints/mine.txt", "requests<3\n", true),
    ] {
        write(&place.path().join(file), text);
        let now = key();
        assert_eq!(now.is_some(), is_any, "{file}");
        assert!(now.is_none() || !seen.contains(&now), "{file} {text}");
        seen.push(now);
    }
    let of = |name: &str| environments.wanted(name, &pack, Path::new("/bin/sh")).unwrap().unwrap();
    assert_eq!((of("mine").constraints.len(), of("other").constraints.len()), (2, 1));
    assert_ne!(
        of("mine").key,
        environments.wanted("mine", &pack, Path::new("/bin/cat")).unwrap().unwrap().key
    );
    write(&pack.join("requirements.txt"), &"six\n".repeat(20_000));
    let refused = environments.wanted("mine", &pack, Path::new("/bin/sh")).unwrap_err();
    assert!(refused.reason.contains("65536 is the limit"), "{refused:?}");
}

#[test]
fn a_pack_has_the_environment_that_it_asks_for_or_the_newest() {
    let place = tempfile::tempdir().unwrap();
    let (environments, options) = environments(place.path());
    let pack = place.path().join("pack");
    let found = || environments.interpreter(&options, "mine", &pack);
    assert_eq!(found(), None);
    write(&pack.join("requirements.txt"), "six\n");
    assert_eq!(found(), None, "none is there");
    let key = environments.wanted("mine", &pack, Path::new("/bin/sh")).unwrap().unwrap().key;
    let at = |key: &str| environments.place("mine", key);
    write(&at("half").join("bin/python"), "");
    write(&at("old").join(WHOLE), "");
    write(&at("old").join("bin/python"), "");
    lock(&environments.0.known).clear();
    assert_eq!(found(), Some(at("old").join("bin/python")), "what half of one is nobody gets");
    write(&at(&key).join("bin/python"), "");
    write(&at(&key).join(WHOLE), "");
    lock(&environments.0.known).clear();
    assert_eq!(found(), Some(at(&key).join("bin/python")));
    write(&pack.join("requirements.txt"), "# nothing any more\n");
    assert_eq!(found(), None);
}

#[test]
fn what_nobody_needs_is_found() {
    let place = tempfile::tempdir().unwrap();
    let (environments, _) = environments(place.path());
    for name in ["mine/half", "gone/one"] {
        fs::create_dir_all(environments.0.options.directory.join(name)).unwrap();
    }
    for (number, name) in ["mine/b", "mine/a"].into_iter().enumerate() {
        let file = environments.0.options.directory.join(name).join(WHOLE);
        write(&file, "");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + number as u64);
        fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    }
    let found = superfluous(&environments.0.options.directory, &["mine".to_owned()]);
    let names: Vec<_> = found.iter().filter_map(|path| path.file_name().and_then(OsStr::to_str)).collect();
    assert_eq!(names, ["gone", "b", "half"]);
    environments.removed("mine");
    environments.removed("..");
    assert!(!environments.0.options.directory.join("mine").exists() && place.path().exists());
}

#[test]
fn lists_that_are_included_are_found() {
    for (line, expected) in [
        ("-r more.txt", Some("more.txt")),
        ("--requirement=more.txt", Some("more.txt")),
        (" -c  some.txt", Some("some.txt")),
        ("-rmore", None),
        ("requests", None),
        ("--index-url x", None),
    ] {
        assert_eq!(included(line), expected, "{line}");
    }
}

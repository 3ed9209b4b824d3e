//! The bundled packs can be read, and the committed metadata of their actions equals the descriptions of their
//! components.
//!
//! `PETREL_BLESS=1 cargo test -p petrel-pack-runtime metadata` writes the metadata.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_pack_runtime::{Options, PackRuntime};
use petrel_packs::{Embedded, read_pack, write_action_metadata, write_yaml};
use petrel_test_components::{CORE, FEED, GITHUB};

async fn check(pack: &str, directory: &str, component: &str) {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    let description = runtime.describe(Path::new(component)).await.unwrap().unwrap();
    for action in description.actions {
        let name = action.name.clone();
        let expected = write_action_metadata(&action.into_action(pack, &format!("wasm/{pack}.wasm")));
        let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../..")
            .join(directory)
            .join(format!("actions/{name}.yaml"));
        if std::env::var_os("PETREL_BLESS").is_some() {
            fs::write(&file, &expected).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, expected, "{}: run again with PETREL_BLESS=1 to write it", file.display());
    }
}

#[tokio::test]
async fn of_core_is_up_to_date() {
    check("core", "packs/core", CORE).await;
}

#[tokio::test]
async fn of_the_github_example_is_up_to_date() {
    check("github", "examples/github", GITHUB).await;
}

#[tokio::test]
async fn of_the_feed_example_is_up_to_date() {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    let description = runtime.describe(Path::new(FEED)).await.unwrap().unwrap();
    let [sensor] = description.sensors.try_into().unwrap();
    let expected = format!("---\n{}", write_yaml(&sensor.into_metadata("wasm/feed.wasm")));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/feed/sensors/entries.yaml");
    if std::env::var_os("PETREL_BLESS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), expected, "run again with PETREL_BLESS=1 to write it");
}

/// The text files of a pack, and an empty file in place of the component, which is built elsewhere.
fn files(pack: &str, directory: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(directory);
    let mut files = vec![
        (format!("wasm/{pack}.wasm"), Vec::new()),
        ("pack.yaml".to_owned(), fs::read(root.join("pack.yaml")).unwrap()),
    ];
    for folder in ["actions", "triggers", "rules"] {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            files.push((format!("{folder}/{name}"), fs::read(&path).unwrap()));
        }
    }
    files
}

#[test]
fn they_can_be_read() {
    for (pack, directory, expected) in [
        (
            "core",
            "packs/core",
            vec![
                "core.ask",
                "core.echo",
                "core.error",
                "core.http",
                "core.inject_trigger",
                "core.local",
                "core.local_sudo",
                "core.noop",
                "core.pause",
                "core.sendmail",
                "core.uuid",
            ],
        ),
        ("github", "examples/github", vec!["github.decide_push"]),
    ] {
        let files = files(pack, directory);
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let contents = read_pack(&Embedded(&files)).unwrap();
        let actions: Vec<_> = contents.actions.iter().map(|action| action.reference.as_str()).collect();
        assert_eq!(actions, expected);
        assert_eq!(
            (contents.notes.len(), contents.trigger_types.len() + contents.rules.len()),
            (0, if pack == "core" { 15 } else { 1 }),
            "{pack}"
        );
    }
}

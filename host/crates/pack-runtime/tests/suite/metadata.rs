//! The bundled packs can be read, and the committed metadata of their actions and sensors equals the descriptions of their
//! components.
//!
//! `PETREL_BLESS=1 cargo test -p petrel-pack-runtime metadata` writes the metadata.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_pack_runtime::{Options, PackRuntime};
use petrel_packs::{Embedded, read_pack, write_action_metadata, write_yaml};
use petrel_test_components::{CORE, ELASTICSEARCH, FEED, GITHUB, HTTP, JSON, KUBERNETES, PROMETHEUS, SLACK};

/// A pack of the binary.
struct Shipped {
    name: &'static str,
    /// From the root of the repository.
    directory: &'static str,
    /// The file of its component.
    component: &'static str,
    /// Its actions, sorted.
    actions: &'static [&'static str],
    /// How many trigger types and rules it has.
    kinds_and_rules: usize,
}

const SHIPPED: [Shipped; 9] = [
    Shipped {
        name: "core",
        directory: "packs/core",
        component: CORE,
        actions: &[
            "core.ask",
            "core.echo",
            "core.error",
            "core.http",
            "core.inject_trigger",
            "core.local",
            "core.local_sudo",
            "core.noop",
            "core.pause",
            "core.remote",
            "core.remote_sudo",
            "core.sendmail",
            "core.uuid",
        ],
        kinds_and_rules: 15,
    },
    Shipped {
        name: "elasticsearch",
        directory: "packs/elasticsearch",
        component: ELASTICSEARCH,
        actions: &["elasticsearch.index", "elasticsearch.search"],
        kinds_and_rules: 1,
    },
    Shipped {
        name: "feed",
        directory: "examples/feed",
        component: FEED,
        actions: &[],
        // A rule, and the trigger type that it waits for.
        kinds_and_rules: 2,
    },
    Shipped {
        name: "github",
        directory: "packs/github",
        component: GITHUB,
        actions: &[
            "github.add_comment",
            "github.create_issue",
            "github.decide_push",
            "github.dispatch_event",
            "github.dispatch_workflow",
        ],
        kinds_and_rules: 2,
    },
    Shipped {
        name: "http",
        directory: "packs/http",
        component: HTTP,
        actions: &["http.request"],
        kinds_and_rules: 0,
    },
    Shipped {
        name: "json",
        directory: "packs/json",
        component: JSON,
        actions: &["json.diff", "json.merge", "json.query", "json.transform"],
        kinds_and_rules: 0,
    },
    Shipped {
        name: "kubernetes",
        directory: "packs/kubernetes",
        component: KUBERNETES,
        actions: &["kubernetes.get", "kubernetes.rollout_restart", "kubernetes.scale"],
        kinds_and_rules: 1,
    },
    Shipped {
        name: "prometheus",
        directory: "packs/prometheus",
        component: PROMETHEUS,
        actions: &["prometheus.query"],
        kinds_and_rules: 1,
    },
    Shipped {
        name: "slack",
        directory: "packs/slack",
        component: SLACK,
        actions: &["slack.post_message", "slack.post_webhook"],
        kinds_and_rules: 0,
    },
];

fn directory(pack: &Shipped) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(pack.directory)
}

#[tokio::test]
async fn it_is_up_to_date() {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    let bless = std::env::var_os("PETREL_BLESS").is_some();
    let mut stale = Vec::new();
    for pack in SHIPPED {
        let description = runtime.describe(Path::new(pack.component)).await.unwrap().unwrap();
        let component = format!("wasm/{}.wasm", pack.name);
        let actions = description.actions.into_iter().map(|action| {
            let file = format!("actions/{}.yaml", action.name);
            (file, write_action_metadata(&action.into_action(pack.name, &component)))
        });
        let sensors = description.sensors.into_iter().map(|sensor| {
            let file = format!("sensors/{}.yaml", sensor.name);
            (file, format!("---\n{}", write_yaml(&sensor.into_metadata(&component))))
        });
        for (file, expected) in actions.chain(sensors) {
            let file = directory(&pack).join(file);
            if bless {
                fs::write(&file, &expected).unwrap();
            }
            if fs::read_to_string(&file).unwrap_or_default() != expected {
                stale.push(format!("{}:\n{expected}", file.display()));
            }
        }
    }
    assert!(stale.is_empty(), "run again with PETREL_BLESS=1 to write it\n{}", stale.join("\n"));
}

/// The text files of a pack, and an empty file in place of the component, which is built elsewhere.
fn files(pack: &Shipped) -> Vec<(String, Vec<u8>)> {
    let root = directory(pack);
    let mut files = vec![(format!("wasm/{}.wasm", pack.name), Vec::new())];
    for name in ["pack.yaml", "config.schema.yaml"] {
        files.extend(fs::read(root.join(name)).ok().map(|text| (name.to_owned(), text)));
    }
    for folder in ["actions", "sensors", "triggers", "rules"] {
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
    for pack in SHIPPED {
        let files = files(&pack);
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let contents = read_pack(&Embedded(&files)).unwrap();
        let actions: Vec<_> = contents.actions.iter().map(|action| action.reference.as_str()).collect();
        assert_eq!(actions, pack.actions);
        assert_eq!(contents.notes, [""; 0], "{}", pack.name);
        let count = contents.trigger_types.len() + contents.rules.len();
        assert_eq!(count, pack.kinds_and_rules, "{}", pack.name);
    }
}

//! Builds the components that tests use, and says where they are.

use std::path::Path;
use std::process::ExitCode;

#[path = "../../host/build/components.rs"]
mod components;

/// Package, its directory, and the variable that its file is named in.
const COMPONENTS: [(&str, &str, &str); 18] = [
    ("petrel-pack-core", "packs/core/component", "CORE"),
    ("petrel-pack-elasticsearch", "packs/elasticsearch/component", "ELASTICSEARCH"),
    ("petrel-pack-github", "packs/github/component", "GITHUB"),
    ("petrel-pack-http", "packs/http/component", "HTTP"),
    ("petrel-pack-json", "packs/json/component", "JSON"),
    ("petrel-pack-kubernetes", "packs/kubernetes/component", "KUBERNETES"),
    ("petrel-pack-prometheus", "packs/prometheus/component", "PROMETHEUS"),
    ("petrel-pack-slack", "packs/slack/component", "SLACK"),
    ("petrel-example-feed", "examples/feed/component", "FEED"),
    ("petrel-example-hook", "examples/hook/component", "HOOK"),
    ("petrel-example-stream", "examples/stream/component", "STREAM"),
    ("petrel-guest-bare", "tests/components/guests/bare", "BARE"),
    ("petrel-guest-behave", "tests/components/guests/behave", "BEHAVE"),
    ("petrel-guest-hooks", "tests/components/guests/hooks", "HOOKS"),
    ("petrel-guest-polls", "tests/components/guests/polls", "POLLS"),
    ("petrel-guest-published-1-0-0", "tests/components/guests/published-1-0-0", "PUBLISHED_1_0_0"),
    ("petrel-guest-streams", "tests/components/guests/streams", "STREAMS"),
    ("petrel-guest-stranger", "tests/components/guests/stranger", "STRANGER"),
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=../../host/build/components.rs");
    println!("cargo::rerun-if-changed=../../host/build/target.rs");
    println!("cargo::rerun-if-changed=../../host/build/outcome.rs");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=wit");
    // Asked for when it runs: a build directory may be used by more than one checkout.
    let root = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    let packages = COMPONENTS.map(|(package, _, _)| package);
    let sources = COMPONENTS.map(|(_, directory, _)| Path::new(directory));
    match components::build(&root, &packages, &sources) {
        Ok(files) => {
            for (file, (_, _, name)) in files.iter().zip(COMPONENTS) {
                println!("cargo::rustc-env=COMPONENT_{name}={}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

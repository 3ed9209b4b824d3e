//! Components: compiled before anybody runs them, described by themselves, and built as the SDK's page says.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use petrel_system_tests::{Place, assert_says, count_files, eventually, skip};
use petrel_test_components::{BARE, BEHAVE, CORE, STRANGER};

use crate::pages::{self, Block};

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

/// The page that leads from nothing to a running pack.
const PAGE: &str = include_str!("../../../pack-sdk/rust/README.md");

#[test]
fn a_component_is_compiled_when_its_pack_is_registered() {
    let place = Place::default();
    let host = place.start(&[]);
    let until_compiled = |all: usize| {
        eventually(&format!("{all} components are compiled, and nobody has run one"), || {
            (count_files(&place.data().join("components"), "cwasm") == all).then_some(())
        });
    };
    let bundled = count_files(&place.data().join("packs"), "wasm");
    assert!(bundled > 0);
    until_compiled(bundled);
    place.write("mine/pack.yaml", PACK);
    place.write(
        "mine/actions/back.yaml",
        "name: back\nrunner_type: wasm-component\nentry_point: wasm/bare.wasm\n",
    );
    fs::create_dir_all(place.path("mine/wasm")).unwrap();
    fs::copy(BARE, place.path("mine/wasm/bare.wasm")).unwrap();
    host.ok(&["pack", "register", &place.path("mine")]);
    until_compiled(bundled + 1);
    assert_eq!(host.list("/executions").len(), 0);
    host.ok(&["run", "mine.back"]);
    host.stop();
    // What is compiled is found again, by a host that has done nothing else yet.
    fs::remove_dir_all(place.data().join("components")).unwrap();
    let host = place.start(&[]);
    until_compiled(bundled + 1);
    host.stop();
}

#[test]
fn a_component_describes_its_actions() {
    let place = Place::default();
    let printed = place.petrel(&["pack", "describe", CORE]).with_code(0).stdout;
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/core/actions/echo.yaml");
    let name = Path::new(CORE).file_name().unwrap().to_str().unwrap();
    let echo = fs::read_to_string(committed).unwrap().replace("wasm/core.wasm", &format!("wasm/{name}"));
    assert_says(&printed, &[&echo]);

    // Without a pack around it there is no place to write to.
    let nowhere = place.path("core.wasm");
    fs::copy(CORE, &nowhere).unwrap();
    let refused = place.petrel(&["pack", "describe", &nowhere, "--write"]).with_code(2);
    assert_says(&refused.stderr, &[&nowhere, "there is no pack.yaml above it", "wasm/NAME.wasm"]);
    place.write("mine/pack.yaml", PACK);
    fs::create_dir_all(place.path("mine/wasm")).unwrap();
    fs::rename(&nowhere, place.path("mine/wasm/core.wasm")).unwrap();
    let written = place.petrel(&["pack", "describe", &place.path("mine/wasm/core.wasm"), "--write"]);
    assert_says(&written.with_code(0).stdout, &[&format!("wrote {}", place.path("mine/actions/echo.yaml"))]);
    assert_says(&place.read("mine/actions/echo.yaml"), &["entry_point: wasm/core.wasm", "required: true"]);
    place.petrel(&["pack", "check", &place.path("mine")]).with_code(0);

    for (component, code, says) in [
        (place.path("missing.wasm"), 2, &["missing.wasm", "build the component"][..]),
        (place.write("text.wasm", "no component"), 1, &["text.wasm", "wasm32-wasip2"]),
        (BARE.to_owned(), 1, &["says nothing about itself", "by hand"]),
        (STRANGER.to_owned(), 1, &["petrel:pack/action"]),
    ] {
        let refused = place.petrel(&["pack", "describe", &component]).with_code(code);
        assert_says(&refused.stderr, says);
        assert_eq!(refused.stdout, "");
    }
}

/// A pack `mine` of a component and of the metadata of these actions: names, and parameters.
fn with_component(place: &Place, component: &str, actions: &[(&str, &str)]) -> String {
    place.write("mine/pack.yaml", PACK);
    for (name, parameters) in actions {
        let metadata = format!(
            "name: {name}\nrunner_type: wasm-component\nentry_point: wasm/it.wasm\nparameters: {parameters}\n"
        );
        place.write(&format!("mine/actions/{name}.yaml"), &metadata);
    }
    fs::create_dir_all(place.path("mine/wasm")).unwrap();
    fs::copy(component, place.path("mine/wasm/it.wasm")).unwrap();
    place.path("mine")
}

#[test]
fn the_setting_of_memory_is_the_limit_of_a_component() {
    let place = Place::default();
    let pack = with_component(&place, BEHAVE, &[("hog", "{text: {type: string}, count: {type: integer}}")]);
    let run = ["run", "mine.hog", "text=x", "count=50331648", "-j"];
    let host = place.start(&[]);
    host.ok(&["pack", "register", &pack]);
    assert_says(&host.ok(&run).stdout, &["48 MiB"]);
    host.stop();
    let host = place.start(&["--components-max-memory-mib", "16"]);
    let failed = host.cli(&run).with_code(1).json();
    assert_eq!(failed["result"]["code"], "limit.memory", "{failed:#}");
    assert_says(
        &failed["result"].to_string(),
        &["more than the limit of 16 MiB", "raise components.max_memory_mib"],
    );
    host.stop();
}

#[test]
fn an_action_that_its_component_lacks_or_describes_otherwise_is_told_by_check_and_registration() {
    let place = Place::default();
    let host = place.start(&[]);
    let pack = with_component(
        &place,
        CORE,
        &[("echo", "{message: {type: integer, required: true}}"), ("ecoh", "{message: {type: string}}")],
    );
    let lacks = "the component wasm/it.wasm has no action ecoh; it has ";
    let otherwise = "the component wasm/it.wasm describes the parameter message of echo otherwise";
    let checked = place.petrel(&["pack", "check", &pack, "-j"]).with_code(1).json();
    assert_says(&checked["problems"].to_string(), &[lacks]);
    assert_says(&checked["warnings"].to_string(), &[otherwise]);
    assert_says(&host.ok(&["pack", "register", &pack]).stderr, &[lacks, otherwise]);
    assert_says(&host.cli(&["run", "mine.ecoh"]).with_code(2).stderr, &[lacks]);
    host.stop();
}

/// Runs a command of cargo in `place`, as somebody would who has nothing set for cargo, and who is offline.
fn cargo(place: &Place, command: &str) {
    let mut shell = Command::new("timeout");
    shell.args(["900", "sh", "-c", command]).current_dir(place.path(""));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO") && text != "CARGO_HOME") || text.starts_with("RUSTFLAGS") {
            shell.env_remove(&name);
        }
    }
    let ended = shell.env("CARGO_NET_OFFLINE", "true").output().unwrap();
    assert!(ended.status.success(), "{command}: {}", String::from_utf8_lossy(&ended.stderr));
}

/// What the page takes to be there: a checkout, and here also what was built before and the versions that are at hand.
fn lay_out_checkout(place: &Place) {
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    std::os::unix::fs::symlink(&root, place.path("petrel")).unwrap();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("greetings");
    fs::create_dir_all(&built).unwrap();
    fs::create_dir_all(place.path("greetings/component")).unwrap();
    std::os::unix::fs::symlink(built, place.path("greetings/component/target")).unwrap();
    fs::copy(root.join("Cargo.lock"), place.path("greetings/component/Cargo.lock")).unwrap();
}

#[test]
fn the_page_of_the_sdk_leads_to_a_pack_that_runs() {
    if Command::new("timeout").args(["9", "cargo", "--version"]).output().is_err() {
        return skip("there is no timeout");
    }
    let place = Place::default();
    let host = place.start(&[]);
    let url = format!("http://{}", host.address);
    lay_out_checkout(&place);
    let mut printed = String::new();
    for block in pages::blocks(PAGE) {
        match (block.language.as_str(), &block.file) {
            // Only shown, before anything is done.
            ("text", None) if printed.is_empty() => {}
            ("text", None) => block.text.lines().for_each(|line| assert_says(&printed, &[line])),
            ("", _) => printed = give(&place, &url, &block),
            (_, Some(file)) if Path::new(&place.path(file)).exists() => {
                assert_eq!(place.read(file), block.text, "{file} is not what was made");
            }
            (_, Some(file)) => drop(place.write(file, &block.text)),
            (language, None) => panic!("a block of {language} is no file: {}", block.text),
        }
    }
    assert_says(&printed, &["succeeded"]);
    host.stop();
}

/// Gives the commands of a block; what the last one printed.
fn give(place: &Place, url: &str, block: &Block) -> String {
    let mut printed = "nothing".to_owned();
    for command in block.commands() {
        if command.starts_with("cargo ") {
            cargo(place, &command);
        } else if !command.starts_with("rustup ") {
            printed = place.script(&command, &[("PETREL_URL", url)]).with_code(0).stdout;
        }
    }
    printed
}

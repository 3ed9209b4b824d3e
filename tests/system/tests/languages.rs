//! The same pack in each language, from its sources: the examples, and in Rust what `petrel pack new` makes. It is built by its
//! own tools, tested by its cases, and behaves on the host as the others do. What is built is kept by what it is built from,
//! where `PETREL_TEST_BUILT` names a directory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use petrel_system_tests::{Place, assert_says, skip_without};
use serde_json::{Value, json};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// What every component is built from beside its own sources: the WIT, and what calls the tools.
const SHARED: [&str; 2] = ["wit", "host/crates/pack-build/src"];

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
/// The time that a compiler of another language may take where others are busy, and ours with what it has made.
const LONG: Duration = Duration::from_mins(10);

/// The plain files in a directory, by their paths in it. What tools have made there is left out.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if ["build", "node_modules", "wasm", "__pycache__", ".venv"].contains(&name) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The place of the built component, for as long as nothing that it is built from changes.
fn kept(word: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("PETREL_TEST_BUILT").filter(|value| !value.is_empty())?;
    let mut hasher = DefaultHasher::new();
    // It has the versions of what makes components of core modules.
    fs::read(Path::new(REPOSITORY).join("Cargo.toml")).unwrap().hash(&mut hasher);
    for place in SHARED
        .iter()
        .map(|place| (*place).to_owned())
        .chain([format!("examples/{word}"), format!("pack-sdk/{word}")])
        .filter(|place| Path::new(REPOSITORY).join(place).is_dir())
    {
        files(&Path::new(REPOSITORY).join(place)).hash(&mut hasher);
    }
    Some(PathBuf::from(directory).join(format!("{word}-{:016x}.wasm", hasher.finish())))
}

/// Copies the example into a place, or makes the pack there. Gives its files.
fn lay_out(place: &Place, word: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    if word == "rust" {
        return new_in_rust(place);
    }
    let example = files(&Path::new(REPOSITORY).join("examples").join(word));
    for (path, content) in &example {
        let path = Path::new(word).join(path);
        place.write(path.to_str().unwrap(), std::str::from_utf8(content).unwrap());
    }
    example
}

/// Makes the pack in Rust, for which nothing is downloaded: the versions of the repository are at hand.
fn new_in_rust(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let pack = place.path("rust");
    place.petrel(&["pack", "new", "hello_rust", "--lang", "rust", "--directory", &pack]).with_code(0);
    let made = files(Path::new(&pack));
    let lock = fs::read_to_string(Path::new(REPOSITORY).join("Cargo.lock")).unwrap();
    place.write("rust/component/Cargo.lock", &lock);
    place.write("rust/component/.cargo/config.toml", "[net]\noffline = true\n");
    made
}

/// Builds the pack, or takes what was built from the same sources. `false` if a tool is missing.
fn build(place: &Place, word: &str) -> bool {
    let (pack, component) = (place.path(word), place.path(&format!("{word}/wasm/hello_{word}.wasm")));
    let kept = kept(word);
    if let Some(kept) = kept.as_ref().filter(|kept| kept.is_file()) {
        fs::create_dir_all(Path::new(&component).parent().unwrap()).unwrap();
        fs::copy(kept, &component).unwrap();
        place.petrel_within(LONG, &["pack", "describe", &component, "--write"]).with_code(0);
        return true;
    }
    let built = place.petrel_within(LONG, &["pack", "build", &pack, "--json"]);
    if built.code == 1 && built.json()["code"] == "build.tool" {
        let told = built.json();
        let why = format!("{}; {}", told["faultstring"].as_str().unwrap(), told["hint"].as_str().unwrap());
        skip_without(word, &why);
        return false;
    }
    let built = built.with_code(0).json();
    assert_eq!(built["language"], word);
    assert!(Path::new(&component).is_file(), "{built}");
    if let Some(kept) = kept {
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        let beside = kept.with_extension(std::process::id().to_string());
        fs::copy(&component, &beside).unwrap();
        fs::rename(&beside, &kept).unwrap();
    }
    true
}

/// What every example does.
fn suite(word: &str) {
    let place = Place::default();
    // The host is there first, so that what is compiled to describe the component is compiled for it, too.
    let host = place.start(&[]);
    let example = lay_out(&place, word);
    if !build(&place, word) {
        return host.stop();
    }
    for (path, content) in &example {
        let path = Path::new(word).join(path);
        let now = place.read(path.to_str().unwrap());
        assert_eq!(now.as_bytes(), content, "{}: commit what `petrel pack build` writes", path.display());
    }
    let (pack, greet) = (place.path(word), format!("hello_{word}.greet"));
    let tested = place.petrel_within(LONG, &["pack", "test", &pack, "--json"]).with_code(0).json();
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(3), &json!(0)), "{tested}");
    host.ok(&["pack", "register", &pack]);
    let run = host.ok(&["run", &greet, "name=Ann", "times=2", "--json"]).json();
    assert_eq!(run["result"], json!({"text": "Hello, Ann! Hello, Ann!"}));
    let output = host.ok(&["execution", "output", run["id"].as_str().unwrap()]).stdout;
    assert_says(&output, &["greeting Ann"]);
    // Texts of any kind pass both ways, and so does one that is longer than a page of memory.
    for name in ["Zoë \"Z\"\n\u{1f600}", "\\u0041\u{7}", &"long ".repeat(20_000)] {
        let body = json!({"action": greet, "parameters": {"name": name}});
        let run = host.until(&host.request(&body), "succeeded");
        assert_eq!(run["result"]["text"], format!("Hello, {name}!"));
    }
    let failed = host.cli(&["run", &greet, "name=", "--json"]).with_code(1).json();
    let result = &failed["result"];
    assert_eq!(
        (&result["kind"], &result["hint"]),
        (&Value::from("invalid-input"), &Value::from("give a name")),
        "{result}"
    );
    assert_eq!(result["code"], format!("hello_{word}.nobody"));
    host.stop();
}

#[test]
fn an_action_in_rust_behaves_as_any_other() {
    suite("rust");
}

#[test]
fn an_action_in_python_behaves_as_any_other() {
    suite("python");
}

#[test]
fn an_action_in_javascript_behaves_as_any_other() {
    suite("js");
}

#[test]
fn an_action_in_go_behaves_as_any_other() {
    suite("go");
}

#[test]
fn an_action_in_c_behaves_as_any_other() {
    suite("c");
}

#[test]
fn cases_that_fail_are_told_with_the_difference() {
    let place = Place::default();
    place.write("mine/pack.yaml", PACK);
    let action = "name: NAME\ndescription: A case.\nenabled: true\nrunner_type: wasm-component\nentry_point: wasm/core.wasm\n";
    place.write("mine/actions/noop.yaml", &action.replace("NAME", "noop"));
    place.write(
        "mine/actions/local.yaml",
        "name: local\ndescription: A case.\nenabled: true\nrunner_type: local-shell-cmd\nentry_point: ''\n",
    );
    fs::create_dir_all(place.path("mine/wasm")).unwrap();
    fs::copy(petrel_test_components::CORE, place.path("mine/wasm/core.wasm")).unwrap();
    place.write(
        "mine/tests/all.yaml",
        "- {name: right, action: noop}\n- {name: wrong, action: noop, expect: {result: 42}}\n- {name: other, action: local}\n",
    );
    let tested = place.petrel(&["pack", "test", &place.path("mine")]).with_code(1);
    assert_says(
        &tested.stdout,
        &[
            "passed right (tests/all.yaml:1)",
            "FAILED wrong (tests/all.yaml:2)",
            "must be 42",
            "only actions of components",
        ],
    );
    assert_says(&tested.stderr, &["1 passed, 2 failed"]);
    place.petrel(&["pack", "test", &place.path("mine"), "--only", "right"]).with_code(0);
}

#[test]
fn a_new_pack_is_made_and_what_is_missing_to_build_it_is_told() {
    let place = Place::default();
    let made =
        place.petrel(&["pack", "new", "greet", "--lang", "python", "--directory", &place.path("greet")]);
    assert_says(
        &made.with_code(0).stdout,
        &["greet/component/actions.py", "greet/README.md", "greet/tests/greet.yaml"],
    );
    let again =
        place.petrel(&["pack", "new", "greet", "--lang", "python", "--directory", &place.path("greet")]);
    assert_says(&again.with_code(6).stderr, &["exists already"]);
    // Without any program on the path.
    let petrel = place.script("command -v petrel", &[]).with_code(0).stdout;
    let script = format!("{} pack build greet", petrel.trim());
    let missing = place.script(&format!("PATH= {script}"), &[]).with_code(1);
    assert_says(&missing.stderr, &["componentize-py is not installed", "pip install componentize-py=="]);
    let bare = place.petrel(&["pack", "test", &place.path("greet")]).with_code(1);
    assert_says(&bare.stdout, &["the pack has no action `greet`", "petrel pack build"]);
}

#[test]
fn a_change_is_registered_and_runs_are_shown_while_a_pack_is_watched() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/pack.yaml", PACK);
    place.write(
        "mine/actions/greet.yaml",
        "name: greet\ndescription: Greets.\nenabled: true\nrunner_type: local-shell-cmd\nentry_point: ''\nparameters: {cmd: {default: echo hello}}\n",
    );
    let url = format!("http://{}", host.address);
    let watched = place.script(
        r"petrel pack dev mine >said 2>&1 & dev=$!
until_said() { n=0; until grep -q -- $1 said || [ $n -gt 600 ]; do sleep 0.1; n=$((n + 1)); done; }
until_said watching
petrel run mine.greet
until_said succeeded
sed -i s/hello/goodbye/ mine/actions/greet.yaml
until_said changed:
n=0; until petrel run mine.greet | grep -q goodbye || [ $n -gt 100 ]; do n=$((n + 1)); done
kill $dev; cat said",
        &[("PETREL_URL", &url)],
    );
    let said = watched.with_code(0).stdout;
    assert_says(
        &said,
        &[
            "registered mine: 1 action",
            "mine.greet ",
            ": succeeded",
            "  hello",
            "changed: actions/greet.yaml",
        ],
    );
    let run = host.ok(&["run", "mine.greet", "--json"]).json();
    assert_eq!(run["result"]["stdout"], "goodbye");
    host.stop();
}

//! The same pack in each language, from the sources of its example. It is built by its own tools, tested by its cases, and
//! behaves on the host as the others do: also where it asks the host for something, or has to be ended by it. What is built is
//! kept by what it is built from, where `PETREL_TEST_BUILT` names a directory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use petrel_system_tests::{Host, Place, assert_says, skip_without};
use serde_json::{Value, json};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// What every component is built from beside its own sources: the WIT, and what calls the tools.
const SHARED: [&str; 3] = ["wit", "pack-sdk/wit", "host/crates/pack-build/src"];

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
            if ["build", "target", "node_modules", "wasm", "__pycache__", ".venv"].contains(&name) {
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

/// Copies the example into a place. Gives its files.
fn lay_out(place: &Place, word: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let example = files(&Path::new(REPOSITORY).join("examples").join(word));
    for (path, content) in &example {
        let path = Path::new(word).join(path);
        place.write(path.to_str().unwrap(), std::str::from_utf8(content).unwrap());
    }
    if word == "rust" {
        // Nothing is downloaded for it: the versions of the repository are at hand.
        let lock = fs::read_to_string(Path::new(REPOSITORY).join("Cargo.lock")).unwrap();
        place.write("rust/component/Cargo.lock", &lock);
        place.write("rust/component/.cargo/config.toml", "[net]\noffline = true\n");
    }
    example
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
    let pack = place.path(word);
    let tested = place.petrel_within(LONG, &["pack", "test", &pack, "--json"]).with_code(0).json();
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(8), &json!(0)), "{tested}");
    host.ok(&["pack", "register", &pack]);
    let pack = format!("hello_{word}");
    it_greets(&host, &pack);
    it_counts(&host, &pack);
    it_announces(&host, &pack);
    it_fetches(&host, &pack);
    it_is_ended(&host, &pack);
    host.stop();
}

/// Parameters, results, messages and errors.
fn it_greets(host: &Host<'_>, pack: &str) {
    let greet = format!("{pack}.greet");
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
    assert_eq!(result["code"], format!("{pack}.nobody"));
}

/// Runs an action that is denied, and grants what the hint says.
fn grant_what_is_denied(host: &Host<'_>, pack: &str, run: &[&str], code: &str, words: &str) {
    let failed = host.cli(run).with_code(1).json();
    let result = &failed["result"];
    assert_eq!((&result["kind"], &result["code"]), (&json!("denied"), &json!(code)), "{failed}");
    assert_says(result["hint"].as_str().unwrap(), &[&format!("`petrel pack grant {pack} '{words}'`")]);
    host.ok(&["pack", "grant", pack, words]);
}

/// A key outlasts the call, and of runs at the same time none is lost.
fn it_counts(host: &Host<'_>, pack: &str) {
    let count = format!("{pack}.count");
    let once = ["run", &count, "key=visits", "--json"];
    grant_what_is_denied(host, pack, &once, "denied.kv", "kv=pack");
    assert_eq!(host.ok(&once).json()["result"], json!({"count": 1}));
    let more = host.ok(&["run", &count, "key=visits", "by=2", "--json"]).json();
    assert_eq!(more["result"], json!({"count": 3}));
    let body = json!({"action": count, "parameters": {"key": "Zoë \u{1f600}"}});
    let ids: Vec<_> = (0..8).map(|_| host.request(&body)).collect();
    let counted = ids.iter().map(|id| host.until(id, "succeeded")["result"]["count"].as_u64().unwrap());
    let mut counted: Vec<_> = counted.collect();
    counted.sort_unstable();
    assert_eq!(counted, [1, 2, 3, 4, 5, 6, 7, 8]);
}

/// An event is a trigger instance once the action has ended.
fn it_announces(host: &Host<'_>, pack: &str) {
    let text = "Zoë \"Z\"\n\u{1f600} ".repeat(6_000);
    let body = json!({"action": format!("{pack}.announce"), "parameters": {"text": text}});
    let run = host.until(&host.request(&body), "succeeded");
    assert_eq!(run["result"], json!({"announced": text}));
    let listed = host.list(&format!("/triggerinstances?trigger={pack}.announced"));
    let payloads: Vec<_> = listed.iter().map(|instance| &instance["payload"]).collect();
    assert_eq!(payloads, [&json!({"text": text})]);
}

/// A request is denied with the command that grants it, and is made once it is granted.
fn it_fetches(host: &Host<'_>, pack: &str) {
    let body = "page \u{e9} \u{1f600} ".repeat(10_000);
    let url = format!("http://{}/page", serve(body.clone()));
    let fetch = format!("{pack}.fetch");
    let query = format!("url={url}?q=a%20b");
    let run = ["run", &fetch, &query, "--json"];
    grant_what_is_denied(host, pack, &run, "denied.http", &format!("http=GET {url}"));
    assert_eq!(host.ok(&run).json()["result"], json!({"status": 200, "body": body}));
}

/// An action that does not end by itself is ended, and holds up nobody.
fn it_is_ended(host: &Host<'_>, pack: &str) {
    let body = json!({"action": format!("{pack}.spin"), "parameters": {"timeout": 1}});
    let ended = host.until(&host.request(&body), "timeout");
    assert_eq!(ended["result"]["code"], "limit.time", "{ended}");
    let run = host.ok(&["run", &format!("{pack}.greet"), "name=Ann", "--json"]).json();
    assert_eq!(run["result"], json!({"text": "Hello, Ann!"}));
}

/// Answers every request with this body, and returns its address.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = BufReader::new(connection.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _gone = connection.write_all(answer.as_bytes());
        }
    });
    address
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

//! What a new user does first, as the README says it: its examples are taken from it and done, one after the other.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are the parts of a test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use petrel_system_tests::{Host, Place, assert_says, skip};
use serde_json::{Value, json};

use crate::pages::{self, Block};

const README: &str = include_str!("../../../README.md");
/// Where the example of an action in Rust is compiled, as a test of the documentation.
const SDK: &str = include_str!("../../../pack-sdk/rust/src/lib.rs");

/// What GitHub sends about a push.
const PUSH: &str = include_str!("../../../examples/github/push.json");

/// The sample rule; its command writes to `target`.
fn sample_rule(target: &str) -> String {
    format!(
        r#"
name: sample_rule_with_webhook
pack: examples
description: Sample rule dumping webhook payload to a file.
enabled: true
trigger: {{type: core.st2.webhook, parameters: {{url: sample}}}}
criteria: {{trigger.body.name: {{type: equals, pattern: test}}}}
action: {{ref: core.local, parameters: {{cmd: "echo \"{{{{trigger.body}}}}\" >> {target}"}}}}
"#
    )
}

#[test]
fn the_first_event() {
    let place = Place::default();
    let host = place.start(&[]);
    assert_says(&host.greeting, &["listens on http://127.0.0.1:", "sign in", "admin-token", "petrel run"]);
    // It is not where the client looks by itself.
    assert_says(&host.greeting, &[&format!("export PETREL_URL=http://{}", host.address), "PETREL_DATA_DIR="]);
    let rule = place.write("rule.yaml", &sample_rule(&place.path("out")));
    let made = host.ok(&["rule", "create", &rule]);
    assert_says(&made.stdout, &["examples.sample_rule_with_webhook"]);
    // The payload gets into a command, which the sample does not care about.
    assert_says(&made.stderr, &["warning", "shell_quote", "petrel trigger why last"]);

    let matching = json!({"name": "test", "n": 3});
    let answer = host.post("/webhooks/sample", &matching).with_status(202);
    assert_eq!(answer.json(), matching);
    let execution = host.until(answer.header("x-execution-ids"), "succeeded");
    assert_eq!(execution["context"]["rule"]["name"], "examples.sample_rule_with_webhook");
    assert_eq!(place.read("out"), "{'name': 'test', 'n': 3}\n");
    assert_eq!(host.list("/executions?status=succeeded").len(), 1);

    // As `curl -d` sends it, which calls everything a form.
    let head = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = host.try_send("POST", "/webhooks/sample", head, br#"{"name": "other"}"#).unwrap();
    assert_eq!((answer.status, answer.json()), (202, json!({"name": "other"})));
    assert_eq!(answer.header("x-execution-ids"), "");
    assert_eq!(host.list("/executions").len(), 1);
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(
        &why,
        &[
            answer.header("x-trigger-instance-id"),
            "examples.sample_rule_with_webhook: does not match",
            r#"trigger.body.name equals "test" does not hold: the value is "other""#,
        ],
    );
    let why = host.ok(&["trigger", "why", "last", "--json"]).json();
    assert_eq!(why["rules"][0]["matched"], false);
    host.stop();
}

#[test]
fn what_the_host_says_to_try_works_as_it_stands() {
    // The second has a data directory that a shell would take for two words.
    let directory = Place::default();
    for place in [Place::default(), Place::with_data(Path::new(&directory.path("my data")))] {
        let host = place.start(&[]);
        let line = host.greeting.lines().find_map(|line| line.trim().strip_prefix("try ")).unwrap();
        let ran = place.script(&format!("unset PETREL_DATA_DIR\n{line}"), &[]).with_code(0);
        assert_says(&ran.stdout, &["succeeded", "Linux"]);
        let told = host.greeting.lines().find_map(|line| line.trim().strip_prefix("export ")).unwrap();
        place.script(&format!("unset PETREL_DATA_DIR\nexport {told}\npetrel whoami"), &[]).with_code(0);
        host.stop();
    }
}

#[test]
fn the_first_event_with_a_component() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["pack", "install", "builtin:github"]);
    let push: Value = serde_json::from_str(PUSH).unwrap();
    let rule = place.write(
        "rule.yaml",
        "
name: deploy
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: push}}
criteria: {trigger.body.ref: {type: startswith, pattern: refs/heads/}}
action: {ref: github.decide_push, parameters: {payload: '{{ trigger.body }}'}}
",
    );
    let made = host.ok(&["rule", "create", &rule]);
    assert!(!made.stderr.contains("warning"), "{made:?}");
    let answer = host.post("/webhooks/push", &push).with_status(202);
    let execution = host.until(answer.header("x-execution-ids"), "succeeded");
    let result = &execution["result"];
    assert_eq!(
        (&result["decision"], &result["reason"]),
        (&json!("deploy"), &json!("branch main was pushed")),
        "{execution:#}"
    );

    let answer = host.post("/webhooks/push", &json!({"ref": "refs/tags/v1"})).with_status(202);
    assert_eq!(answer.header("x-execution-ids"), "");
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(
        &why,
        &[r#"trigger.body.ref startswith "refs/heads/" does not hold: the value is "refs/tags/v1""#],
    );
    host.stop();
}

#[test]
fn a_run_needs_no_login() {
    let place = Place::default();
    let host = place.start(&[]);
    let run = host.ok(&["run", "core.local", "cmd=uname -a"]);
    assert_says(&run.stdout, &["succeeded", "Linux"]);
    let output = host.ok(&["execution", "output", "last"]);
    assert_says(&output.stdout, &["Linux"]);
    assert_eq!(host.ok(&["run", "core.echo", "message=hello", "-j"]).json()["status"], "succeeded");
    host.ok(&["pack", "install", "builtin:github"]);
    let push = format!("payload=@{}", place.write("push.json", PUSH));
    let run = host.ok(&["run", "github.decide_push", &push, "branches=main,release/*"]);
    assert_says(&run.stdout, &["branch main was pushed"]);
    host.stop();
}

/// The blocks of the section of this name.
fn blocks(section: &str) -> Vec<Block> {
    let rest = README.split_once(&format!("\n## {section}\n")).unwrap().1;
    pages::blocks(rest.split("\n## ").next().unwrap())
}

/// The sections whose commands are done by a test, as they stand.
const DONE: [&str; 2] = ["First event in five minutes", "Looking after it"];

#[test]
fn every_command_of_the_readme_is_done_by_a_test() {
    let mut sections = README.split("\n## ");
    let start = pages::blocks(sections.next().unwrap());
    // These two build all that the tests around this one run.
    let commands: Vec<_> = start.iter().flat_map(Block::commands).collect();
    assert_eq!(commands, ["cargo run --release -- serve", "cargo test --workspace"]);
    for section in sections {
        let (title, text) = section.split_once('\n').unwrap();
        let has_commands = pages::blocks(text).iter().any(|block| block.language.is_empty());
        assert!(!has_commands || DONE.contains(&title), "no test does what `{title}` says");
    }
}

/// What the directory is called here that the README has its reader write into.
const FIRST: &str = "first";

/// Who pastes what the README says, block by block, with a host that is elsewhere.
struct Reader<'a> {
    place: &'a Place,
    host: &'a Host<'a>,
    /// The directory of which the README says that it may be named by `XDG_DATA_HOME`.
    data_home: String,
    /// What stays in the shell from one block to the next: its aliases and variables, and where it is.
    said: String,
    /// What the last block of commands printed.
    printed: String,
    /// What all blocks of commands printed.
    printed_in_all: String,
}

impl Reader<'_> {
    /// `text`, with the port of this test, and without a file or a directory that other tests may have too.
    fn here(&self, text: &str) -> String {
        text.replace("http://127.0.0.1:9101", &format!("http://{}", self.host.address))
            .replace("/tmp/petrel.webhook_sample.out", &self.place.path("sample.out"))
            .replace("~/petrel-first", &self.place.path(FIRST))
    }

    fn paste(&mut self, block: &Block) {
        let text = self.here(&block.text);
        let (url, script) = (format!("http://{}", self.host.address), format!("set -e\n{}{text}", self.said));
        let environment = [("PETREL_URL", url.as_str()), ("XDG_DATA_HOME", self.data_home.as_str())];
        let ended = self.place.script(&script, &environment).with_code(0);
        assert!(!ended.stdout.contains("faultstring"), "{script}: {}", ended.stdout);
        assert!(!ended.stderr.contains("shell_quote"), "{script}: {}", ended.stderr);
        self.printed_in_all += &ended.stdout;
        self.printed = ended.stdout;
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase());
        let stays = |line: &&str| {
            let is_place = line.starts_with("mkdir ") && line.contains(" && cd ");
            is_place
                || line.starts_with("alias ")
                || line.split_once('=').is_some_and(|(name, _)| is_name(name))
        };
        text.lines().filter(stays).for_each(|line| self.said += &format!("{line}\n"));
    }

    fn read(&mut self, block: &Block) {
        match (block.language.as_str(), &block.file) {
            ("", _) => self.paste(block),
            ("text" | "json", None) => {
                block.text.lines().for_each(|line| assert_says(&self.printed, &[line]));
            }
            (_, Some(file)) => {
                self.place.write(&format!("{FIRST}/{file}"), &self.here(&block.text));
            }
            (language, None) => {
                panic!("a block of {language} is neither for a file nor what is printed: {}", block.text)
            }
        }
    }
}

#[test]
fn the_blocks_of_the_readme_work_pasted_as_they_stand() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("there is no curl");
    }
    let home = Place::default();
    let place = Place::with_data(Path::new(&home.path("petrel")));
    // What is in the directory that they are pasted in.
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    let binary = fs::canonicalize(petrel_test_support::binary().unwrap()).unwrap();
    fs::create_dir_all(place.path("target/release")).unwrap();
    symlink(binary, place.path("target/release/petrel")).unwrap();
    symlink(root.join("examples"), place.path("examples")).unwrap();
    let host = place.start(&[]);
    let (said, printed, printed_in_all) = Default::default();
    let data_home = home.path("");
    let mut reader = Reader { place: &place, host: &host, data_home, said, printed, printed_in_all };
    for block in blocks("First event in five minutes") {
        reader.read(&block);
    }
    let written: Value = serde_json::from_str(&place.read("sample.out")).unwrap();
    assert_eq!(written, json!({"name": "test", "n": 3}));
    let result = |action: &str| {
        let ran = host.list(&format!("/executions?action={action}&status=succeeded"));
        assert_eq!(ran.len(), 1, "{action}");
        ran[0]["result"].to_string()
    };
    assert_says(&result("hello.greet"), &["Hello, Ann!"]);
    assert_says(&result("core.echo"), &["/nowhere is not there, ls: "]);
    assert_says(
        &reader.printed_in_all,
        &[
            "1 passed, 0 failed",
            // The secret, and never as it is stored.
            "s3cret",
            "examples.failures",
            "feed.entries",
            "hello.check.limit",
        ],
    );
    host.stop();
}

#[test]
fn the_rust_of_the_readme_is_what_is_compiled() {
    let documented: Vec<_> = SDK.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let compiled: String = documented
        .split(|line| line.trim() == "```")
        .nth(1)
        .unwrap()
        .iter()
        .filter(|line| !line.starts_with(" # "))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let shown = blocks("First event in five minutes").into_iter().find(|block| block.language == "rust");
    assert_eq!(shown.unwrap().text, compiled);
}

#[test]
fn a_host_is_looked_after_as_the_readme_says() {
    let (first, second) = (Place::default(), Place::default());
    let mut host = Some(first.start(&[]));
    let mut place = &first;
    for command in blocks("Looking after it").iter().flat_map(Block::commands) {
        let is_verb = |verb: &str| command.starts_with(&format!("petrel {verb} "));
        if is_verb("restore") {
            host.take().unwrap().stop();
            fs::copy(first.path("petrel.backup"), second.path("petrel.backup")).unwrap();
            place = &second;
        }
        if is_verb("resume-all") && host.is_none() {
            host = Some(second.start(&[]));
        }
        if is_verb("store")
            && let Some(host) = host.take()
        {
            host.stop();
        }
        let data = place.data().to_str().unwrap();
        let command = command.replace("${XDG_DATA_HOME:-$HOME/.local/share}/petrel", data);
        let url = host.as_ref().map(|host| format!("http://{}", host.address));
        let environment: Vec<_> = url.iter().map(|url| ("PETREL_URL", url.as_str())).collect();
        place.script(&command, &environment).with_code(0);
    }
    assert!(Path::new(&second.path("store.before")).exists());
    second.start(&["--store-engine", "redb"]).stop();
}

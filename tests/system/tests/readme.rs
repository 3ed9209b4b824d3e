//! What a new user does first, as the README says it: its examples are taken from it and done, one after the other.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are the parts of a test"
)]

use std::process::Command;

use petrel_system_tests::{Ended, Host, Place, assert_says, eventually, skip};
use serde_json::{Value, json};

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

/// A block of the README.
#[derive(Debug)]
struct Block {
    /// The file that it is to be written to, if the paragraph above ends with a name.
    file: Option<String>,
    /// What stands behind its first three backticks; nothing where it is for a shell.
    language: String,
    text: String,
}

/// The blocks of the section of this name.
fn blocks(section: &str) -> Vec<Block> {
    let rest = README.split_once(&format!("\n## {section}\n")).unwrap().1;
    let (mut blocks, mut above, mut open) = (Vec::new(), String::new(), None::<Block>);
    for line in rest.lines().take_while(|line| !line.starts_with("## ")) {
        if let Some(language) = line.strip_prefix("```") {
            let named = above.strip_suffix("`:").and_then(|above| above.rsplit('`').next());
            if let Some(block) = open.take() {
                blocks.push(block);
            } else {
                let (file, language) = (named.map(str::to_owned), language.to_owned());
                open = Some(Block { file, language, text: String::new() });
            }
        } else if let Some(block) = &mut open {
            block.text += &format!("{line}\n");
        } else if !line.is_empty() {
            line.clone_into(&mut above);
        }
    }
    blocks
}

/// The commands of a block; one goes on behind a backslash.
fn commands(block: &Block) -> Vec<String> {
    let joined = block.text.replace("\\\n", " ");
    joined.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// Who does what the README says, with a host that is elsewhere.
struct Reader<'a> {
    place: &'a Place,
    host: &'a Host<'a>,
    /// Variables of the shell that were set.
    variables: String,
    /// What the last command printed.
    printed: String,
}

impl Reader<'_> {
    /// `text`, with the places of this test.
    fn here(&self, text: &str) -> String {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/");
        text.replace("http://127.0.0.1:9101", &format!("http://{}", self.host.address))
            .replace("${XDG_DATA_HOME:-$HOME/.local/share}/petrel", self.place.data().to_str().unwrap())
            .replace("/tmp/petrel.webhook_sample.out", &self.place.path("sample.out"))
            .replace("@examples/", &format!("@{example}"))
    }

    fn call(&self, command: &str) -> Ended {
        let url = format!("http://{}", self.host.address);
        self.place.script(&format!("{}{command}", self.variables), &[("PETREL_URL", &url)])
    }

    fn give(&mut self, command: &str) {
        let command = self.here(command);
        if ["alias ", "cargo "].iter().any(|start| command.starts_with(start)) {
            return;
        }
        if command.split_once('=').is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            self.variables += &format!("{command}\n");
            return;
        }
        // What an action writes is there once it has run.
        let is_late = command.starts_with("cat ");
        let ended = eventually(&command, || {
            let ended = self.call(&command);
            (!is_late || !ended.stdout.is_empty()).then_some(ended)
        });
        let ended = ended.with_code(0);
        assert!(!ended.stdout.contains("faultstring"), "{command}: {}", ended.stdout);
        self.printed = ended.stdout;
    }

    fn read(&mut self, block: &Block) {
        match (block.language.as_str(), &block.file) {
            ("", _) => commands(block).iter().for_each(|command| self.give(command)),
            ("json", None) => {
                let expected: Value = serde_json::from_str(&block.text).unwrap();
                eventually("the result is that of the README", || {
                    let newest = self.host.get("/executions/last").with_status(200).json();
                    (newest["result"] == expected).then_some(())
                });
            }
            ("text", None) => block.text.lines().for_each(|line| assert_says(&self.printed, &[line])),
            (_, Some(file)) => {
                self.place.write(file, &self.here(&block.text));
            }
            (language, None) => {
                panic!("a block of {language} is neither for a file nor what is printed: {}", block.text)
            }
        }
    }
}

#[test]
fn the_examples_of_the_readme_are_complete() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("there is no curl");
    }
    let place = Place::default();
    let host = place.start(&[]);
    let mut reader = Reader { place: &place, host: &host, variables: String::new(), printed: String::new() };
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
    assert_says(&reader.printed, &["1 passed, 0 failed"]);
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
    for command in blocks("Looking after it").iter().flat_map(commands) {
        let is_verb = |verb: &str| command.starts_with(&format!("petrel {verb} "));
        if is_verb("restore") {
            host.take().unwrap().stop();
            std::fs::copy(first.path("petrel.backup"), second.path("petrel.backup")).unwrap();
            place = &second;
        }
        if is_verb("resume-all") {
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
    assert!(std::path::Path::new(&second.path("store.before")).exists());
    second.start(&["--store-engine", "redb"]).stop();
}

//! The command line: exit codes, errors as JSON, help.

use petrel_system_tests::{Ended, Place, assert_says, eventually};

/// Every verb; the first is none.
const VERBS: &[&str] = &[
    "",
    "serve",
    "config show",
    "config reference",
    "run",
    "action list",
    "action get",
    "execution list",
    "execution get",
    "execution output",
    "execution cancel",
    "execution tail",
    "rule list",
    "rule get",
    "rule create",
    "rule update",
    "rule enable",
    "rule resume",
    "rule disable",
    "rule delete",
    "rule test",
    "rule why",
    "rule-enforcement list",
    "rule-enforcement get",
    "dead-letter list",
    "dead-letter replay",
    "trigger list",
    "trigger instances",
    "trigger get",
    "trigger why",
    "trigger emit",
    "trigger re-emit",
    "trace list",
    "trace get",
    "inquiry list",
    "inquiry get",
    "inquiry respond",
    "timer list",
    "timer get",
    "host-key list",
    "host-key get",
    "host-key pin",
    "host-key delete",
    "maintenance create",
    "maintenance list",
    "maintenance get",
    "maintenance delete",
    "policy list",
    "policy get",
    "policy create",
    "policy update",
    "policy enable",
    "policy disable",
    "policy delete",
    "policy-type list",
    "policy-type get",
    "sensor list",
    "sensor get",
    "sensor enable",
    "sensor disable",
    "sensor poll",
    "sensor restart",
    "sensor reset-cursor",
    "sensor logs",
    "pack new",
    "pack build",
    "pack test",
    "pack dev",
    "pack describe",
    "pack list",
    "pack register",
    "pack get",
    "pack reload",
    "pack remove",
    "pack config",
    "pack configure",
    "key list",
    "key get",
    "key set",
    "key load",
    "key delete",
    "store rotate-key",
    "store add-key",
    "log level",
    "purge",
    "resume-all",
    "completion",
    "login",
    "logout",
    "whoami",
    "user list",
    "user create",
    "user password",
    "user delete",
    "apikey list",
    "apikey get",
    "apikey create",
    "apikey enable",
    "apikey disable",
    "apikey delete",
];

#[test]
fn every_verb_has_help_with_examples() {
    let place = Place::default();
    for verb in VERBS {
        let words: Vec<_> = verb.split_whitespace().collect();
        for help in [
            &[words.clone(), vec!["--help"]].concat(),
            &[words.clone(), vec!["-h"]].concat(),
            &[vec!["help"], words].concat(),
        ] {
            let help = place.petrel(help).with_code(0).stdout;
            assert_says(&help, &["Examples:\n", &format!("petrel {verb}"), "Usage: "]);
        }
    }
    assert_says(&place.petrel(&["--help"]).stdout, &["Exit codes: 0 done"]);
    assert_says(&place.petrel(&["--version"]).with_code(0).stdout, &["petrel 0."]);
}

#[test]
fn the_exit_code_says_how_it_went() {
    let place = Place::default();
    let host = place.start(&[]);
    let run = |words: &[&str]| host.cli(&[&["run"], words].concat());
    for (words, code, stdout, stderr) in [
        (&["core.local", "cmd=true"][..], 0, &["succeeded"][..], &[][..]),
        (&["core.local", "--", "echo", "a b"], 0, &["a b"], &[]),
        (
            &["core.local", "cmd=echo no >&2; exit 3"],
            1,
            &["failed", "\"return_code\": 3", "\"stderr\": \"no\""],
            &[],
        ),
        (&["core.local"], 2, &[], &["cmd", "petrel action get core.local"]),
        (&["core.local", "cmd=true", "timeout=soon"], 2, &[], &["timeout", "\"soon\"", "timeout=5"]),
        (&["core.local", "cmd:={"], 2, &[], &["cmd is not JSON"]),
        (
            &["core.lcoal", "cmd=true"],
            3,
            &[],
            &["action `core.lcoal` does not exist", "did you mean `core.local`?"],
        ),
        (&["--wait", "0", "core.local", "cmd=sleep 0.5"], 7, &["requested"], &[]),
        (&["--async", "core.noop"], 0, &[], &[]),
    ] {
        let ended = run(words).with_code(code);
        assert_says(&ended.stdout, stdout);
        assert_says(&ended.stderr, stderr);
    }
    let id = run(&["--async", "core.noop"]).stdout;
    host.until(id.trim(), "succeeded");
    let canceled = host.cli_while(&["run", "core.local", "cmd=sleep 60"], || {
        let id = eventually("it runs", || {
            let running = host.list("/executions?status=running");
            let ours = running.iter().find(|execution| execution["parameters"]["cmd"] == "sleep 60")?;
            ours["id"].as_str().map(str::to_owned)
        });
        host.ok(&["execution", "cancel", &id]);
    });
    assert_says(&canceled.with_code(9).stdout, &["canceled"]);
    host.stop();
}

/// Calls `petrel` on a terminal with the words behind the first, types ^C once the first was shown, and prints what was
/// on the terminal and the exit code.
const TYPED: &str = r"
import os, pty, select, sys
process, terminal = pty.fork()
if process == 0:
    os.execvp('petrel', ['petrel'] + sys.argv[2:])
seen, was_typed = b'', False
while True:
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit('nothing more came: %r' % seen)
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if sys.argv[1].encode() in seen and not was_typed:
        was_typed = True
        os.write(terminal, b'\x03')
print(seen.decode())
print('exit code', os.WEXITSTATUS(os.waitpid(process, 0)[1]))
";

#[test]
fn who_breaks_off_waiting_is_told_how_to_find_the_execution_again() {
    let place = Place::default();
    let host = place.start(&[]);
    let url = format!("http://{}", host.address);
    let typed = place.write("typed.py", TYPED);
    let on_terminal = |until: &str, words: &str| {
        let script = format!("python3 {typed} '{until}' {words}");
        place.script(&script, &[("PETREL_URL", &url)]).with_code(0).stdout
    };
    let run = on_terminal(" is running", "run core.local cmd='echo begun; sleep 60'");
    assert_says(&run, &["core.local is requested as ", "^C stops waiting"]);
    let tail = on_terminal("begun", "execution tail last");
    let id = host.get("/executions/last").json()["id"].as_str().map(str::to_owned).unwrap_or_default();
    assert_says(&run, &[&format!("{id} is running")]);
    for shown in [run, tail] {
        let [get, cancel] = ["get", "cancel"].map(|verb| format!("petrel execution {verb} {id}"));
        assert_says(&shown, &[&format!("the execution {id}, which goes on"), &get, &cancel, "exit code 130"]);
    }
    assert_eq!(host.execution(&id)["status"], "running");
    host.ok(&["execution", "cancel", &id]);
    assert_eq!(host.ok(&["run", "core.noop"]).stderr, "", "no terminal shows it");
    host.stop();
}

#[test]
fn errors_are_text_for_people_and_objects_for_programs() {
    let place = Place::default();
    let host = place.start(&[]);
    let here = format!("--url=http://{}", host.address);
    let nowhere = "--url=http://127.0.0.1:1";
    for (words, code, kind, says) in [
        (&["run", "core.lcoal", &here][..], 3, "not_found", &["core.lcoal", "core.local"][..]),
        (&["run", "core.local", &here], 2, "invalid", &["cmd", "petrel action get core.local"]),
        (&["run", "ecoh", &here], 2, "invalid", &["`ecoh` is not a reference", "did you mean `core.echo`?"]),
        (
            &["run", "core.echo", "mesage=hi", &here],
            2,
            "invalid",
            &["'mesage' was unexpected", "did you mean message? it takes: "],
        ),
        (&["run", "core.echo", "hi", &here], 2, "usage", &["`hi` is not a parameter", "message='hi'"]),
        (
            &["run", "core.winrm_cmd", "host=a", "cmd=date", &here],
            3,
            "not_found",
            &["core.winrm_cmd", "the runner winrm-cmd", "core.local", "ssh HOST COMMAND"],
        ),
        (&["rule", "get", "a.b", &here], 3, "not_found", &["rule `a.b` does not exist", "petrel rule list"]),
        (
            &["action", "list", &here, "--token=wrong"],
            4,
            "unauthorized",
            &["the token is not valid", "admin-token"],
        ),
        (
            &["action", "list", nowhere],
            8,
            "unreachable",
            &["no host answers at http://127.0.0.1:1", "petrel serve", "--url"],
        ),
        (
            &["action", "list", "--url=127.0.0.1:9317"],
            2,
            "usage",
            &["`127.0.0.1:9317`", "PETREL_URL", "write http://127.0.0.1:9317"],
        ),
        (
            &["action", "list", &format!("{here}/api/v1")],
            2,
            "usage",
            &["/api/v1`", "longer than the URL of the host", &format!("write http://{}", host.address)],
        ),
        (&["rule", "create", "missing.yaml", &here], 2, "usage", &["missing.yaml"]),
        (
            &["execution", "get", "last", &here],
            3,
            "not_found",
            &["execution `last` does not exist", "petrel run core.noop"],
        ),
        (&["trigger", "why", "last", &here], 3, "not_found", &["trigger instance `last` does not exist"]),
    ] {
        is_an_error_in_both_forms(&place, words, code, kind, says);
    }
    // Its address is in a variable, and no flag that somebody gave.
    assert_says(&host.cli(&["pack", "reload"]).with_code(2).stderr, &["Usage: petrel pack reload <PACK>"]);
    host.stop();
}

fn is_an_error_in_both_forms(place: &Place, words: &[&str], code: i32, kind: &str, says: &[&str]) {
    let text = place.petrel(words).with_code(code);
    assert_says(&text.stderr, &[&["error: ", "\n  try: "], says].concat());
    assert_eq!(text.stdout, "", "{words:?}");
    let object = place.petrel(&[&["--json"], words].concat()).with_code(code);
    assert_eq!(object.stderr, "", "{words:?}");
    let object = object.json();
    let of = |field: &str| object.pointer(field).map(ToString::to_string).unwrap_or_default();
    assert_eq!(of("/code").trim_matches('"'), kind);
    assert_says(&format!("{}\n{}", of("/faultstring"), of("/hint")), says);
}

#[test]
fn wrong_usage_says_what_is_right() {
    let place = Place::default();
    let usage = |words: &[&str]| -> Ended { place.petrel(words).with_code(2) };
    assert_says(&usage(&["ruel", "list"]).stderr, &["ruel", "did you mean `petrel rule`?"]);
    assert_says(&usage(&["trigger-instance", "list"]).stderr, &["`petrel trigger instances`"]);
    assert_says(&usage(&["help", "execution", "tial"]).stderr, &["did you mean `petrel execution tail`?"]);
    assert_says(&usage(&["rule", "create"]).stderr, &["FILE", "Usage: petrel rule create"]);
    assert_says(&usage(&["execution", "list", "--stauts", "failed"]).stderr, &["--stauts", "--status"]);
    assert_says(&usage(&[]).stderr, &["petrel run core.local"]);
    let run = usage(&["run", "core.local", "uname", "-a"]).stderr;
    assert_says(
        &run,
        &["`-a` behind `uname`", "petrel run core.local -- uname -a", "petrel run -a core.local uname"],
    );
    let object = usage(&["--json", "ruel", "list"]);
    assert_eq!(object.json()["code"], "usage");
    assert_says(object.json()["faultstring"].as_str().unwrap(), &["ruel"]);
}

#[test]
fn an_empty_list_says_what_was_looked_for_and_what_does_not_exist() {
    let place = Place::default();
    let host = place.start(&[]);
    for (words, says) in [
        (&["execution", "list"][..], "nothing found\n"),
        (&["execution", "list", "--status", "failed"], "nothing found for --status failed\n"),
        (&["trigger", "instances"], "nothing found\n"),
        (
            &["trigger", "instances", "--type", "core.st2.webhok"],
            "nothing found for --type core.st2.webhok\nnote: trigger `core.st2.webhok` does not exist; did you mean \
             `core.st2.webhook`?\n",
        ),
        (&["trigger", "instances", "--before", "1h"], "nothing found for --before 1h\n"),
        (&["rule", "list", "--pack", "core"], "nothing found for --pack core\n"),
        (
            &["rule", "list", "--trigger", "core.st2.webhook"],
            "nothing found for --trigger core.st2.webhook\n",
        ),
        (
            &["action", "list", "--pack", "croe"],
            "nothing found for --pack croe\nnote: pack `croe` does not exist; did you mean `core`?\n",
        ),
        (
            &["execution", "list", "--action", "core.lcoal"],
            "nothing found for --action core.lcoal\nnote: action `core.lcoal` does not exist; did you mean \
             `core.local`?\n",
        ),
        (
            &["rule-enforcement", "list", "--rule", "a.b"],
            "nothing found for --rule a.b\nnote: rule `a.b` does not exist; `petrel rule list` shows what there is\n",
        ),
        (&["key", "list", "--prefix", "x."], "nothing found for --prefix x.\n"),
    ] {
        let nothing = host.ok(words);
        assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", says));
        assert_eq!(host.ok(&[&["-j"], words].concat()).json(), serde_json::json!([]));
    }
    host.stop();
}

#[test]
fn what_there_is_can_be_looked_at() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["pack", "install", "builtin:github"]);
    let answer = host.post("/webhooks/github", &serde_json::json!({"repository": {"full_name": "a/b"}}));
    let execution = answer.with_status(202).header("x-execution-ids").to_owned();
    host.until(&execution, "succeeded");
    for (words, says) in [
        (
            &["action", "list"][..],
            &["core.local", "local-shell-cmd", "github.decide_push", "wasm-component"][..],
        ),
        (&["action", "list", "--pack", "core"], &["core.echo"]),
        (&["action", "get", "core.local"], &["\"cmd\"", "\"timeout\"", "local-shell-cmd"]),
        (&["pack", "list"], &["core", "github", "0.1.0"]),
        (&["rule", "list"], &["webhook /github"]),
        (&["rule", "get", "github.on_push"], &["github.decide_push", "core.st2.webhook"]),
        (&["trigger", "list"], &["core.st2.webhook"]),
        (&["trigger", "instances", "--type", "core.st2.webhook"], &["webhook /github", "processed"]),
        (&["trigger", "get", "core.st2.webhook"], &["parameters_schema", "\"url\"", "payload_schema"]),
        (
            &["rule-enforcement", "list", "--rule", "github.on_push"],
            &["github.on_push", &execution, "succeeded"],
        ),
        (&["rule-enforcement", "get", "last"], &["rule.ref:", "github.on_push", &execution]),
        (&["trigger", "get", "last"], &["enforcements", "github.on_push", &execution]),
        (&["trigger", "why", "last"], &["github.on_push: matches: there are no criteria"]),
        (&["execution", "list"], &[&execution, "stanley", "succeeded"]),
        (&["execution", "get", "last"], &["github.on_push", "nothing was pushed"]),
    ] {
        assert_says(&host.ok(words).stdout, says);
        host.ok(&[&["--json"], words].concat()).json();
    }
    host.stop();
}

#[test]
fn output_is_followed_to_the_end() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = host.shell("echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; exit 3");
    let go = place.data().join("work/go");
    let tailed = host.cli_while(&["execution", "tail", "last"], || {
        host.until(&id, "running");
        eventually("the first line is stored", || {
            (host.get(&format!("/executions/{id}/output")).body == "one\n").then_some(())
        });
        std::fs::write(&go, "").unwrap_or_default();
    });
    let tailed = tailed.with_code(1);
    assert_eq!(tailed.stdout, "one\ntwo\n");
    assert_says(&tailed.stderr, &[&id, "failed"]);
    assert_eq!(host.get(&format!("/executions/{id}/output?from=1")).body, "two\n");
    assert_eq!(host.ok(&["run", "core.noop"]).code, 0);
    host.cli(&["execution", "tail", "none"]).with_code(2);
    host.stop();
}

#[test]
fn results_come_as_yaml_too_and_shells_complete() {
    let place = Place::default();
    let host = place.start(&[]);
    let yaml = host.ok(&["-o", "yaml", "pack", "get", "core"]).stdout;
    assert!(yaml.lines().any(|line| line == "ref: core"), "{yaml}");
    assert!(host.ok(&["pack", "list", "-o", "yaml"]).stdout.starts_with("  - "));
    assert!(host.ok(&["pack", "list", "-o", "json"]).json().is_array());
    assert_says(&host.ok(&["pack", "list", "-o", "table"]).stdout, &["PACK"]);
    host.cli(&["pack", "list", "-o", "xml"]).with_code(2);
    for (shell, says) in [("bash", "complete -F"), ("zsh", "#compdef petrel"), ("fish", "complete -c petrel")]
    {
        assert_says(&place.petrel(&["completion", shell]).with_code(0).stdout, &[says, "execution"]);
    }
    host.stop();
}

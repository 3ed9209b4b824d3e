//! Inputs of scripts, results of their executions, and messages about scripts that cannot be run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use petrel_runners::local_shell::{LocalScript, Options};
use petrel_runners::{End, Outcome, OutputSink, Runner};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{call_of, shell_options};

/// Prints each argument in brackets, and then parts of its environment.
const SHOW: &str = "#!/bin/sh\nfor a in \"$@\"; do printf '[%s]' \"$a\"; done\n";

/// A pack with one script in it.
fn pack(script: &str, mode: u32) -> TempDir {
    let pack = TempDir::new().unwrap();
    fs::create_dir(pack.path().join("actions")).unwrap();
    let file = pack.path().join("actions/run it.sh");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    pack
}

async fn run_with(options: Options, pack: &TempDir, schema: Value, parameters: Value) -> Outcome {
    let action = json!({
        "ref": "mine.run", "runner_type": "local-shell-script", "entry_point": "run it.sh", "parameters": schema,
    });
    let call = call_of(action, parameters, pack.path());
    LocalScript::new(options).run(call, OutputSink::new(2000), CancellationToken::new()).await
}

async fn run(script: &str, schema: Value, parameters: Value) -> Outcome {
    run_with(shell_options(), &pack(script, 0o755), schema, parameters).await
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let schema = json!({
        "to": {"type": "string", "position": 1},
        "from": {"type": "string", "position": 0},
        "all": {"type": "boolean"},
        "how": {"type": "string"},
    });
    let parameters = json!({
        "to": "$(id) `id` 'x' \"y\" *", "from": "a  b\nc", "all": true, "how": "; id",
        "timeout": 5, "env": {"X": "1"}, "sudo": false,
    });
    let outcome = run(SHOW, schema.clone(), parameters).await;
    assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    assert_eq!(outcome.result["stdout"], "[--all][--how=; id][a  b\nc][$(id) `id` 'x' \"y\" *]");
    let short = run(SHOW, schema, json!({"how": "x", "kwarg_op": "-"})).await;
    assert_eq!(short.result["stdout"], "[-how=x][][]");
}

#[tokio::test]
async fn results_are_shaped_as_those_of_a_command() {
    for (script, parameters, end, code, stdout) in [
        ("#!/bin/sh\necho '{\"a\": 1}'", json!({}), End::Succeeded, 0, json!({"a": 1})),
        ("#!/bin/sh\nexit 4", json!({}), End::Failed, 4, json!("")),
        (
            "#!/bin/sh\necho $X $ST2_ACTION_PACK_NAME",
            json!({"env": {"X": 7}}),
            End::Succeeded,
            0,
            json!("7 mine"),
        ),
        ("#!/bin/sh\npwd", json!({"cwd": "/"}), End::Succeeded, 0, json!("/")),
        ("#!/bin/sh\necho early; sleep 30", json!({"timeout": 0.3}), End::TimedOut, -9, json!("early")),
        ("#!/bin/sh\necho $ST2_ACTION_DEBUG", json!({"debug": true}), End::Succeeded, 0, json!("True")),
    ] {
        let outcome = run(script, json!({}), parameters).await;
        let got = (outcome.end, &outcome.result["return_code"], &outcome.result["stdout"]);
        assert_eq!(got, (end, &json!(code), &stdout), "{script}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_names_the_file_and_the_remedy() {
    for (script, mode, code, says) in [
        ("echo hi\n", 0o755, "script.interpreter", "#!/bin/sh"),
        ("", 0o755, "script.interpreter", "#!/bin/sh"),
        ("#!/bin/sh\r\necho hi\r\n", 0o755, "script.interpreter", "sed -i"),
        ("#!/no/such/interpreter\n", 0o755, "script.interpreter", "install it"),
        ("#!/bin/sh\necho hi\n", 0o644, "script.not_executable", "chmod +x"),
    ] {
        let outcome = run_with(shell_options(), &pack(script, mode), json!({}), json!({})).await;
        let text = |name: &str| outcome.result[name].as_str().unwrap_or_default();
        assert_eq!((outcome.end, text("code")), (End::Failed, code), "{script:?}");
        assert!(text("error").contains("actions/run it.sh"), "{outcome:?}");
        assert!(text("hint").contains(says), "{outcome:?}");
    }
    let empty = TempDir::new().unwrap();
    let outcome = run_with(shell_options(), &empty, json!({}), json!({})).await;
    assert_eq!(outcome.result["code"], "script.missing");
    // A link to a place outside the pack is not followed.
    let linked = pack(SHOW, 0o755);
    fs::remove_file(linked.path().join("actions/run it.sh")).unwrap();
    std::os::unix::fs::symlink("/bin/ls", linked.path().join("actions/run it.sh")).unwrap();
    let outcome = run_with(shell_options(), &linked, json!({}), json!({})).await;
    assert!(outcome.result["error"].as_str().unwrap().contains("outside its pack"), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_waited_for() {
    let place = pack(SHOW, 0o755);
    let script = place.path().join("actions/run it.sh");
    let fifo = || rustix::fs::mkfifoat(rustix::fs::CWD, &script, rustix::fs::Mode::RWXU).unwrap();
    let folder = || fs::create_dir(&script).unwrap();
    let socket = || drop(std::os::unix::net::UnixListener::bind(&script).unwrap());
    // A sparse file, which takes no space on the disk.
    let hole = || fs::File::create(&script).unwrap().set_len(1 << 40).unwrap();
    let kinds: [(&dyn Fn(), &str); 4] = [
        (&fifo, "is not a plain file"),
        (&folder, "is not a plain file"),
        (&socket, "is not a plain file"),
        (&hole, "64 MiB is the limit"),
    ];
    for (make, says) in kinds {
        drop(fs::remove_file(&script).or_else(|_| fs::remove_dir(&script)));
        make();
        let running = run_with(shell_options(), &place, json!({}), json!({}));
        let outcome = tokio::time::timeout(std::time::Duration::from_secs(20), running).await.unwrap();
        assert_eq!(outcome.result["code"], "script.missing", "{outcome:?}");
        assert!(outcome.result["error"].as_str().unwrap().contains(says), "{says}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_no_argument_can_hold_is_said() {
    let schema = json!({"a": {"type": "string", "position": 0}});
    let outcome = run(SHOW, schema.clone(), json!({"a": "x\0y"})).await;
    assert_eq!((outcome.end, &outcome.result["code"]), (End::Failed, &json!("parameters.nul")));
    let outcome = run(SHOW, schema, json!({"a": "x".repeat(200_000)})).await;
    assert_eq!((outcome.end, &outcome.result["code"]), (End::Failed, &json!("process.arguments")));
}

#[tokio::test]
async fn sudo_gets_its_password_by_standard_input() {
    // A stand-in for sudo: prints its arguments and its input, then runs the command after `--`.
    let sudo = "#!/bin/sh\nprintf '<%s>' \"$*\"\ncase \"$*\" in -S*) read -r word; printf '<%s>' \"$word\";; esac\n\
                while [ \"$1\" != -- ]; do shift; done; shift\nexec \"$@\"\n";
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("sudo");
    fs::write(&file, sudo).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let options = |run_as: Option<&str>| Options {
        environment: vec![("PATH".into(), path.clone())],
        run_as: run_as.map(str::to_owned),
        ..shell_options()
    };
    let pack = pack("#!/bin/sh\nprintf '[%s]' \"$1\"; cat\n", 0o755);
    let schema = json!({"a": {"type": "string", "position": 0}});
    for (run_as, parameters, options_of_sudo, word) in [
        (None, json!({"a": "x y", "sudo": true}), "<-n -E -- bash -c", ""),
        (
            None,
            json!({"a": "x y", "sudo": true, "sudo_password": "secret"}),
            "<-S -p  -E -- bash -c",
            "<secret>",
        ),
        (Some("stanley"), json!({"a": "x y"}), "<-n -E -H -u stanley -- bash -c", ""),
    ] {
        let outcome = run_with(options(run_as), &pack, schema.clone(), parameters).await;
        let stdout = outcome.result["stdout"].as_str().unwrap();
        assert!(stdout.starts_with(options_of_sudo), "{stdout}");
        // The script gets its argument, and not the password.
        assert!(stdout.ends_with(&format!("{word}[x y]")), "{stdout}");
    }
}

//! Commands and scripts on other hosts by SSH: real servers on loopback, with keys of their own, as the user of the tests.
//! How they are started is in `remote/server.rs`.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

mod secrets;
mod server;

use std::fs;
use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

use server::{Server, server};

/// Runs `core.remote` on hosts of a server with its key, and returns the execution when it has ended.
fn run(host: &Host<'_>, server: &Server, hosts: &str, more: &Value) -> Value {
    let id = request(host, server, hosts, more);
    ended(host, &id)
}

fn request(host: &Host<'_>, server: &Server, hosts: &str, more: &Value) -> String {
    let mut parameters = json!({
        "hosts": hosts, "port": server.port, "username": server.user, "private_key": server.key("plain"), "cmd": "echo hi",
    });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    host.request(&json!({"action": "core.remote", "parameters": parameters}))
}

/// The execution, once it has ended.
fn ended(host: &Host<'_>, id: &str) -> Value {
    eventually(&format!("execution {id} has ended"), || {
        let open = ["requested", "scheduled", "running", "canceling", "delayed"];
        Some(host.execution(id)).filter(|execution| !open.contains(&execution["status"].as_str().unwrap()))
    })
}

/// Whether a process of this id runs. One that has ended and was not waited for does not.
fn runs(id: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// The content of a file, once it has a line.
fn line(path: &str) -> String {
    eventually(path, || fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))).trim().to_owned()
}

#[test]
fn a_command_runs_on_another_host_that_is_pinned() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&["--log-level", "info"]);
    let ran = run(
        &host,
        &server,
        "127.0.0.1",
        &json!({"env": {"COLOUR": "it's red"}, "cmd": "pwd; echo \"$COLOUR\" >&2; exit 3"}),
    );
    assert_eq!(ran["status"], "failed");
    assert_eq!(
        ran["result"],
        json!({"127.0.0.1": {
            "failed": true, "succeeded": false, "return_code": 3, "stdout": "/tmp", "stderr": "it's red",
        }})
    );
    // The key itself, and other ways to give it.
    let text = fs::read_to_string(server.key("plain")).unwrap();
    for (key, cmd, stdout) in [
        (text.clone(), "echo '{\"a\": [1]}'", json!({"a": [1]})),
        (text.replace('\n', "\r\n"), "exec 2>&1; echo $ST2_ACTION_PACK_NAME", json!("core")),
        (server.key("plain"), "exit 255", json!("")),
        (server.key("plain"), "(sleep 600 &) ; echo left", json!("left")),
    ] {
        let ran = run(&host, &server, "127.0.0.1", &json!({"private_key": key, "cmd": cmd}));
        assert_eq!(ran["result"]["127.0.0.1"]["stdout"], stdout, "{ran}");
        assert!(ran["result"]["127.0.0.1"].get("code").is_none(), "{ran}");
    }
    let name = server.pin();
    let known = host.list("/hostkeys");
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0]["host"], &known[0]["fingerprint"]), (&json!(name), &json!(server.fingerprint())));
    assert_says(&host.ok(&["host-key", "list"]).stdout, &[&name, "ssh-ed25519", "admin"]);
    assert_says(&place.read("log"), &["host_key.pinned", &server.fingerprint()]);
    let output = host.get(&format!("/executions/{}/output", ran["id"].as_str().unwrap())).body;
    assert_says(&output, &["first contact with", "it's red", "/tmp"]);
    host.stop();
}

#[test]
fn several_hosts_work_at_the_same_time() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&[]);
    let met = place.path("met");
    fs::create_dir(&met).unwrap();
    // Each waits until the other is there too.
    let cmd = format!(
        "set -- $SSH_CONNECTION; touch {met}/$3; until [ -e {met}/127.0.0.1 ] && [ -e {met}/127.0.0.2 ]; do sleep 0.1; done; echo $3"
    );
    let ran = run(&host, &server, "127.0.0.1, 127.0.0.2", &json!({"cmd": cmd, "timeout": 120}));
    assert_eq!(ran["status"], "succeeded", "{ran}");
    for name in ["127.0.0.1", "127.0.0.2"] {
        assert_eq!(ran["result"][name]["stdout"], name, "{ran}");
    }
    let output = host.get(&format!("/executions/{}/output", ran["id"].as_str().unwrap())).body;
    assert_says(&output, &["127.0.0.1: 127.0.0.1", "127.0.0.2: 127.0.0.2"]);
    // One that cannot be reached fails the action, and spares the others.
    let gone = server::free_port();
    let ran = run(&host, &server, &format!("127.0.0.1,localhost:{gone}"), &json!({}));
    assert_eq!((&ran["status"], &ran["result"]["127.0.0.1"]["stdout"]), (&json!("failed"), &json!("hi")));
    let failed = &ran["result"]["localhost"];
    assert_eq!((&failed["return_code"], &failed["code"]), (&json!(255), &json!("ssh.unreachable")));
    assert_says(failed["error"].as_str().unwrap(), &["localhost", "refuses"]);
    host.stop();
    let host = place.start(&["--ssh-allow-partial-failure"]);
    let ran = run(&host, &server, &format!("127.0.0.1,localhost:{gone}"), &json!({}));
    assert_eq!(ran["status"], "succeeded", "{ran}");
    host.stop();
}

#[test]
fn a_host_may_be_on_the_way() {
    let place = Place::default();
    let (Some(server), Some(bastion)) = (server(&place, "a"), server(&place, "bastion")) else { return };
    let host = place.start(&[]);
    let way = format!("127.0.0.2:{}", bastion.port);
    let ran = run(&host, &server, "127.0.0.1", &json!({"bastion_host": way}));
    assert_eq!(ran["result"]["127.0.0.1"]["stdout"], "hi", "{ran}");
    let known: Vec<_> = host.list("/hostkeys").iter().map(|key| key["host"].to_string()).collect();
    assert_eq!(known.len(), 2, "{known:?}");
    assert_says(&bastion.log(), &["Accepted publickey"]);
    // A trouble beyond it is told apart from one with it.
    for (hosts, way, says) in [
        (
            format!("127.0.0.1:{}", server::free_port()),
            way.clone(),
            "cannot be reached from the bastion 127.0.0.2",
        ),
        (
            "127.0.0.1".to_owned(),
            format!("127.0.0.2:{}", server::free_port()),
            "127.0.0.2 refuses the connection",
        ),
    ] {
        let ran = run(&host, &server, &hosts, &json!({"bastion_host": way}));
        let part = &ran["result"]["127.0.0.1"];
        assert_eq!((&ran["status"], &part["code"]), (&json!("failed"), &json!("ssh.unreachable")), "{ran}");
        assert_says(part["error"].as_str().unwrap(), &[says]);
    }
    host.stop();
}

#[test]
fn a_command_that_takes_too_long_or_is_canceled_ends_there() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&[]);
    // The one that takes too long has time to begin, also where much else runs.
    for (n, timeout, status) in [(0, 30, "timeout"), (1, 600, "canceled")] {
        let at = |name: &str| place.path(&format!("{name}{n}"));
        // One in its group, one that has left it, and one that ignores SIGTERM.
        let cmd = format!(
            "echo before; setsid sh -c 'echo $$ >{}; exec sleep 600' & (trap '' TERM; sh -c 'echo $$ >{}; exec sleep 600') & echo $$ >{}; sleep 600",
            at("away"),
            at("deaf"),
            at("own"),
        );
        let id = request(&host, &server, "127.0.0.1", &json!({"cmd": cmd, "timeout": timeout}));
        if status == "canceled" {
            for name in ["own", "away", "deaf"] {
                line(&at(name));
            }
            host.delete(&format!("/executions/{id}"));
        }
        let ran = host.until(&id, status);
        let part = &ran["result"]["127.0.0.1"];
        assert_eq!((&part["return_code"], &part["stdout"]), (&json!(-9), &json!("before")), "{ran}");
        assert_eq!(part["timeout"], json!(status == "timeout"), "{ran}");
        assert!(!part["error"].as_str().unwrap().contains("did not tell"), "{ran}");
        for name in ["own", "away", "deaf"] {
            let process = line(&at(name));
            eventually(&format!("{name} has ended"), || (!runs(&process)).then_some(()));
        }
    }
    host.stop();
}

#[test]
fn a_command_ends_with_the_host_that_is_killed() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&[]);
    let own = place.path("own");
    request(
        &host,
        &server,
        "127.0.0.1",
        &json!({"cmd": format!("echo $$ >{own}; sleep 600"), "timeout": 600}),
    );
    let process = line(&own);
    // Dropping it kills it.
    drop(host);
    let host = place.start(&[]);
    eventually("the command has ended", || (!runs(&process)).then_some(()));
    host.stop();
}

#[test]
fn a_changed_key_is_refused_until_the_old_one_is_forgotten() {
    let place = Place::default();
    let Some(mut server) = server(&place, "a") else { return };
    let host = place.start(&["--log-level", "info"]);
    assert_eq!(run(&host, &server, "127.0.0.1", &json!({}))["status"], "succeeded");
    server.set_up_anew();
    let canary = place.path("canary");
    let ran = run(&host, &server, "127.0.0.1", &json!({"cmd": format!("touch {canary}")}));
    let part = &ran["result"]["127.0.0.1"];
    assert_eq!((&ran["status"], &part["code"]), (&json!("failed"), &json!("ssh.host_key_changed")), "{ran}");
    let name = server.pin();
    assert_says(part["error"].as_str().unwrap(), &["127.0.0.1", &server.fingerprint()]);
    assert_says(part["hint"].as_str().unwrap(), &["petrel host-key delete", &name]);
    assert!(!Path::new(&canary).exists());
    host.ok(&["host-key", "delete", &name]);
    assert_eq!(run(&host, &server, "127.0.0.1", &json!({}))["status"], "succeeded");
    assert_says(&place.read("log"), &["host_key.forgotten"]);
    host.stop();
}

#[test]
fn a_strict_host_meets_nobody_by_chance() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&["--ssh-strict"]);
    let ran = run(&host, &server, "127.0.0.1", &json!({}));
    let part = &ran["result"]["127.0.0.1"];
    assert_eq!(part["code"], "ssh.host_key_unknown", "{ran}");
    assert_says(part["hint"].as_str().unwrap(), &["petrel host-key pin", &server.pin()]);
    host.ok(&["host-key", "pin", &server.pin(), &server.host_key()]);
    assert_eq!(run(&host, &server, "127.0.0.1", &json!({}))["status"], "succeeded");
    // Another key is not put in its place.
    let other = fs::read_to_string(format!("{}.pub", server.key("plain"))).unwrap();
    let refused = host.cli(&["host-key", "pin", &server.pin(), &other]);
    assert_says(&refused.stderr, &["another key is pinned", "petrel host-key delete"]);
    host.stop();
}

const PACK: &str =
    "ref: far\nname: far\ndescription: Far.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

#[test]
fn a_script_is_copied_run_and_removed() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    place.write("far/pack.yaml", PACK);
    place.write(
        "far/actions/greet.yaml",
        "name: greet\nrunner_type: remote-shell-script\nentry_point: greet.sh\nparameters:\n  who: {type: string, position: 0}\n  loud: {type: boolean}\n",
    );
    place.write_script(
        "far/actions/greet.sh",
        "#!/bin/sh\n. \"$(dirname \"$0\")/lib/words.sh\"\necho \"$greeting\" \"$@\"\ndirname \"$0\"\n",
    );
    // Without a line end, and with bytes that are no text.
    place.write("far/actions/lib/words.sh", "greeting=Hello");
    fs::write(place.path("far/actions/lib/bytes"), [0, 255, 10, 13]).unwrap();
    let copied = place.path("copied");
    fs::create_dir(&copied).unwrap();
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("far")]);
    let call = |more: Value| {
        let mut parameters = json!({
            "hosts": "127.0.0.1", "port": server.port, "username": server.user, "private_key": server.key("plain"),
            "who": "it's me", "loud": true, "dir": copied,
        });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        let id = host.request(&json!({"action": "far.greet", "parameters": parameters}));
        ended(&host, &id)
    };
    let ran = call(json!({}));
    let stdout = ran["result"]["127.0.0.1"]["stdout"].as_str().unwrap_or_else(|| panic!("{ran}")).to_owned();
    assert_says(&stdout, &["Hello --loud it's me\n", &format!("{copied}/petrel-")]);
    assert_eq!(fs::read_dir(&copied).unwrap().count(), 0, "{ran}");
    let ran = call(json!({"dir": place.path("nowhere")}));
    let part = &ran["result"]["127.0.0.1"];
    assert_eq!(part["return_code"], 255, "{ran}");
    assert_says(part["error"].as_str().unwrap(), &["could not be copied to 127.0.0.1"]);
    // One that is ended is removed as well.
    place.write_script("far/actions/greet.sh", "#!/bin/sh\nsleep 600\n");
    assert_eq!(call(json!({"timeout": 3}))["status"], "timeout");
    eventually("it is removed", || (fs::read_dir(&copied).unwrap().count() == 0).then_some(()));
    host.stop();
}

#[test]
fn bad_input_is_told_with_the_remedy() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&[]);
    for (hosts, more, code, says) in [
        ("-oProxyCommand=id", json!({}), "parameters.hosts", "is no name of a host"),
        (" , ", json!({}), "parameters.hosts", "no host is named"),
        ("127.0.0.1", json!({"port": 70000}), "parameters.port", "70000"),
        ("127.0.0.1", json!({"env": {"a b": "c"}}), "parameters.env", "`a b`"),
        ("127.0.0.1", json!({"private_key": "/nowhere/key"}), "ssh.private_key", "does not exist"),
        (
            "127.0.0.1",
            json!({"private_key": format!("{}.pub", server.key("plain"))}),
            "ssh.private_key",
            "is no private key",
        ),
        (
            "127.0.0.1",
            json!({"private_key": server.key("sealed")}),
            "ssh.passphrase",
            "is protected by a passphrase",
        ),
        (
            "127.0.0.1",
            json!({"private_key": null, "passphrase": "sesame"}),
            "parameters.passphrase",
            "no private key",
        ),
        ("127.0.0.1", json!({"cmd": "x".repeat(200_000)}), "parameters.cmd", "longer than 100 KiB"),
    ] {
        let ran = run(&host, &server, hosts, &more);
        assert_eq!((&ran["status"], &ran["result"]["code"]), (&json!("failed"), &json!(code)), "{ran}");
        assert_says(ran["result"]["error"].as_str().unwrap(), &[says]);
        assert!(!ran["result"]["hint"].as_str().unwrap().is_empty());
    }
    for (more, code, says) in [
        (json!({"private_key": server.key("sealed"), "passphrase": "wrong"}), "ssh.passphrase", "127.0.0.1"),
        (json!({"private_key": server.key("stranger")}), "ssh.denied", "127.0.0.1 does not let the user"),
        (
            json!({"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"}),
            "ssh.private_key",
            "127.0.0.1",
        ),
        (json!({"cwd": "/nowhere"}), "", ""),
    ] {
        let ran = run(&host, &server, "127.0.0.1", &more);
        let part = &ran["result"]["127.0.0.1"];
        if code.is_empty() {
            assert_eq!(part["return_code"], 1, "{ran}");
            assert_says(part["stderr"].as_str().unwrap(), &["/nowhere"]);
            continue;
        }
        assert_eq!((&part["return_code"], &part["code"]), (&json!(255), &json!(code)), "{ran}");
        assert_says(part["error"].as_str().unwrap(), &[says]);
    }
    host.stop();
}

#[test]
fn the_webhook_that_restarts_a_service_on_another_host() {
    let Some(rules) = crate::scenarios::scenario("rules") else { return };
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let typed = fs::read_to_string(rules.join("webhook-to-ssh.yaml")).unwrap();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("typed.yaml", &typed)]);
    // The same with a host that is there.
    let done = place.path("done");
    let here = typed
        .replace("\"10.0.1.250\"", &format!("\"127.0.0.1:{}\"", server.port))
        .replace("\"deploy\"", &format!("\"{}\"", server.user))
        .replace("sudo service cron restart", &format!("echo restarted > {done}"));
    let with_key = |line: &str| match line.split_once("private_key:") {
        Some((before, _)) => format!("{before}private_key: {}", server.key("plain")),
        None => line.to_owned(),
    };
    let here = here.lines().map(with_key).collect::<Vec<_>>().join("\n");
    let here = place.write("here.yaml", &here);
    host.ok(&["rule", "update", "examples.st2_sample_rule_webhook_remote_command", &here]);
    let answer = host.post("/webhooks/restart", &json!({})).with_status(202);
    let ran = ended(&host, answer.header("x-execution-ids"));
    assert_eq!(
        (&ran["status"], fs::read_to_string(&done).unwrap_or_default().as_str()),
        (&json!("succeeded"), "restarted\n"),
        "{ran}"
    );
    host.stop();
}

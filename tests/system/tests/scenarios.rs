//! What people typed who followed published tutorials, run as it stands. The files are not ours, so they are
//! looked for in the directory that `PETREL_SCENARIOS` names; actions of theirs that talk to others are
//! replaced by stand-ins.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use petrel_system_tests::{Host, Place, assert_says, skip};
use serde_json::{Value, json};

/// Where the tutorials keep what they clone.
const SHARED: &str = "/opt/stackstorm/virtualenvs/tmp";

pub(crate) fn scenario(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("PETREL_SCENARIOS").map(|root| Path::new(&root).join(name));
    if directory.is_none() {
        skip("PETREL_SCENARIOS, the directory of the tutorials' files, is not set");
    }
    directory
}

/// Copies all files below a directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn pack_yaml(name: &str) -> String {
    format!("ref: {name}\nname: {name}\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n")
}

#[test]
fn the_sequential_workflow() {
    let Some(from) = scenario("sequential") else { return };
    let place = Place::default();
    copy(&from, Path::new(&place.path("examples/actions")));
    place.write("examples/pack.yaml", &pack_yaml("examples"));
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("examples")]);
    for (name, expected) in [
        ("name=Stan", "Stan, All your base are belong to us!"),
        ("", "Lakshmi, All your base are belong to us!"),
    ] {
        let mut arguments = vec!["run", "examples.orquesta-sequential", "-j"];
        arguments.extend((!name.is_empty()).then_some(name));
        let run = host.ok(&arguments).json();
        assert_eq!(run["result"], json!({"output": {"greeting": expected}}), "{name}");
    }
    host.stop();
}

#[test]
fn the_chain_that_creates_a_machine_on_each_of_its_paths() {
    let Some(from) = scenario("chain") else { return };
    let place = Place::default();
    place.write("custom/pack.yaml", &pack_yaml("custom"));
    let log = place.path("log");
    for action in
        ["create_vm", "provision_vm", "register_dns", "register_lb", "unregister_dns", "unregister_vm"]
    {
        // Each says that it was there, and fails when there is a file of its name.
        let command = format!("echo {action} {{{{ name }}}} >> {log}; test ! -e {}", place.path(action));
        place.write(
            &format!("custom/actions/{action}.yaml"),
            &format!("name: {action}\nrunner_type: local-shell-cmd\nentry_point: ''\nenabled: true\nparameters:\n  name: {{type: string}}\n  cmd: {{immutable: true, default: '{command}'}}\n"),
        );
    }
    copy(&from, Path::new(&place.path("custom/actions/chains")));
    place.write(
        "custom/actions/create-vm.yaml",
        "name: create-vm\nrunner_type: action-chain\nentry_point: chains/create-vm.yaml\nenabled: true\n",
    );
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("custom")]);
    let undone = ["unregister_dns", "unregister_vm"];
    let done = ["create_vm", "provision_vm", "register_dns", "register_lb"];
    let paths: [(&str, usize, bool, &str); 5] = [
        ("", 4, false, "succeeded"),
        ("create_vm", 1, false, "failed"),
        ("provision_vm", 2, true, "succeeded"),
        ("register_dns", 3, true, "succeeded"),
        ("register_lb", 4, true, "succeeded"),
    ];
    for (fails, steps, is_undone, status) in paths {
        drop(fs::remove_file(&log));
        if !fails.is_empty() {
            place.write(fails, "");
        }
        let id = host.request(&json!({"action": "custom.create-vm"}));
        let ended = host.until(&id, status);
        let mut expected: Vec<_> = done.iter().take(steps).copied().collect();
        expected.extend(undone.iter().filter(|_| is_undone));
        let ran: Vec<String> = place.read("log").lines().map(str::to_owned).collect();
        let lines: Vec<_> = expected.iter().map(|action| format!("{action} vm1")).collect();
        assert_eq!(ran, lines, "{fails} fails");
        assert_eq!(ended["result"]["tasks"].as_array().unwrap().len(), lines.len());
        if !fails.is_empty() {
            fs::remove_file(place.path(fails)).unwrap();
        }
    }
    host.stop();
}

/// The pack of the tutorial that builds an image, a chat that keeps its messages in a file, and a repository.
fn prepare(place: &Place, from: &Path) -> (String, String) {
    copy(from, Path::new(&place.path("cicd")));
    for script in ["git-clone.sh", "build.sh"] {
        let content = place.read(&format!("cicd/actions/{script}"));
        place.write_script(&format!("cicd/actions/{script}"), &content);
    }
    place.write("slack/pack.yaml", &pack_yaml("slack"));
    let command = format!("printf %s {{{{ message | shell_quote }}}} > {}", place.path("message"));
    place.write(
        "slack/actions/post_message.yaml",
        &format!("name: post_message\nrunner_type: local-shell-cmd\nentry_point: ''\nenabled: true\nparameters:\n  message: {{type: string}}\n  channel: {{type: string}}\n  username: {{type: string}}\n  webhook_url: {{type: string}}\n  cmd: {{immutable: true, default: '{command}'}}\n"),
    );
    let repository = place.path("repositories/web.git");
    let git = |directory: &str, arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-C", directory, "-c", "user.name=me", "-c", "user.email=me@example.com"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    place.write("repositories/web.git/Dockerfile", "FROM scratch\n");
    git(&repository, &["init", "-q"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "first"]);
    let replaced = format!(
        "[url \"file://{}/\"]\n\tinsteadOf = https://me:secret@git.example.com/\n",
        place.path("repositories")
    );
    place.write("home/.gitconfig", &replaced);
    place.write_script(
        "bin/buildah",
        "#!/bin/sh\necho \"$@\" >> \"$HOME/built\"\ntest ! -e \"$HOME/broken\" || { echo no space left >&2; exit 125; }\n",
    );
    (place.path("home"), format!("{}:{}", place.path("bin"), std::env::var("PATH").unwrap_or_default()))
}

fn build(host: &Host<'_>, repository: &str) -> Value {
    let parameters = json!({
        "repository_url": format!("https://git.example.com/{repository}.git"), "username": "me",
        "password": "secret", "image_name": "web", "registry_host": "registry.example.com:5000",
    });
    let id = host.request(&json!({"action": "cicd.build-workflow", "parameters": parameters}));
    host.until(&id, "succeeded")
}

#[test]
fn the_build_of_an_image_and_its_message_on_each_path() {
    let Some(from) = scenario("cicd") else { return };
    let was_there = Path::new(SHARED).exists();
    if fs::create_dir_all(SHARED).is_err() {
        skip("the tutorial keeps what it clones in /opt/stackstorm, which cannot be made here");
        return;
    }
    let place = Place::default();
    let (home, path) = prepare(&place, &from);
    let host = place.start_with(&[], &[("HOME", &home), ("PATH", &path)]);
    for pack in ["slack", "cicd"] {
        host.ok(&["pack", "register", &place.path(pack)]);
    }
    let image = "Image: registry.example.com:5000/web:latest\n";
    let head = |status: &str, name: &str| {
        format!("Build_statue: {status}\nRepository: https://git.example.com/{name}.git\n{image}")
    };
    assert_eq!(build(&host, "web")["result"], json!({"output": {"result": null}}));
    assert_eq!(place.read("message"), head("Success", "web"));
    let built = format!(
        "build -t web:latest -f {SHARED}/web/Dockerfile\ntag web:latest registry.example.com:5000/web:latest\npush --tls-verify=true registry.example.com:5000/web:latest\n"
    );
    assert_eq!(place.read("home/built"), built);
    // The repository is not there.
    build(&host, "gone");
    let message = place.read("message");
    assert!(message.starts_with(&format!("{}message:\n```\n", head("Fail", "gone"))), "{message}");
    assert_says(&message, &["gone.git", "```\n"]);
    // The image cannot be built.
    place.write("home/broken", "");
    build(&host, "web");
    assert_eq!(place.read("message"), format!("{}message:\n```\nno space left\n```\n", head("Fail", "web")));
    host.stop();
    fs::remove_dir_all(if was_there { "/opt/stackstorm/virtualenvs/tmp/web" } else { "/opt/stackstorm" })
        .unwrap();
}

//! The program is run by this machine's `sh`, in a group of its own as sshd makes one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::*;

fn program<'a>(work: Work<'a>, environment: &'a BTreeMap<String, String>, mark: &'a str) -> Program<'a> {
    Program { mark, environment, cwd: "/", sudo: None, work }
}

/// A mark that no other test has.
fn mark(name: &str) -> String {
    format!("test-{name}-{}", std::process::id())
}

/// Starts a program. Its input stays open as long as the pipe.
fn start(program: &Program<'_>) -> (Child, ChildStdin) {
    let mut command = Command::new("sh");
    command.arg("-s").process_group(0).env("SHELL", "/bin/sh");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(program.text().as_bytes()).unwrap();
    (child, input)
}

/// Runs a program to its end: its exit code, what it printed, and its errors.
fn run(program: &Program<'_>) -> (Option<i32>, String, String) {
    let (mut child, _input) = start(program);
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code(), out, err)
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_command_has_its_own_variables_directory_and_exit_code() {
    let variables = [("A", "it's \"x\" $HOME\n2"), ("petrel_dir", "/mine"), ("HOME", "/elsewhere")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for (line, code, out, err) in [
        ("echo \"$A\"; pwd", 0, "it's \"x\" $HOME\n2\n/\n", ""),
        ("echo \"$petrel_dir $HOME\"", 0, "/mine /elsewhere\n", ""),
        ("echo bad >&2; exit 7", 7, "", "bad\n"),
        ("exit 255", 255, "", ""),
        ("cat; echo \"$petrel_secret$petrel_asked\"", 0, "\n", ""),
        ("kill -TERM $$", 143, "", ""),
        ("(sleep 600 >/dev/null 2>&1 &) ; echo on", 0, "on\n", ""),
    ] {
        let mark = mark("own");
        let ran = run(&program(Work::Line(line), &variables, &mark));
        assert_eq!(ran, (Some(code), out.to_owned(), err.to_owned()), "{line}");
    }
    let program = Program { cwd: "/nowhere", ..program(Work::Line("echo on"), &variables, "test-cwd") };
    let (code, out, err) = run(&program);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("/nowhere"), "{err}");
}

#[test]
fn what_holds_the_output_open_is_ended_and_told() {
    let (variables, mark) = (BTreeMap::new(), mark("held"));
    let (code, out, err) = run(&program(Work::Line("sleep 600 & echo on"), &variables, &mark));
    assert_eq!((code, out.as_str()), (Some(0), "on\n"));
    assert!(err.starts_with("petrel: 1 processes that were left in the background"), "{err}");
}

#[test]
fn the_end_of_its_input_ends_all_that_it_has_started() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    // One in its group, one that has left it, and one that ignores SIGTERM.
    let line = format!(
        "setsid sh -c 'echo $$ >{}; exec sleep 600' & (trap '' TERM; sh -c 'echo $$ >{}; exec sleep 600') & echo $$ >{}; sleep 600",
        at("away"),
        at("deaf"),
        at("own")
    );
    let (variables, mark) = (BTreeMap::new(), mark("ended"));
    let (mut child, input) = start(&program(Work::Line(&line), &variables, &mark));
    let read = |name: &str| {
        let read = || fs::read_to_string(at(name)).ok().filter(|text| text.ends_with('\n'));
        eventually(name, read).trim().to_owned()
    };
    let processes = ["away", "deaf", "own"].map(read);
    drop(input);
    assert_eq!(child.wait().unwrap().code(), None, "it ends itself by a signal at the very last");
    for process in processes {
        eventually("a process has ended", || {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
    }
}

#[test]
fn files_are_copied_as_they_are_and_removed() {
    let place = tempfile::tempdir().unwrap();
    let base = place.path().to_str().unwrap();
    let file = |path: &str, content: &[u8], is_program| Copied {
        path: path.into(),
        content: content.into(),
        is_program,
    };
    let odd = b"END\n$HOME `id` \\\n'quoted'\n";
    let files = [
        file("run it.sh", b"#!/bin/sh\ncd \"$(dirname \"$0\")\"; cksum lib/* lib/deep/*; ls -l lib/deep/tool | cut -c1-10; echo \"$@\"\n", true),
        file("lib/odd", odd, false),
        file("lib/without end", b"no line end", false),
        file("lib/bytes", &[0, 255, 13, 10], false),
        file("lib/empty", b"", false),
        file("lib/deep/tool", b"#!/bin/sh\n", true),
    ];
    let arguments = ["--name=a b".to_owned(), "it's".into(), String::new()];
    let (variables, mark) = (BTreeMap::new(), mark("copied"));
    let work = Work::Script { base, files: &files, arguments: &arguments };
    let (code, out, err) = run(&program(work, &variables, &mark));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let expected = place.path().join("expected");
    fs::create_dir_all(expected.join("lib/deep")).unwrap();
    for file in &files[1..] {
        fs::write(expected.join(&file.path), &file.content).unwrap();
    }
    let sums =
        Command::new("sh").args(["-c", "cksum lib/* lib/deep/*"]).current_dir(&expected).output().unwrap();
    let sums = String::from_utf8(sums.stdout).unwrap();
    assert_eq!(out, format!("{sums}-rwx------\n--name=a b it's \n"));
    assert_eq!(fs::read_dir(base).unwrap().count(), 1, "only what was expected is left");
    let work = Work::Script { base: "/nowhere", files: &files, arguments: &[] };
    let (code, out, err) = run(&program(work, &variables, &mark));
    assert_eq!((code, out.as_str()), (Some(NOT_BEGUN), ""));
    assert_eq!(err.lines().last(), Some("petrel: the script could not be copied"), "{err}");
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn a_password_is_only_in_what_the_shell_reads() {
    let variables = BTreeMap::new();
    for work in [Work::Line("id"), Work::Script { base: "/tmp", files: &[], arguments: &[] }] {
        let sudo = Some(Sudo { password: Some("hu sh") });
        let text = Program { sudo, ..program(work, &variables, "m") }.text();
        assert_eq!(text.matches("hu sh").count(), 1, "{text}");
        assert!(
            text.contains("petrel_secret='hu sh'\n")
                && text.contains("exec sudo -S -p '' -E -- \"$petrel_shell\" -c ")
        );
    }
    let text =
        Program { sudo: Some(Sudo { password: None }), ..program(Work::Line("id"), &variables, "m") }.text();
    assert!(text.contains("exec sudo -n -E -- \"$petrel_shell\" -c id\n"), "{text}");
}

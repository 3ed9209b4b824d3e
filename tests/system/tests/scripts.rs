//! Scripts of packs: what they get, what comes of them, and what is said of those that cannot run.

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const SHOW: &str = "
name: show
runner_type: local-shell-script
entry_point: show.sh
parameters:
  who: {type: string, required: true, position: 0}
  tags: {type: array, position: 1}
  loud: {type: boolean}
  level: {type: integer, default: 3}
";
const SHOW_SCRIPT: &str = "#!/bin/sh\nfor a in \"$@\"; do printf '[%s]' \"$a\"; done\n";

fn register(place: &Place, host: &Host<'_>) {
    place.write("mine/pack.yaml", PACK);
    host.ok(&["pack", "register", &place.path("mine")]);
}

/// Runs an action that may fail; gives its execution.
fn run(host: &Host<'_>, arguments: &[&str]) -> Value {
    host.cli(&[&["run", "-j"], arguments].concat()).json()
}

#[test]
fn a_script_gets_its_arguments() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/actions/show.yaml", SHOW);
    place.write_script("mine/actions/show.sh", SHOW_SCRIPT);
    register(&place, &host);
    let made = run(&host, &["mine.show", "who=you; id", "tags=a,b c", "loud=true"]);
    assert_eq!(made["result"]["stdout"], "[--loud][--level=3][you; id][a,b c]", "{made:#}");
    assert_eq!(made["result"]["return_code"], 0);
    host.cli(&["run", "mine.show", "cmd=id"]).with_code(2);
    host.stop();
}

#[test]
fn a_script_that_cannot_run_says_why() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/actions/show.yaml", SHOW);
    place.write("mine/actions/show.sh", SHOW_SCRIPT);
    register(&place, &host);
    let say = |says: &[&str]| {
        let failed = host.cli(&["run", "mine.show", "who=you", "-j"]).with_code(1).json();
        assert_eq!(failed["status"], "failed");
        assert_says(&failed["result"].to_string(), says);
    };
    say(&["mine/actions/show.sh", "no run bit", "chmod +x"]);
    place.write_script("mine/actions/show.sh", "echo hello\n");
    say(&["mine/actions/show.sh", "#!/bin/sh"]);
    std::fs::remove_file(place.path("mine/actions/show.sh")).unwrap();
    say(&["mine/actions/show.sh", "does not exist", "entry_point"]);
    let refused = host.ok(&["pack", "register", &place.path("mine")]);
    let says = ["action `mine.show` is refused", "actions/show.yaml", "show.sh", "there is no such file"];
    assert_says(&refused.stderr, &says);
    assert_says(&host.cli(&["run", "mine.show", "who=you"]).with_code(2).stderr, &says);
    host.stop();
}

#[test]
fn a_script_for_the_python_of_stackstorm_runs() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/actions/show.yaml", &SHOW.replace("show.sh", "show.py"));
    place.write_script(
        "mine/actions/show.py",
        "#!/opt/stackstorm/st2/bin/python\nimport sys\n\nprint(sys.version_info[0], sys.argv[1:])\n",
    );
    register(&place, &host);
    let made = run(&host, &["mine.show", "who=it's you"]);
    assert_eq!(made["result"]["stdout"], "3 ['--level=3', \"it's you\", '']", "{made:#}");
    host.stop();
}

#[test]
fn the_scripts_of_core_run_as_they_are_laid_out() {
    let place = Place::default();
    let host = place.start(&[]);
    let failed = run(&host, &["core.error", "message=it's $HOME"]);
    assert_eq!(failed["result"]["stderr"], "it's $HOME");
    place.write_script("sendmail", &format!("#!/bin/sh\ncat > {}\n", place.path("mail")));
    let program = format!("sendmail_binary={}", place.path("sendmail"));
    let mail = [&program, "from=ann@example.com", "to=bob@example.com", "subject=Grüße", "body=<b>hi</b>"];
    let sent = run(&host, &[&["core.sendmail"][..], &mail].concat());
    assert_eq!(sent["result"]["stdout"], "Successfully sent mail to bob@example.com", "{sent:#}");
    assert_says(
        &place.read("mail"),
        &["To: bob@example.com\n", "From: ann@example.com\n", "PGI+aGk8L2I+Cg=="],
    );
    let request = json!({"action": "core.sendmail", "parameters":
        {"sendmail_binary": "true", "to": "a@example.com\nBcc: b@example.com", "subject": "s", "body": "b"}});
    let refused = host.until(&host.request(&request), "failed");
    assert_says(refused["result"]["stderr"].as_str().unwrap(), &["line end"]);
    host.stop();
}

//! Inputs of Python actions, and results of their executions.

use std::fs;
use std::time::{Duration, Instant};

use petrel_runners::python_script::{Options, PythonScript, library};
use petrel_runners::{End, Outcome, OutputSink, Runner};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{call_of, shell_options};

mod environments;
mod looking;
mod of_stackstorm;
mod warm;

/// The head of all action files in these tests.
const HEAD: &str = "import sys, os, datetime, decimal\nfrom st2common.runners.base_action import Action\n";

struct Place {
    pack: TempDir,
    library: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { pack: TempDir::new().unwrap(), library: TempDir::new().unwrap() };
        library::lay_out(place.library.path()).unwrap();
        place
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.pack.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn options(&self) -> Options {
        let shell = shell_options();
        Options {
            environment: shell.environment,
            working_directory: shell.working_directory,
            api_url: shell.api_url,
            output_limit: 2000,
            result_limit: 10_000,
            interpreter: "python3".into(),
            library: self.library.path().to_owned(),
            upkeep: petrel_runners::Upkeep::default(),
        }
    }

    async fn run_with(&self, options: Options, parameters: Value, cancel: CancellationToken) -> Outcome {
        let action = json!({"ref": "mine.act", "runner_type": "python-script", "entry_point": "act.py"});
        let mut call = call_of(action, parameters, self.pack.path());
        call.pack_config = std::sync::Arc::new(json!({"url": "http://a"}).as_object().cloned().unwrap());
        PythonScript::new(options).run(call, OutputSink::new(2000), cancel).await
    }

    async fn run(&self, file: &str, parameters: Value) -> Outcome {
        // Python's cache considers a file with the same second and size unchanged.
        drop(fs::remove_dir_all(self.pack.path().join("actions/__pycache__")));
        self.write("actions/act.py", file);
        self.run_with(self.options(), parameters, CancellationToken::new()).await
    }
}

/// An action whose `run` has this body.
fn act(body: &str) -> String {
    format!("{HEAD}class Act(Action):\n    def run(self, **given):\n        {body}\n")
}

#[tokio::test]
async fn what_run_returns_decides() {
    let place = Place::new();
    for (body, end, code, result) in [
        ("return {'a': [1, None, 'é']}", End::Succeeded, 0, json!({"a": [1, null, "é"]})),
        ("return True, 5", End::Succeeded, 0, json!(5)),
        ("return False, {'why': 'x'}", End::Failed, 0, json!({"why": "x"})),
        ("return None, 5", End::Succeeded, 0, json!(5)),
        ("return (1, 2, 3)", End::Succeeded, 0, json!([1, 2, 3])),
        ("return [False, 1]", End::Succeeded, 0, json!([false, 1])),
        ("pass", End::Succeeded, 0, json!(null)),
        ("return given", End::Succeeded, 0, json!({"x": {"y": 1}})),
        ("return 'no', 5", End::Failed, 220, json!("None")),
        ("raise ValueError('bad')", End::Failed, 1, json!("None")),
        ("sys.exit(3)", End::Failed, 3, json!("None")),
        ("sys.exit(0)", End::Succeeded, 0, json!("None")),
        ("os.kill(os.getpid(), 9)", End::Failed, -9, json!("None")),
        ("os.kill(os.getpid(), 15)", End::Abandoned, -15, json!("None")),
        ("return self.config['url'], 1", End::Failed, 220, json!("None")),
        ("return self.config['url']", End::Succeeded, 0, json!("http://a")),
        ("return self.config.get('key', 'none')", End::Succeeded, 0, json!("none")),
        ("return sys.stdin.read()", End::Succeeded, 0, json!("")),
        (
            "return open('/proc/self/cmdline').read().strip('\\0').split('\\0')[3:]",
            End::Succeeded,
            0,
            json!([]),
        ),
        ("return os.environ['ST2_ACTION_PACK_NAME']", End::Succeeded, 0, json!("mine")),
    ] {
        let outcome = place.run(&act(body), json!({"x": {"y": 1}, "timeout": 30, "env": {}})).await;
        let got = (outcome.end, &outcome.result["exit_code"], &outcome.result["result"]);
        assert_eq!(got, (end, &json!(code), &result), "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_json_cannot_hold_becomes_text_and_is_said() {
    let place = Place::new();
    for (value, result, says) in [
        ("datetime.datetime(2020, 1, 2, 3, 4, 5)", json!("2020-01-02T03:04:05"), ""),
        ("float('nan')", json!(null), ""),
        ("{1: 'a', None: 'b'}", json!({"1": "a", "null": "b"}), ""),
        ("{'n': decimal.Decimal('1.5')}", json!("{'n': Decimal('1.5')}"), "result['n'] is of type Decimal"),
        ("[1, {2}]", json!("[1, {2}]"), "result[1] is of type set"),
        ("{(1, 2): 3}", json!("{(1, 2): 3}"), "result has a key of type tuple"),
        ("[2 ** 70]", json!("[1180591620717411303424]"), "result[0] is an int beyond 64 bits"),
        ("[2 ** 63, '1' * 20]", json!([9_223_372_036_854_775_808_u64, "11111111111111111111"]), ""),
        ("'\\udc80'", json!("?"), ""),
    ] {
        let outcome = place.run(&act(&format!("return {value}")), json!({})).await;
        assert_eq!((outcome.end, &outcome.result["result"]), (End::Succeeded, &result), "{outcome:?}");
        let stderr = outcome.result["stderr"].as_str().unwrap();
        assert!(stderr.contains(says) && (says.is_empty() == stderr.is_empty()), "{value}: {stderr}");
    }
    let endless = place.run(&act("a = []; a.append(a); return a"), json!({})).await;
    assert!(endless.result["stderr"].as_str().unwrap().contains("in itself"), "{endless:?}");
    let large = place.run(&act("return 'x' * 20000"), json!({})).await;
    assert_eq!(large.end, End::Failed);
    assert!(large.result["error"].as_str().unwrap().contains("10000 is the limit"), "{large:?}");
}

#[tokio::test]
async fn output_is_the_action_s_own() {
    let place = Place::new();
    let body = "print('out'); self.logger.info('hello %s', 'you'); os.write(2, b'err\\n'); return 1";
    let outcome = place.run(&act(body), json!({})).await;
    assert_eq!(outcome.result["stdout"], "out\n");
    assert_eq!(outcome.result["stderr"], "st2.actions.python.Act: INFO     hello you\nerr\n");
    let quiet = place.run(&act(body), json!({"log_level": "ERROR"})).await;
    assert_eq!(quiet.result["stderr"], "err\n");
    let raised = place.run(&act("raise ValueError('bad')"), json!({})).await;
    let stderr = raised.result["stderr"].as_str().unwrap();
    assert!(stderr.contains("actions/act.py\", line 5, in run") && stderr.ends_with("ValueError: bad\n"));
    assert!(!stderr.contains("petrel_action.py"), "{stderr}");
}

#[tokio::test]
async fn modules_of_the_pack_are_found() {
    let place = Place::new();
    place.write("lib/shared.py", "NAME = 'lib'\n");
    place.write("actions/lib/__init__.py", "");
    place.write("actions/lib/base.py", "from st2common.runners.base_action import Action\nimport abc\nclass Base(Action):\n    def __init__(self, config):\n        super().__init__(config=config)\n    @abc.abstractmethod\n    def run(self): pass\n");
    place.write("actions/beside.py", "NAME = 'beside'\n");
    let file = "import base, shared, beside\nfrom lib.base import Base\nclass Zed(Base):\n    def run(self):\n        return [shared.NAME, beside.NAME, self.action_service is not None]\n";
    let outcome = place.run(file, json!({})).await;
    assert_eq!(outcome.result["result"], json!(["lib", "beside", true]), "{outcome:?}");
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let place = Place::new();
    for (file, says) in [
        ("import no_such_module\n".to_owned(), "The module no_such_module is not installed"),
        ("def run(:\n".into(), "SyntaxError"),
        ("X = 1\n".into(), "has no class derived from st2common.runners.base_action.Action"),
        (act("self.config['key']"), "missing key \"key\""),
        (act("self.action_service.get_value('token', scope='user')"), "Scope user is unsupported."),
        (act("self.action_service.nothing()"), "has no attribute 'nothing'"),
        (
            "import st2common.bootstrap.sensorsregistrar\n".into(),
            "Petrel does not offer to actions what is imported here from st2common.bootstrap",
        ),
        (
            "from st2common.util import db\n".into(),
            "Petrel does not offer to actions what is imported here from st2common.util",
        ),
        (
            "from st2reactor.rules.engine import RulesEngine\n".into(),
            "from st2reactor.rules: of StackStorm's own",
        ),
        (
            format!("{HEAD}class Act(Action):\n    def run(self, x):\n        pass\n"),
            "unexpected keyword argument 'y'",
        ),
    ] {
        let outcome = place.run(&file, json!({"y": 1})).await;
        let stderr = outcome.result["stderr"].as_str().unwrap_or_default();
        assert!(outcome.end == End::Failed && stderr.contains(says), "{says}: {outcome:?}");
        assert_eq!(outcome.result["exit_code"], 1);
    }
    let options = Options { interpreter: "no-such-python".into(), ..place.options() };
    let outcome = place.run_with(options, json!({}), CancellationToken::new()).await;
    assert_eq!(outcome.result["code"], "python.missing");
    assert!(outcome.result["error"].as_str().unwrap().contains("no-such-python"), "{outcome:?}");
    fs::remove_file(place.pack.path().join("actions/act.py")).unwrap();
    let outcome = place.run_with(place.options(), json!({}), CancellationToken::new()).await;
    assert_eq!(outcome.result["code"], "script.missing");
    fs::remove_dir_all(place.pack.path()).unwrap();
    let outcome = place.run_with(place.options(), json!({}), CancellationToken::new()).await;
    let error = outcome.result["error"].as_str().unwrap();
    assert!(error.contains("the files of the pack `mine` are not there"), "{outcome:?}");
}

#[tokio::test]
async fn who_hands_on_the_configuration_alone_still_names_the_pack() {
    let place = Place::new();
    for parent in ["super().__init__(config)", "super().__init__(config=config)"] {
        let file = format!(
            "{HEAD}class Act(Action):\n    def __init__(self, config):\n        {parent}\n    def run(self):\n        return self.config['key']\n"
        );
        let outcome = place.run(&file, json!({})).await;
        let stderr = outcome.result["stderr"].as_str().unwrap_or_default();
        assert!(
            stderr.contains("Config for pack \"mine\" is missing key \"key\". It has: url"),
            "{parent}: {stderr}"
        );
    }
}

#[tokio::test]
async fn a_fifo_is_no_action() {
    let place = Place::new();
    place.write("actions/other.py", "");
    let file = place.pack.path().join("actions/act.py");
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
    let running = place.run_with(place.options(), json!({}), CancellationToken::new());
    let outcome = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap();
    assert_eq!(outcome.result["code"], "script.missing");
    assert!(outcome.result["error"].as_str().unwrap().contains("is not a plain file"), "{outcome:?}");
}

#[tokio::test]
async fn timeout_and_cancel_end_it() {
    let place = Place::new();
    let body = act("print('begun'); import time; time.sleep(60)");
    let late = place.run(&body, json!({"timeout": 4})).await;
    assert_eq!((late.end, &late.result["stdout"]), (End::TimedOut, &json!("begun\n")));
    assert_eq!(late.result["error"], "Action failed to complete in 4 seconds");
    let (cancel, started) = (CancellationToken::new(), Instant::now());
    let running = place.run_with(place.options(), json!({}), cancel.clone());
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(running, stop);
    assert_eq!(outcome.end, End::Canceled);
    assert!(started.elapsed() < Duration::from_secs(45));
}

/// The body of an action that leaves a process without any mark of its execution behind, and then waits.
const STRANGER: &str = "import time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                code = 'import signal, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\n'
                code += 'for i in range(3000): open(%r, \"w\").write(str(i)); time.sleep(0.02)' % given['mark']
                nothing = os.open(os.devnull, os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(nothing, number)
                os.closerange(3, 256)
                os.execve(sys.executable, [sys.executable, '-S', '-c', code], {})
            os._exit(0)
        os.wait()
        time.sleep(given.get('wait', 30))";

#[tokio::test]
async fn who_empties_its_environment_is_ended_too() {
    let place = Place::new();
    let mark = place.library.path().join("mark");
    let content = || fs::read_to_string(&mark).ok();
    let late = place.run(&act(STRANGER), json!({"mark": &mark, "timeout": 6})).await;
    let last = content();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((late.end, last.is_some(), content() == last), (End::TimedOut, true, true), "{late:?}");

    fs::remove_file(&mark).unwrap();
    let cancel = CancellationToken::new();
    let running = place.run_with(place.options(), json!({"mark": &mark}), cancel.clone());
    let stop = async {
        for _ in 0..3_000 {
            if content().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(running, stop);
    let last = content();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((outcome.end, last.is_some(), content() == last), (End::Canceled, true, true));
}

#[tokio::test]
async fn who_forks_gives_one_result() {
    let place = Place::new();
    for (body, end, result) in [
        // Both reach the end of `run`, the child first.
        (
            "pid = os.fork(); pid and os.waitpid(pid, 0); return 'parent' if pid else 'child'",
            End::Succeeded,
            json!("parent"),
        ),
        // The child has a child of its own, and another file in the place of the descriptors that were closed.
        (
            "pid = os.fork(); file = pid or open('/dev/null', 'w'); other = pid or os.fork(); \
             pid and os.waitpid(pid, 0); return [pid == 0, other == 0]",
            End::Succeeded,
            json!([false, false]),
        ),
        ("pid = os.fork(); pid and os.waitpid(pid, 0); return bool(pid), 5", End::Succeeded, json!(5)),
        (
            "pid = os.fork(); pid and os.waitpid(pid, 0); return 'parent' if pid else sys.exit(3)",
            End::Succeeded,
            json!("parent"),
        ),
        (
            "pid = os.fork(); pid and os.waitpid(pid, 0); return sys.exit(3) if pid else 'child'",
            End::Failed,
            json!("None"),
        ),
    ] {
        let outcome = place.run(&act(body), json!({})).await;
        assert_eq!((outcome.end, &outcome.result["result"]), (end, &result), "{body}: {outcome:?}");
    }
    // A surviving child does not hold the answer open, so nobody waits for it.
    let began = Instant::now();
    let body =
        "pid = os.fork(); pid or (os.dup2(0, 1), os.dup2(0, 2), __import__('time').sleep(60)); return 1";
    let outcome = place.run(&act(body), json!({})).await;
    assert_eq!((outcome.end, &outcome.result["result"]), (End::Succeeded, &json!(1)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}

#[tokio::test]
async fn parameters_may_be_large() {
    let place = Place::new();
    let outcome = place.run(&act("return len(given['x'])"), json!({"x": "é".repeat(1 << 20)})).await;
    assert_eq!(outcome.result["result"], 1 << 20);
}

#[tokio::test]
async fn output_that_was_cut_for_the_room_of_all_is_told_in_the_result() {
    let place = Place::new();
    let file =
        format!("{HEAD}class A(Action):\n    def run(self):\n        print('x' * 900)\n        return 1\n");
    place.write("actions/act.py", &file);
    let action = json!({"ref": "mine.act", "runner_type": "python-script", "entry_point": "act.py"});
    let call = call_of(action, json!({}), place.pack.path());
    let runner = PythonScript::new(place.options());
    let outcome = runner.run(call, crate::crowded(), CancellationToken::new()).await;
    crate::assert_says_that_it_was_cut(&outcome);
}

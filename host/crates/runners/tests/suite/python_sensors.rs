//! Sensors in Python from outside: what each says and asks for, and how its process ends.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::{Id, Ref, Trigger, TriggerInstanceId};
use petrel_runners::OutputSink;
use petrel_runners::attendant::{Attendant, KeyShown, KeysAsked};
use petrel_runners::python_script::{Options, library};
use petrel_runners::python_sensors::PythonSensors;
use petrel_runners::sensors::{
    Emitted, Emitter, NotEmitted, SensorCall, SensorFailure, SensorRunner as _, SensorTrigger,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{CALLS, shell_options};

/// The methods that every sensor has to have.
const HEAD: &str = "import os, signal, subprocess, sys, threading, time\n\
from st2reactor.sensor.base import PollingSensor, Sensor\n\n\n\
class Base:\n    def setup(self):\n        pass\n\n    def cleanup(self):\n        print('cleaned up')\n\n    \
def add_trigger(self, trigger):\n        print('added', trigger['parameters'], trigger['type'], trigger['ref'])\n\n    \
def update_trigger(self, trigger):\n        pass\n\n    def remove_trigger(self, trigger):\n        print('removed', trigger['parameters'])\n\n\n";

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host as sensors meet it.
#[derive(Debug)]
struct Host {
    events: Mutex<Vec<(String, Value, Option<String>)>>,
    keys: Mutex<Vec<KeysAsked>>,
    /// What else was heard, in words.
    heard: Mutex<Vec<String>>,
    /// How many events find no room first.
    busy: Mutex<usize>,
    triggers: watch::Sender<Arc<[SensorTrigger]>>,
    hurry: Notify,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            events: Mutex::default(),
            keys: Mutex::default(),
            heard: Mutex::default(),
            busy: Mutex::default(),
            triggers: watch::Sender::new(Arc::default()),
            hurry: Notify::new(),
        }
    }
}

impl Host {
    fn hear(&self, what: impl Into<String>) {
        self.heard.lock().unwrap().push(what.into());
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn events(&self) -> Vec<(String, Value, Option<String>)> {
        self.events.lock().unwrap().clone()
    }
}

#[async_trait]
impl Emitter for Host {
    async fn emit(
        &self,
        _pack: &str,
        _source: &Ref,
        event: Emitted,
    ) -> Result<TriggerInstanceId, NotEmitted> {
        if event.trigger == "p.none" {
            return Err(NotEmitted::Invalid("there is no such type".into()));
        }
        {
            let mut busy = self.busy.lock().unwrap();
            if *busy > 0 {
                *busy -= 1;
                return Err(NotEmitted::Busy("too much waits".into()));
            }
        }
        self.events.lock().unwrap().push((event.trigger, event.payload, event.trace_tag));
        Ok(TriggerInstanceId::from(Id::from_parts(1, 1)))
    }
}

#[async_trait]
impl Attendant for Host {
    async fn began(&self, process: u32, command: &str) {
        assert!(process > 0 && command.contains("petrel_sensor.py p.S"), "{command}");
        self.hear("began");
    }

    fn ready(&self, can_be_hurried: bool) {
        self.hear(format!("ready {can_be_hurried}"));
    }

    fn polled(&self) {
        self.hear("polled");
    }

    fn held(&self, why: Option<String>) {
        self.hear(format!("held {why:?}"));
    }

    fn ended(&self, exit_code: i32) {
        self.hear(format!("ended {exit_code}"));
    }

    fn triggers(&self) -> watch::Receiver<Arc<[SensorTrigger]>> {
        self.triggers.subscribe()
    }

    async fn hurried(&self) {
        self.hurry.notified().await;
    }

    async fn keys(&self, asked: KeysAsked) -> Result<Vec<KeyShown>, String> {
        self.keys.lock().unwrap().push(asked.clone());
        let key = |name: &str| KeyShown {
            name: name.to_owned(),
            value: "v".into(),
            secret: false,
            encrypted: false,
            expires_at: None,
        };
        match asked {
            KeysAsked::Get { name, .. } if name.ends_with("none") => Ok(Vec::new()),
            KeysAsked::Get { name, .. } | KeysAsked::Delete { name } => Ok(vec![key(&name)]),
            KeysAsked::List { .. } => Ok(vec![key("a"), key("b")]),
            KeysAsked::Set { value, .. } if value == "refused" => Err("it is full; delete some".into()),
            KeysAsked::Set { .. } => Ok(Vec::new()),
        }
    }
}

struct Place {
    pack: TempDir,
    library: TempDir,
    host: Arc<Host>,
    sink: OutputSink,
    cancel: CancellationToken,
    /// What the sensor has written so far.
    written: Mutex<Vec<String>>,
}

impl Place {
    fn new(sensor: &str) -> Self {
        let place = Self {
            pack: TempDir::new().unwrap(),
            library: TempDir::new().unwrap(),
            host: Arc::default(),
            sink: OutputSink::rolling(1 << 20),
            cancel: CancellationToken::new(),
            written: Mutex::default(),
        };
        library::lay_out(place.library.path()).unwrap();
        fs::create_dir_all(place.pack.path().join("sensors")).unwrap();
        fs::write(place.pack.path().join("sensors/s.py"), format!("{HEAD}{sensor}")).unwrap();
        place
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

    async fn run_with(&self, options: Options) -> Result<(), SensorFailure> {
        let host = Arc::clone(&self.host);
        let call = SensorCall {
            // One of its own: who ends it by its mark must not end that of another test.
            sensor: Ref::new("p", &format!("S{}", CALLS.fetch_add(1, Ordering::Relaxed))),
            pack_path: self.pack.path().to_owned(),
            entry_point: "sensors/s.py".into(),
            class_name: "S".into(),
            pack_config: Arc::new(json!({"x": 1}).as_object().cloned().unwrap()),
            timeout: Duration::from_secs(1),
            triggers: Arc::default(),
            poll_interval: Some(86_400.into()),
            attendant: Some(host.clone()),
        };
        let runner = PythonSensors::new(options);
        let running = runner.stream(call, host, self.sink.clone(), self.cancel.clone());
        tokio::time::timeout(PATIENCE, running).await.unwrap()
    }

    /// Runs the sensor until it ends by itself.
    async fn run(&self) -> Result<(), SensorFailure> {
        self.run_with(self.options()).await
    }

    /// Runs the sensor, and ends it once `enough` says so.
    async fn run_until(&self, enough: impl Fn(&Self) -> bool) -> Result<(), SensorFailure> {
        let watching = async {
            while !enough(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.cancel.cancel();
        };
        let (ended, ()) = tokio::join!(self.run(), watching);
        ended
    }

    /// All that the sensor has written.
    fn written(&self) -> String {
        let mut written = self.written.lock().unwrap();
        written.extend(self.sink.take().into_iter().map(|line| line.text));
        written.join("\n")
    }
}

/// A sensor whose `run` has these lines.
fn sensor(lines: &str) -> String {
    let lines = lines.replace('\n', "\n        ");
    format!("class S(Base, Sensor):\n    def run(self):\n        {lines}\n")
}

fn message(ended: Result<(), SensorFailure>) -> String {
    ended.err().map(|failure| failure.message).unwrap_or_default()
}

fn is_there(process: &str) -> bool {
    fs::read(Path::new("/proc").join(process).join("cmdline")).is_ok_and(|line| !line.is_empty())
}

#[tokio::test]
async fn a_sensor_sends_events_and_uses_the_datastore() {
    let place = Place::new(&sensor(
        "service = self.sensor_service\nself.sensor_service.dispatch(trigger='p.t', payload={'n': 1, 'é': {2}}, trace_tag='tag')\n\
         service.dispatch('p.none', {})\nservice.dispatch_with_context('p.t', None, {'trace_tag': 'other'})\n\
         service.dispatch('p.t', {'much': 'x' * (9 << 20)})\nservice.dispatch('p.t', {'n': 2 ** 70})\n\
         print(self.config, self._config['x'], service.get_value('a', decrypt=True), service.get_value('none'))\n\
         print(service.set_value('b', 5, ttl=7, encrypt=True), service.delete_value('c', local=False))\n\
         print([key.name for key in service.list_values(prefix='q')])\n\
         try:\n    service.set_value('d', 'refused')\nexcept Exception as error:\n    print('not set:', error)\n\
         for ttl in (-5, 'soon', float('inf')):\n    try:\n        service.set_value('d', 'x', ttl=ttl)\n    except ValueError as error:\n        print(error)\n\
         service.list_values(local=False, limit=-1)\n\
         deep = []\nfor _ in range(300):\n    deep = [deep]\nservice.dispatch('p.t', {'deep': deep})\n\
         service.get_value(5, local=False)\n\
         service.get_logger('mine').info('logged')",
    ));
    assert_eq!(message(place.run().await), "");
    let (event, written) =
        (|n: Value, tag: &str| ("p.t".to_owned(), n, Some(tag.to_owned())), place.written());
    assert_eq!(place.host.events(), [event(json!({"n": 1, "é": [2]}), "tag"), event(json!({}), "other")]);
    for line in [
        "an event of p.none was not taken: there is no such type",
        "9437", // the bytes of the one that is too large
        "JSON cannot hold its payload: payload['n'] is an int beyond 64 bits",
        "{'x': 1} 1 v None",
        "True True",
        "['a', 'b']",
        "not set: it is full; delete some",
        "ttl is -5; give the seconds",
        "ttl is 'soon'; give the seconds",
        "ttl is inf; give the seconds",
        "an event of p.t was not taken: it is nested too deep",
        "logged",
        "cleaned up",
    ] {
        assert!(written.contains(line), "{line}: {written}");
    }
    let (name, seven) = (|name: &str| format!("p.S:{name}"), Some(Duration::from_secs(7)));
    let set =
        |name: String, value: &str, ttl, encrypt| KeysAsked::Set { name, value: value.into(), ttl, encrypt };
    assert_eq!(
        *place.host.keys.lock().unwrap(),
        [
            KeysAsked::Get { name: name("a"), decrypt: true },
            KeysAsked::Get { name: name("none"), decrypt: false },
            set(name("b"), "5", seven, true),
            KeysAsked::Delete { name: "c".into() },
            KeysAsked::List { prefix: name("q"), offset: 0, limit: 100 },
            set(name("d"), "refused", None, false),
            KeysAsked::List { prefix: String::new(), offset: 0, limit: 1_000 },
            KeysAsked::Get { name: "5".into(), decrypt: false },
        ]
    );
    assert_eq!(place.host.heard(), ["began", "ready false", "ended 0"]);
}

#[tokio::test]
async fn a_sensor_that_polls_can_be_hurried_and_hears_of_triggers() {
    let place = Place::new(
        "class S(Base, PollingSensor):\n    def poll(self):\n        print('interval', self.get_poll_interval())\n        \
         self.sensor_service.dispatch(trigger='p.t')\n\n    \
         def remove_trigger(self, trigger):\n        super().remove_trigger(trigger)\n        sys.exit(3)\n",
    );
    let trigger = |who: &str| {
        let parameters = json!({"who": who}).as_object().cloned().unwrap();
        let trigger = Trigger { kind: "p.t".parse().unwrap(), parameters };
        SensorTrigger { reference: trigger.reference(), trigger: Arc::new(trigger) }
    };
    place.host.triggers.send_replace([trigger("ann")].into());
    let (step, host) = (Mutex::new(0), Arc::clone(&place.host));
    let ended = place.run_until(|place| {
        let (written, mut step) = (place.written(), step.lock().unwrap());
        let has_polled = |times: usize| host.heard().iter().filter(|one| *one == "polled").count() == times;
        let now = *step;
        match now {
            0 if has_polled(1) && written.contains("added {'who': 'ann'} p.t p.t.") => {
                host.triggers.send_replace([trigger("bob")].into());
                host.hurry.notify_one();
                *step = 1;
            }
            1 => {
                return has_polled(2)
                    && written.contains("removed {'who': 'ann'}")
                    && written.contains("added {'who': 'bob'}");
            }
            _ => {}
        }
        false
    });
    assert_eq!(message(ended.await), "");
    assert_eq!(host.events().len(), 2);
    assert_eq!(host.heard()[..2], ["began", "ready true"]);
    assert!(place.written().contains("interval 86400") && place.written().ends_with("cleaned up"));
}

#[tokio::test]
async fn an_event_waits_until_there_is_room() {
    let place = Place::new(&sensor("self.sensor_service.dispatch('p.t', {'n': 1})\nprint('stored')"));
    *place.host.busy.lock().unwrap() = 1;
    assert_eq!(message(place.run().await), "");
    assert_eq!(place.host.events().len(), 1);
    assert_eq!(
        place.host.heard(),
        ["began", "ready false", "held Some(\"too much waits\")", "held None", "ended 0"]
    );
}

#[tokio::test]
async fn the_end_of_a_sensor_is_told_with_the_reason() {
    let thread = "def late():\n    time.sleep(0.2)\n    self.sensor_service.dispatch('p.t', {'late': True})\nthreading.Thread(target=late).start()";
    for (text, says, code, events) in [
        (sensor("return"), "", 0, 0),
        // It goes on for as long as one of its threads does.
        (sensor(thread), "", 0, 1),
        (sensor("{}['gone']"), "KeyError: 'gone'", 1, 0),
        (sensor("sys.exit(3)"), "its process has ended with exit code 3", 3, 0),
        (sensor("os.kill(os.getpid(), 9)"), "its process has ended by signal 9", -9, 0),
        ("class Other(Base, Sensor):\n    pass\n".into(), "has no class S, which class_name", 1, 0),
        ("import no_such_module\n".into(), "No module named 'no_such_module'", 1, 0),
        ("def broken(:\n".into(), "SyntaxError", 1, 0),
        ("class S(Base, Sensor):\n    pass\n".into(), "abstract", 1, 0),
        // The socket to the host, which no sensor should know of. Its process is ended.
        (
            sensor("os.write(3, b'nonsense\\n')\ntime.sleep(600)"),
            "a line of its process to the host cannot be read: it is no JSON",
            i32::MIN,
            0,
        ),
    ] {
        let place = Place::new(&text);
        let ended = message(place.run().await);
        assert!(ended.contains(says) && says.is_empty() == ended.is_empty(), "{text}: {ended}");
        assert_eq!(place.host.events().len(), events, "{text}");
        let heard = place.host.heard();
        if code > i32::MIN {
            assert_eq!(heard.last().map(String::as_str), Some(format!("ended {code}").as_str()), "{text}");
        }
    }
    let place = Place::new("");
    let options = Options { interpreter: "no-such-python".into(), ..place.options() };
    assert_eq!(place.run_with(options).await.unwrap_err().code, "python.missing");
    fs::remove_file(place.pack.path().join("sensors/s.py")).unwrap();
    let missing = place.run().await.unwrap_err();
    assert!(missing.code == "script.missing" && missing.message.contains("does not exist"), "{missing:?}");
    fs::write(place.library.path().join("outside.py"), "").unwrap();
    std::os::unix::fs::symlink(
        place.library.path().join("outside.py"),
        place.pack.path().join("sensors/s.py"),
    )
    .unwrap();
    assert!(message(place.run().await).contains("is outside its pack"));
}

#[tokio::test]
async fn nothing_of_a_sensor_outlives_it() {
    let children = "a = subprocess.Popen(['sleep', '600'])\nb = subprocess.Popen(['sleep', '600'], start_new_session=True)\n\
                    print('children', a.pid, b.pid)\n";
    for (end, by_itself) in [
        ("time.sleep(600)", false),
        // It does not end when it is asked to.
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(600)", false),
        ("sys.exit(1)", true),
    ] {
        let place = Place::new(&sensor(&format!("{children}{end}")));
        let last = if end.contains("deaf") { "deaf" } else { "children" };
        if by_itself {
            assert!(place.run().await.is_err());
        } else {
            assert_eq!(message(place.run_until(|place| place.written().contains(last)).await), "");
        }
        let written = place.written();
        let line = written.lines().find_map(|line| line.strip_prefix("children ")).unwrap();
        let left: Vec<_> = line.split(' ').filter(|process| is_there(process)).collect();
        assert!(left.is_empty(), "{end}: {left:?}");
        assert_eq!(written.contains("cleaned up"), !end.contains("deaf"), "{written}");
    }
}

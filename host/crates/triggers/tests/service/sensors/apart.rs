//! Sensors with processes of their own: they hear of triggers and orders while they run, use the datastore, and rules hear of
//! the processes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_model::{InternalEvent, Ref};
use petrel_persistence::StoreExt as _;
use petrel_runners::attendant::{Attendant, KeyShown, KeysAsked};
use petrel_runners::output::Stream;
use petrel_runners::sensors::{
    Emitter, Polled, Received, Reply, SensorCall, SensorFailure, SensorKind, SensorRunner,
};
use petrel_runners::{NotPrepared, OutputSink};
use petrel_triggers::{Health, Options};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{House, at_most};
use crate::refused;
use crate::source::seen;

/// A runner whose sensors send an event each time they are hurried, and end at once if they are to.
#[derive(Default)]
struct Processes {
    /// The exit codes with which the next processes end at once.
    ends: Mutex<Vec<i32>>,
    /// Whether processes wait for the test to say that they are set up.
    are_slow: AtomicBool,
    attendants: Mutex<Vec<Arc<dyn Attendant>>>,
}

impl Processes {
    fn last(&self) -> Arc<dyn Attendant> {
        Arc::clone(self.attendants.lock().last().unwrap())
    }

    fn begun(&self) -> usize {
        self.attendants.lock().len()
    }
}

fn failure(message: &str) -> SensorFailure {
    let (code, hint) = ("sensor.failed".into(), "look at it".into());
    SensorFailure { code, message: message.to_owned(), hint, retry_after: None }
}

#[async_trait]
impl SensorRunner for Processes {
    fn runs(&self, entry_point: &str) -> bool {
        Path::new(entry_point).extension().is_some_and(|extension| extension == "wasm")
    }

    fn starts_processes(&self) -> bool {
        true
    }

    async fn kind(&self, _pack_path: &Path, _entry_point: &str) -> Result<SensorKind, NotPrepared> {
        Ok(SensorKind::Stream)
    }

    async fn poll(
        &self,
        _call: SensorCall,
        _cursor: Option<Arc<Value>>,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure> {
        Err(failure("it is not polled"))
    }

    async fn receive(
        &self,
        _call: SensorCall,
        _request: Received,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure> {
        Err(failure("it takes no requests"))
    }

    async fn stream(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        let attendant = call.attendant.clone().unwrap();
        self.attendants.lock().push(Arc::clone(&attendant));
        attendant.began(std::process::id(), "python s.py").await;
        output.line(Stream::Stdout, format!("interval {:?}", call.poll_interval));
        let end = self.ends.lock().pop();
        if let Some(code) = end {
            attendant.ended(code);
            return if code == 0 { Ok(()) } else { Err(failure("it was to fail")) };
        }
        if !self.are_slow.load(Ordering::Relaxed) {
            attendant.ready(true);
        }
        let mut number = 0;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = attendant.hurried() => {}
            }
            number += 1;
            let _refused = emitter.emit(call.sensor.pack(), &call.sensor, seen(json!({"n": number}))).await;
            attendant.polled();
        }
    }
}

async fn house_with(processes: &Arc<Processes>) -> House {
    let runner = Arc::clone(processes) as Arc<dyn SensorRunner>;
    let house = House::watching(Options::default(), at_most(1_000), [runner].into()).await;
    house.feed(1, "true").await;
    house.core.listen_to(
        ["core.st2.sensor.process_spawn", "core.st2.sensor.process_exit"]
            .map(|kind| kind.parse::<Ref>().unwrap())
            .into(),
    );
    house.start_sensors().await;
    house
}

/// What rules hear of processes, oldest first: the pid or the exit code.
async fn reported(house: &House) -> Vec<Value> {
    let mut events: Vec<InternalEvent> = house.store.all().await.unwrap();
    events.sort_by_key(|event| event.id);
    let one = |event: &InternalEvent| {
        assert_eq!(event.payload["id"], json!("S0"));
        let InternalEvent { payload, .. } = event;
        payload.get("exit_code").or_else(|| payload.get("pid")).cloned().unwrap()
    };
    events.iter().map(one).collect()
}

#[tokio::test]
async fn a_sensor_that_polls_in_its_process_is_shown_and_hurried_as_one_that_polls() {
    let processes = Arc::new(Processes::default());
    let house = house_with(&processes).await;
    let shown = house.sensor();
    assert_eq!(
        (shown.kind, shown.health, shown.process),
        (Some("poll"), Health::Ok, Some(std::process::id()))
    );
    assert!(shown.usage.is_some_and(|usage| usage.memory > 0));
    assert_eq!(house.triggers.all_sensors()[0].usage, None, "only where one is shown");
    for times in [1, 2] {
        house.triggers.poll_sensor("feed.S0").unwrap();
        house.rest_sensors().await;
        assert_eq!(
            (house.sensor().state.polls, house.seen().await.len()),
            (times, usize::try_from(times).unwrap())
        );
    }
    let lines = house.triggers.sensor_lines("feed.S0").unwrap();
    assert_eq!(lines[0].text, "interval Some(Number(10))");
    processes.last().ready(false);
    let (code, message) = refused(house.triggers.poll_sensor("feed.S0"));
    assert!(code == "conflict" && message.contains("it follows a stream"), "{message}");
    assert_eq!(house.sensor().kind, Some("stream"));
}

#[tokio::test]
async fn a_process_hears_of_triggers_and_does_not_begin_anew() {
    let processes = Arc::new(Processes::default());
    let house = house_with(&processes).await;
    let told = || {
        let triggers = Arc::clone(&processes.last().triggers().borrow());
        let mut told: Vec<_> =
            triggers.iter().map(|one| Value::Object(one.trigger.parameters.clone())).collect();
        told.sort_by_key(Value::to_string);
        told
    };
    assert!(told().is_empty());
    for name in ["a", "b"] {
        house.rule_with(name, "feed.seen", json!({"q": name})).await;
    }
    house.rest_sensors().await;
    assert_eq!(told(), [json!({"q": "a"}), json!({"q": "b"})]);
    house.catalog.set_rule_enabled("house.a", false).await.unwrap();
    house.rest_sensors().await;
    assert_eq!((told(), processes.begun()), (vec![json!({"q": "b"})], 1));
    house.triggers.restart_sensor("feed.S0").await.unwrap();
    house.rest_sensors().await;
    assert_eq!((told(), processes.begun()), (vec![json!({"q": "b"})], 2));
}

#[tokio::test]
async fn rules_hear_of_processes_and_a_sensor_that_fails_is_tried_again() {
    let processes = Arc::new(Processes::default());
    processes.ends.lock().extend([0, 7]);
    let house = house_with(&processes).await;
    let pid = json!(std::process::id());
    assert_eq!(reported(&house).await, [pid.clone(), json!(7)]);
    let failing = house.sensor();
    assert_eq!((failing.health, failing.process, failing.state.failures), (Health::Failing, None, 1));
    assert_eq!(failing.state.last_error.unwrap().message, "it was to fail");
    house.turn_sensors(1_000).await;
    assert_eq!(house.sensor().state.last_error.unwrap().code, "sensor.ended");
    house.turn_sensors(2_000).await;
    assert_eq!((house.sensor().health, processes.begun()), (Health::Ok, 3));
    // A change of the catalog would have nobody listen any more.
    house.triggers.restart_sensor("feed.S0").await.unwrap();
    house.rest_sensors().await;
    let whole = [pid.clone(), json!(7), pid.clone(), json!(0), pid.clone(), json!(0), pid];
    assert_eq!(reported(&house).await, whole);
}

#[tokio::test]
async fn a_process_that_is_not_set_up_yet_is_not_shown_as_one_that_works() {
    for (ends, before) in [(None, Health::New), (Some(7), Health::Failing)] {
        let processes = Arc::new(Processes::default());
        processes.are_slow.store(true, Ordering::Relaxed);
        processes.ends.lock().extend(ends);
        let house = house_with(&processes).await;
        house.turn_sensors(1_000).await;
        assert_eq!((house.sensor().health, house.sensor().is_running), (before, true));
        processes.last().ready(false);
        assert_eq!(house.sensor().health, Health::Ok);
    }
}

#[tokio::test]
async fn a_process_that_waits_for_room_is_shown_as_held() {
    let processes = Arc::new(Processes::default());
    let house = house_with(&processes).await;
    processes.last().held(Some("too much waits".into()));
    assert_eq!(
        (house.sensor().health, house.sensor().held.as_deref()),
        (Health::Held, Some("too much waits"))
    );
    processes.last().held(None);
    assert_eq!(house.sensor().health, Health::Ok);
}

#[tokio::test]
async fn a_process_uses_the_datastore() {
    let processes = Arc::new(Processes::default());
    let house = house_with(&processes).await;
    let attendant = processes.last();
    let set = |name: &str, value: &str| KeysAsked::Set {
        name: name.into(),
        value: value.into(),
        ttl: (name == "brief").then_some(Duration::from_secs(5)),
        encrypt: false,
    };
    for (name, value) in [("feed.S0:a", "1"), ("feed.S0:b", "2"), ("brief", "3")] {
        assert!(attendant.keys(set(name, value)).await.unwrap().is_empty(), "{name}");
    }
    let get = async |name: &str| {
        let asked = KeysAsked::Get { name: name.into(), decrypt: true };
        let found = attendant.keys(asked).await.unwrap();
        found.into_iter().next().map(|KeyShown { value, encrypted, .. }| (value, encrypted))
    };
    assert_eq!(get("feed.S0:a").await, Some(("1".into(), false)));
    assert_eq!(get("feed.S0:none").await, None);
    house.turn_sensors(5_001).await;
    assert_eq!(get("brief").await, None, "it has expired");
    let list = async |prefix: &str, offset, limit| {
        let asked = KeysAsked::List { prefix: prefix.into(), offset, limit };
        let found = attendant.keys(asked).await.unwrap();
        found.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    assert_eq!(list("feed.S0:", 0, 9).await, ["feed.S0:a", "feed.S0:b"]);
    assert_eq!(list("feed.S0:", 1, 9).await, ["feed.S0:b"]);
    assert_eq!(list("feed.S0:", 0, 1).await, ["feed.S0:a"]);
    let delete = async || attendant.keys(KeysAsked::Delete { name: "feed.S0:a".into() }).await.unwrap().len();
    assert_eq!((delete().await, delete().await), (1, 0));
    let large = "x".repeat(1 << 20);
    for name in ["l1", "l2", "l3", "l4"] {
        assert!(attendant.keys(set(name, &large)).await.unwrap().is_empty());
    }
    for (asked, says) in [
        (KeysAsked::List { prefix: "l".into(), offset: 0, limit: 9 }, "ask for fewer with `limit`"),
        (set("large", &format!("{large}x")), "the limit is 1048576"),
        (set("", "1"), "; "),
    ] {
        let error = attendant.keys(asked).await.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
}

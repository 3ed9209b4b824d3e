//! Sensors that components export: what they return, what they are given, and how they end.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use petrel_model::capabilities::{Access, Mount, Rights};
use petrel_model::{Id, Object, Ref, Timestamp, Trigger, TriggerInstanceId};
use petrel_pack_runtime::{ComponentSensors, Limits, Options, PackRuntime};
use petrel_runners::sensors::{
    Emitted, Emitter, NotEmitted, Polled, Received, SensorCall, SensorFailure, SensorKind, SensorRunner as _,
    SensorTrigger,
};
use petrel_runners::{OutputSink, Upkeep};
use petrel_test_components::{BEHAVE, ELASTICSEARCH, GITHUB, HOOKS, KUBERNETES, POLLS, STREAMS};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::serving;
use crate::support::{Subject, reaching, table};

/// A runner of the sensors of one component.
struct Sensors {
    runtime: PackRuntime,
    runner: ComponentSensors,
    component: &'static Path,
    config: Object,
    timeout: Duration,
    triggers: Arc<[SensorTrigger]>,
}

impl Sensors {
    fn of(component: &'static str, options: Options) -> Self {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let options = Options { cache_directory: Some(shared), ..options };
        let runtime = PackRuntime::new(options).unwrap();
        let runner = ComponentSensors::new(runtime.clone(), Upkeep::default());
        let (config, timeout) = (Object::new(), Duration::from_mins(1));
        Self { runtime, runner, component: Path::new(component), config, timeout, triggers: Arc::default() }
    }

    /// Granted that address, which is also in the configuration.
    fn granted(component: &'static str, granted: &str, url: &str) -> Self {
        let mut sensors = Self::of(component, Options::default());
        sensors.runtime.take_rights(&table(reaching(&[granted])));
        sensors.config.insert("url".into(), url.into());
        sensors
    }

    fn call(&self, name: &str) -> SensorCall {
        SensorCall {
            sensor: Ref::new("test", name),
            pack_path: self.component.parent().unwrap().to_owned(),
            entry_point: self.component.file_name().unwrap().to_str().unwrap().to_owned(),
            class_name: name.to_owned(),
            pack_config: Arc::new(self.config.clone()),
            timeout: self.timeout,
            triggers: self.triggers.clone(),
            poll_interval: None,
            attendant: None,
        }
    }

    async fn poll(&self, name: &str, cursor: Option<Value>) -> Result<Polled, SensorFailure> {
        let (sink, never) = (OutputSink::new(1 << 20), CancellationToken::new());
        self.runner.poll(self.call(name), cursor.map(Arc::new), sink, never).await
    }

    async fn stream(
        &self,
        name: &str,
        events: &Arc<Events>,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        let emitter: Arc<dyn Emitter> = events.clone();
        self.runner.stream(self.call(name), emitter, OutputSink::new(1 << 20), cancel).await
    }
}

/// An emitter that keeps what it is given, and ends its sensor after so many events.
pub(crate) struct Events {
    pub(crate) taken: Mutex<Vec<(String, String, Emitted)>>,
    enough: usize,
    full: CancellationToken,
    answer: Result<(), NotEmitted>,
}

impl Events {
    pub(crate) fn until(enough: usize, full: &CancellationToken) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), enough, full: full.clone(), answer: Ok(()) })
    }

    pub(crate) fn refusing(reason: NotEmitted) -> Arc<Self> {
        let (taken, full) = (Mutex::default(), CancellationToken::new());
        Arc::new(Self { taken, enough: usize::MAX, full, answer: Err(reason) })
    }
}

#[async_trait]
impl Emitter for Events {
    async fn emit(&self, pack: &str, source: &Ref, event: Emitted) -> Result<TriggerInstanceId, NotEmitted> {
        self.answer.clone()?;
        let mut taken = self.taken.lock().unwrap();
        taken.push((pack.to_owned(), source.to_string(), event));
        if taken.len() >= self.enough {
            self.full.cancel();
        }
        Ok(TriggerInstanceId::from(Id::from_parts(1, taken.len() as u64)))
    }
}

#[tokio::test]
async fn the_kind_of_a_sensor_follows_from_its_component() {
    for (component, kind) in
        [(POLLS, SensorKind::Poll), (HOOKS, SensorKind::Webhook), (STREAMS, SensorKind::Stream)]
    {
        let sensors = Sensors::of(component, Options::default());
        let call = sensors.call("x");
        assert_eq!(sensors.runner.kind(&call.pack_path, &call.entry_point).await.unwrap(), kind);
    }
    let sensors = Sensors::of(BEHAVE, Options::default());
    let call = sensors.call("x");
    let told = sensors.runner.kind(&call.pack_path, &call.entry_point).await.unwrap_err();
    assert!(told.reason.contains("no export petrel:pack/poll-sensor"), "{told:?}");
    assert!(sensors.runner.runs("sensors/x.wasm") && !sensors.runner.runs("sensors/x.py"));
}

#[tokio::test]
async fn a_component_has_actions_beside_its_sensors() {
    for (component, action, sensor, kind, code) in [
        (ELASTICSEARCH, "search", "count", SensorKind::Poll, "config.invalid"),
        (GITHUB, "create_issue", "webhook", SensorKind::Webhook, "github.no_secret"),
        (KUBERNETES, "get", "watch", SensorKind::Stream, "config.invalid"),
    ] {
        // Both answer in their own words: of parameters, and of a configuration, that are not there.
        let done = Subject::of(Path::new(component), Options::default()).call(action, json!({})).await;
        assert_eq!(done.failure().0, "input.invalid", "{component}: {done:?}");
        let sensors = Sensors::of(component, Options::default());
        let (call, sink, never) = (sensors.call(sensor), OutputSink::new(100), CancellationToken::new());
        assert_eq!(sensors.runner.kind(&call.pack_path, &call.entry_point).await.unwrap(), kind);
        let told = match kind {
            SensorKind::Poll => sensors.poll(sensor, None).await.map(drop),
            SensorKind::Webhook => {
                let (method, path, query) = ("POST".into(), "/".into(), String::new());
                let request = Received { method, path, query, headers: Vec::new(), body: Vec::new() };
                sensors.runner.receive(call, request, sink, never).await.map(drop)
            }
            SensorKind::Stream => sensors.stream(sensor, &Events::until(1, &never), never.clone()).await,
        };
        assert_eq!(told.unwrap_err().code, code, "{component}");
    }
}

#[tokio::test]
async fn a_poll_gives_events_and_a_cursor_and_goes_on_from_it() {
    let sensors = Sensors::of(POLLS, Options::default());
    let sink = OutputSink::new(1 << 20);
    let polled = sensors.runner.poll(sensors.call("count"), None, sink.clone(), CancellationToken::new());
    let polled = polled.await.unwrap();
    let numbers = |polled: &Polled| -> Vec<_> {
        polled.events.iter().map(|event| event.payload["number"].as_u64().unwrap()).collect()
    };
    assert_eq!((numbers(&polled), &polled.cursor), (vec![1, 2], &Some(json!(2))));
    assert_eq!(polled.next_poll, Some(Duration::from_millis(1500)));
    let event = polled.events[1].clone();
    assert_eq!((event.trigger.as_str(), event.dedup_key.as_deref()), ("tick", Some("1")));
    assert_eq!((event.trace_tag.as_deref(), event.occurred_at), (Some("t"), Some(Timestamp::from_micros(0))));
    let texts: Vec<_> = sink.take().into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["INFO count of test after 0"]);
    assert_eq!(numbers(&sensors.poll("count", polled.cursor).await.unwrap()), [3, 4]);
}

#[tokio::test]
async fn a_sensor_is_told_of_triggers_and_has_events_of_each() {
    let mut sensors = Sensors::of(POLLS, Options::default());
    let told = |kind: &str, parameters: Value| {
        let trigger =
            Trigger { kind: Ref::new("test", kind), parameters: parameters.as_object().unwrap().clone() };
        SensorTrigger { reference: trigger.reference(), trigger: Arc::new(trigger) }
    };
    let [step, plain, misfit, other] = [
        told("tick", json!({"step": 5})),
        told("tick", json!({})),
        told("tick", json!({"step": "x"})),
        told("other", json!({"step": 5})),
    ];
    let by_id = [step.reference.to_string(), plain.reference.to_string()];
    sensors.triggers = [step, plain, misfit, other].into();
    let events = sensors.poll("listened", None).await.unwrap().events;
    let told: Vec<_> =
        events.iter().map(|event| (event.trigger.as_str(), event.parameters.clone())).collect();
    let expected = [
        (by_id[0].as_str(), None),
        ("tick", Some(json!({"step": 5}))),
        (by_id[1].as_str(), None),
        ("tick", Some(json!({}))),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_does_not_come_to_a_result_is_named_with_its_limit() {
    let limits = Limits { cpu: Duration::from_secs(3), ..Limits::default() };
    let sensors = Sensors::of(POLLS, Options { limits, ..Options::default() });
    for (name, cursor, code, says) in [
        ("many", json!(20_000), "limit.events", "20000 events at once, more than the limit of 10000"),
        ("many", json!(100_000), "limit.result", "10000 events"),
        ("large_cursor", json!("1000000"), "limit.cursor", "more than the limit of 65536"),
        ("large_cursor", json!("10000000"), "limit.result", "a cursor of 64 KiB"),
        ("count", json!("x"), "cursor.invalid", "the cursor of count"),
        ("spin", json!(0), "limit.cpu", "its 3 s"),
        ("hog", json!(0), "limit.memory", "128 MiB"),
        ("crash", json!(0), "component.trap", "what now?"),
        ("fail", json!(0), "sensor.failed", "too often"),
        ("emit", json!(0), "denied.emit", "tick"),
        ("nobody", json!(0), "sensor.unknown", "no sensor nobody"),
    ] {
        let told = sensors.poll(name, Some(cursor)).await.unwrap_err();
        assert_eq!(told.code, code, "{name}: {told:?}");
        assert!(told.message.contains(says) && !told.hint.is_empty(), "{name}: {told:?}");
        assert_eq!(told.retry_after, (name == "fail").then(|| Duration::from_secs(7)), "{name}");
    }
    assert_eq!(sensors.poll("count", None).await.unwrap().events.len(), 2, "the others go on");
}

#[tokio::test]
async fn a_poll_that_never_returns_ends_with_its_time_or_when_it_is_canceled() {
    let mut sensors = Sensors::of(POLLS, Options::default());
    sensors.poll("count", None).await.unwrap();
    sensors.timeout = Duration::from_millis(300);
    let told = sensors.poll("hang", None).await.unwrap_err();
    assert_eq!(told.code, "limit.time");
    assert!(told.message.contains("0.3 s"), "{told:?}");
    sensors.timeout = Duration::from_mins(10);
    let cancel = CancellationToken::new();
    let poll = sensors.runner.poll(sensors.call("hang"), None, OutputSink::new(100), cancel.clone());
    let (told, ()) = tokio::join!(poll, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    assert_eq!(told.unwrap_err().code, "canceled");
}

#[tokio::test]
async fn a_webhook_sensor_answers_with_events_or_without() {
    let sensors = Sensors::of(HOOKS, Options::default());
    let receive = |name: &str, token: &str| {
        let request = Received {
            method: "POST".into(),
            path: "/a".into(),
            query: "b=c".into(),
            headers: vec![("x-token".into(), token.into())],
            body: b"hello".to_vec(),
        };
        sensors.runner.receive(sensors.call(name), request, OutputSink::new(100), CancellationToken::new())
    };
    let reply = receive("hook", "secret").await.unwrap();
    assert_eq!((reply.status, reply.events.len()), (202, 1));
    assert_eq!(reply.events[0].payload, json!({"line": "POST /a?b=c", "body": "hello"}));
    let reply = receive("hook", "wrong").await.unwrap();
    assert_eq!((reply.status, reply.events.len(), reply.body), (401, 0, b"who are you?".to_vec()));
    assert_eq!(receive("strange", "").await.unwrap_err().code, "component.result");
    // A sensor of one kind is not asked as one of another.
    let told = sensors.poll("hook", None).await.unwrap_err();
    assert_eq!(told.code, "component.world");
}

#[tokio::test]
async fn a_stream_emits_until_it_is_ended() {
    let sensors = Sensors::of(STREAMS, Options::default());
    let cancel = CancellationToken::new();
    let events = Events::until(3, &cancel);
    let ended = tokio::time::timeout(Duration::from_mins(1), sensors.stream("three", &events, cancel)).await;
    ended.unwrap().unwrap();
    let taken = events.taken.lock().unwrap();
    let texts: Vec<_> = taken.iter().map(|(_, _, event)| event.payload["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["a", "b", "c"]);
    assert_eq!((taken[0].0.as_str(), taken[0].1.as_str()), ("test", "test.three"));
    assert_eq!(taken[0].2.trigger, "line");
}

#[tokio::test]
async fn a_stream_that_ends_says_why() {
    let limits = Limits { cpu: Duration::from_millis(200), ..Limits::default() };
    let sensors = Sensors::of(STREAMS, Options { limits, ..Options::default() });
    let never = CancellationToken::new();
    let all = Events::until(usize::MAX, &never);
    sensors.stream("ends", &all, never.clone()).await.unwrap();
    let begun = Instant::now();
    for (name, code, says) in [
        ("stranger", "denied.emit", "core.st2.webhook, which is not of pack test"),
        ("spin", "limit.cpu", "more than 0.2 s of CPU time within 300 s"),
    ] {
        let told = sensors.stream(name, &all, never.clone()).await.unwrap_err();
        assert_eq!(told.code, code, "{told:?}");
        assert!(told.message.contains(says), "{told:?}");
    }
    assert!(begun.elapsed() < Duration::from_mins(1));
    assert!(all.taken.lock().unwrap().is_empty());
    let told =
        sensors.stream("three", &Events::refusing(NotEmitted::Busy("too much waits".into())), never).await;
    let told = told.unwrap_err();
    assert_eq!((told.code.as_str(), told.message.as_str()), ("event.busy", "too much waits"));
}

#[tokio::test]
async fn a_sensor_polls_a_granted_address_and_no_other() {
    let server = serving::Server::start("[{\"number\": 5}]").await;
    let sensors = Sensors::granted(POLLS, &server.url("/feed"), &server.url("/feed/now"));
    let polled = sensors.poll("fetch", None).await.unwrap();
    assert_eq!(polled.events[0].payload, json!({"number": 5}));
    let other = Sensors::granted(POLLS, &server.url("/feed"), &server.url("/admin?token=x"));
    let told = other.poll("fetch", None).await.unwrap_err();
    assert_eq!(told.code, "denied.http", "{told:?}");
    assert!(told.hint.contains("--grant-url"), "{told:?}");
    assert_eq!(server.requests(), ["GET /feed/now HTTP/1.1"]);
}

#[tokio::test]
async fn a_stream_takes_lines_as_they_arrive() {
    let server = serving::Server::start("one\ntwo\nthree\n").await;
    let sensors = Sensors::granted(STREAMS, &server.url("/"), &server.url("/lines"));
    let never = CancellationToken::new();
    let events = Events::until(usize::MAX, &never);
    sensors.stream("lines", &events, never).await.unwrap();
    assert_eq!(events.taken.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_stream_that_loses_its_grant_is_denied_its_next_request() {
    let server = serving::Server::start("x").await;
    let sensors = Sensors::granted(STREAMS, &server.url("/"), &server.url("/"));
    let never = CancellationToken::new();
    let events = Events::until(usize::MAX, &never);
    let revoke = async {
        while events.taken.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sensors.runtime.take_rights(&table(Rights::default()));
    };
    let both = async { tokio::join!(sensors.stream("again", &events, never.clone()), revoke) };
    let (told, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(told.unwrap_err().code, "denied.http");
}

#[tokio::test]
async fn a_stream_that_loses_its_directory_changes_nothing_more_in_it() {
    let place = tempfile::tempdir().unwrap();
    let rights = |access| {
        let mount = Mount { host_path: place.path().to_owned(), guest_path: "/data".to_owned(), access };
        table(Rights { mounts: vec![mount], ..Rights::default() })
    };
    let sensors = Sensors::of(STREAMS, Options::default());
    sensors.runtime.take_rights(&rights(Access::ReadWrite));
    let never = CancellationToken::new();
    let events = Events::until(usize::MAX, &never);
    let revoke = async {
        while events.taken.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sensors.runtime.take_rights(&rights(Access::ReadOnly));
    };
    let both = async { tokio::join!(sensors.stream("tidies", &events, never.clone()), revoke) };
    let (told, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(told.unwrap_err().code, "denied.files");
}

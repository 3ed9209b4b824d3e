//! Sensors in Python on the real host: one that is a server itself, one that polls, and one that fails. Each has a process of
//! its own, which hears of rules while it runs, uses the datastore, and ends with its host.

#![expect(clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const PACK: &str =
    "ref: guard\nname: guard\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const DOOR: &str = "
class_name: Door
entry_point: door.py
trigger_types:
  - name: knock
    payload_schema: {type: object, properties: {line: {type: string}, number: {type: integer}}}
    parameters_schema: {type: object, properties: {who: {type: string}}}
";
/// A server: what it answers says that the event is stored.
const DOOR_PY: &str = "
import socketserver

from st2reactor.sensor.base import Sensor


class Door(Sensor):
    def setup(self):
        self.log = self.sensor_service.get_logger(__name__)
        service = self.sensor_service

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                line = self.rfile.readline().decode().strip()
                number = 'seven' if line == 'odd' else len(line)
                service.dispatch(trigger='guard.knock', payload={'line': line, 'number': number}, trace_tag='door')
                self.wfile.write(b'done\\n')

        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        service.set_value('port', self.server.server_address[1], local=False)
        service.set_value('secret', 'opened', encrypt=True)
        self.log.info('it is %s', service.get_value('secret', decrypt=True))

    def run(self):
        self.server.serve_forever()

    def cleanup(self):
        self.server.server_close()

    def add_trigger(self, trigger):
        self.log.info('told of %s', trigger['parameters'])

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        self.log.info('no more of %s', trigger['parameters'])
";
const COUNT: &str = "
class_name: Count
entry_point: count.py
poll_interval: 86400
trigger_types: [{name: counted}]
";
const COUNT_PY: &str = "
from st2reactor.sensor.base import PollingSensor


class Count(PollingSensor):
    def setup(self):
        pass

    def poll(self):
        number = int(self._sensor_service.get_value('number') or 0) + 1
        if number == self._config.get('worst', 0):
            raise ValueError('it cannot be %d' % number)
        self._sensor_service.dispatch(trigger='guard.counted', payload={'number': number})
        self._sensor_service.set_value('number', number)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
";

/// A place with the pack, whose sensors are these.
fn place_with(sensors: &[(&str, &str)]) -> Place {
    let place = Place::default();
    place.write("guard/pack.yaml", PACK);
    place.write("guard/config.schema.yaml", "worst: {type: integer}\n");
    for (file, text) in sensors {
        place.write(&format!("guard/sensors/{file}"), text);
    }
    place
}

fn sensor(host: &Host<'_>, name: &str) -> Value {
    host.get(&format!("/sensortypes/guard.{name}")).with_status(200).json()
}

/// The number of the process of a sensor, once it has one that is not `before`.
fn process(host: &Host<'_>, name: &str, before: Option<&Value>) -> Value {
    eventually("the sensor has a process", || {
        let pid = sensor(host, name)["process"]["pid"].clone();
        (!pid.is_null() && Some(&pid) != before).then_some(pid)
    })
}

/// Whether a process runs. One that has ended, and that nobody has waited for, has no command line any more.
fn is_there(process: &Value) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Knocks once the door is there. Returns when it has answered, which it does once the event is stored.
fn knock(host: &Host<'_>, line: &str) {
    eventually("the door answers", || {
        let key = host.get("/keys/port").json();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", key["value"].as_str()?)).ok()?;
        stream.write_all(format!("{line}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        (answer == "done\n").then_some(())
    });
}

fn logs(host: &Host<'_>, name: &str) -> String {
    host.ok(&["sensor", "logs", &format!("guard.{name}")]).stdout
}

#[test]
fn a_sensor_that_is_a_server_brings_events() {
    let place = place_with(&[("door.yaml", DOOR), ("door.py", DOOR_PY)]);
    let host = place.start(&[]);
    let on = |kind: &str, name: &str, action: Value| {
        let rule = json!({"name": name, "pack": "examples", "enabled": true, "trigger": {"type": kind}, "action": action});
        host.post("/rules", &rule).with_status(201);
    };
    for kind in ["process_spawn", "process_exit"] {
        on(&format!("core.st2.sensor.{kind}"), kind, json!({"ref": "core.noop"}));
    }
    let registered = host.ok(&["pack", "register", &place.path("guard")]).stderr;
    assert!(!registered.contains("does not run"), "{registered}");
    let echo =
        json!({"ref": "core.echo", "parameters": {"message": "{{ trigger.line }} {{ trigger.number }}"}});
    on("guard.knock", "answer", echo);
    knock(&host, "hello");
    // It is stored by then.
    assert_eq!(host.list("/triggerinstances?trigger_type=guard.knock").len(), 1);
    let ran = eventually("the action has run", || {
        host.list("/executions?rule=examples.answer&status=succeeded").into_iter().next()
    });
    assert_eq!(ran["result"]["stdout"], "hello 5", "{ran:#}");
    knock(&host, "odd");
    let shown = sensor(&host, "Door");
    assert_eq!(
        (&shown["kind"], &shown["events"], &shown["refused"]),
        (&json!("stream"), &json!(1), &json!(1)),
        "{shown}"
    );
    assert!(shown["process"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{shown}");
    assert_says(&logs(&host, "Door"), &["an event of guard.knock was not taken", "it is opened"]);
    let secret = host.get("/keys/guard.Door:secret").with_status(200).json();
    assert_eq!((&secret["encrypted"], secret["value"] == "opened"), (&json!(true), false));
    let refused = host.cli(&["sensor", "poll", "guard.Door"]).with_code(6).stderr;
    assert_says(&refused, &["it follows a stream"]);
    hears_of_rules_and_begins_again(&host);
    host.stop();
}

/// It hears of rules with parameters in the same process, and has another one when it is restarted.
fn hears_of_rules_and_begins_again(host: &Host<'_>) {
    let first = process(host, "Door", None);
    let ann = json!({
        "name": "ann", "pack": "examples", "enabled": true, "action": {"ref": "core.noop"},
        "trigger": {"type": "guard.knock", "parameters": {"who": "ann"}},
    });
    host.post("/rules", &ann).with_status(201);
    let told = |what: &str| eventually(what, || logs(host, "Door").contains(what).then_some(()));
    told("told of {'who': 'ann'}");
    host.delete("/rules/examples.ann").with_status(204);
    told("no more of {'who': 'ann'}");
    assert_eq!(process(host, "Door", None), first);

    host.ok(&["sensor", "restart", "guard.Door"]);
    let second = process(host, "Door", Some(&first));
    assert!(!is_there(&first));
    host.ok(&["sensor", "disable", "guard.Door"]);
    eventually("the process has ended", || (!is_there(&second)).then_some(()));
    let told = |name: &str| host.list(&format!("/triggerinstances?trigger_type=core.st2.sensor.{name}"));
    eventually("rules heard of each process", || {
        (told("process_spawn").len() == 2 && told("process_exit").len() == 2).then_some(())
    });
    let begun = told("process_spawn");
    let payload = |instance: &Value| {
        let id = instance["id"].as_str().unwrap_or_default();
        host.get(&format!("/triggerinstances/{id}")).with_status(200).json()["payload"].clone()
    };
    let pids: Vec<_> = begun.iter().map(|one| payload(one)["pid"].clone()).collect();
    assert!(pids.contains(&first) && pids.contains(&second), "{pids:?}");
    assert_eq!(payload(&begun[0])["id"], json!("Door"));
}

#[test]
fn a_sensor_polls_in_its_process_and_keeps_what_it_needs_in_the_datastore() {
    let place = place_with(&[("count.yaml", COUNT), ("count.py", COUNT_PY)]);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("guard")]);
    let counted = |number: usize| {
        eventually("it has counted", || {
            (host.list("/triggerinstances?trigger_type=guard.counted").len() == number).then_some(())
        });
    };
    counted(1);
    eventually("it pauses", || (sensor(&host, "Count")["polls"] == 1).then_some(()));
    host.ok(&["sensor", "poll", "guard.Count"]);
    counted(2);
    let shown = sensor(&host, "Count");
    assert_eq!((&shown["kind"], &shown["health"]), (&json!("poll"), &json!("ok")), "{shown}");
    eventually("the number is stored", || {
        (host.get("/keys/guard.Count:number").json()["value"] == "2").then_some(())
    });

    // It begins anew with another configuration, and fails at the next number.
    let before = process(&host, "Count", None);
    let configuration = place.write("guard.yaml", "worst: 3\n");
    host.ok(&["pack", "configure", "guard", &configuration]);
    let failing = eventually("it fails", || {
        Some(sensor(&host, "Count")).filter(|shown| shown["failures"].as_u64() > Some(0))
    });
    assert_eq!(failing["last_error"]["message"], "ValueError: it cannot be 3", "{failing}");
    assert_eq!(failing["last_error"]["code"], "sensor.failed");
    assert_says(
        failing["last_error"]["hint"].as_str().unwrap_or_default(),
        &["petrel sensor logs guard.Count"],
    );
    assert_says(&logs(&host, "Count"), &["Traceback", "in poll", "ValueError: it cannot be 3"]);
    assert!(!is_there(&before));
    host.ok(&["pack", "remove", "guard"]);
    host.stop();
}

#[test]
fn a_process_of_a_sensor_does_not_outlive_a_host_that_is_killed() {
    let place = place_with(&[("door.yaml", DOOR), ("door.py", DOOR_PY)]);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("guard")]);
    knock(&host, "before");
    let first = process(&host, "Door", None);
    // It is killed.
    drop(host);
    eventually("the process has noticed", || (!is_there(&first)).then_some(()));
    let host = place.start(&[]);
    knock(&host, "after");
    assert_eq!(host.list("/triggerinstances?trigger_type=guard.knock").len(), 2);
    let second = process(&host, "Door", None);
    host.stop();
    assert!(!is_there(&second));
}

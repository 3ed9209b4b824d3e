//! Who takes much of what all share: others go on beside it.

use petrel_system_tests::{Place, eventually};
use serde_json::json;

#[test]
fn who_waits_for_room_for_its_parameters_keeps_no_slot_from_others() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "8"]);
    // Each takes 9 MiB of room, so that a few fill the share of one user; it is never used. None ends by itself.
    let large = json!({"action": "core.local",
        "parameters": {"cmd": "sleep 900", "timeout": 900, "kwarg_op": "x".repeat(3 << 20)}});
    let ids: Vec<_> = (0..12).map(|_| host.request(&large)).collect();
    let running = || {
        let is_running = |id: &&String| host.execution(id)["status"] == "running";
        ids.iter().filter(is_running).count()
    };
    eventually("some run", || (running() > 2).then_some(()));
    host.until(&host.shell("true"), "succeeded");
    assert!(running() < 8, "some wait");
    // Those that wait are canceled at once, and leave their room to nobody but who comes next.
    for id in &ids {
        host.delete(&format!("/executions/{id}")).with_status(200);
    }
    for id in &ids {
        host.until(id, "canceled");
    }
    let mut quick = large;
    quick["parameters"]["cmd"] = json!("true");
    host.until(&host.request(&quick), "succeeded");
    host.stop();
}

#[test]
fn workflows_that_wait_share_one_limit_whatever_they_wait_for() {
    let place = Place::default();
    let pack = "ref: flows\nname: flows\ndescription: Workflows.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
    place.write("flows/pack.yaml", pack);
    let metadata = "name: wait\nrunner_type: orquesta\nentry_point: workflows/wait.yaml\nenabled: true\nparameters: {big: {type: string}}\n";
    place.write("flows/actions/wait.yaml", metadata);
    let definition =
        "version: 1.0\ninput: [big]\ntimeout: 30\ntasks: {nap: {delay: 600, action: core.noop}}\n";
    place.write("flows/actions/workflows/wait.yaml", definition);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("flows")]);
    host.until_prepared();
    let before = host.largest_memory();
    let body = json!({"action": "flows.wait", "parameters": {"big": "x".repeat(6 << 20)}});
    let ids: Vec<_> = (0..16).map(|_| host.request(&body)).collect();
    // The first may have had their time before the last are there.
    let waits =
        |id: &str| ["running", "timeout"].iter().any(|status| host.execution(id)["status"] == *status);
    for id in &ids {
        eventually("it waits, or has waited", || waits(id).then_some(()));
    }
    let grown = host.largest_memory() - before;
    assert!(grown < 200 << 20, "sixteen that wait take {} MiB", grown >> 20);
    // What has left memory is ended by the time all the same.
    for id in &ids {
        host.until(id, "timeout");
    }
    host.stop();
}

#[test]
fn what_finds_no_file_left_to_start_with_waits_for_its_turn() {
    let place = Place::default();
    place.write(
        "pack/pack.yaml",
        "ref: few\nname: few\ndescription: d\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write(
        "pack/actions/answer.yaml",
        "name: answer\nrunner_type: python-script\nentry_point: answer.py\nenabled: true\n",
    );
    place.write(
        "pack/actions/answer.py",
        "import time\nfrom st2common.runners.base_action import Action\n\n\nclass Answer(Action):\n    def run(self):\n        time.sleep(1)\n        return 1\n",
    );
    place.write(
        "pack/actions/script.yaml",
        "name: script\nrunner_type: local-shell-script\nentry_point: script.sh\nenabled: true\n",
    );
    place.write_script("pack/actions/script.sh", "#!/bin/sh\nsleep 1\n");
    // More processes at once than there are files for.
    let host = place.start_behind("ulimit -n 128", &["--process-slots", "60"]);
    host.ok(&["pack", "register", &place.path("pack")]);
    let sleeps = json!({"action": "core.local", "parameters": {"cmd": "sleep 1"}});
    let answers = json!({"action": "few.answer"});
    let script = json!({"action": "few.script"});
    let all = [&answers, &script, &sleeps, &sleeps];
    let ids: Vec<_> = all.into_iter().cycle().take(120).map(|action| host.request(action)).collect();
    for id in &ids {
        host.until(id, "succeeded");
    }
    let log = place.read("log");
    assert!(log.contains("waits until it can be started"), "there were files for all: {log}");
    host.stop();
}

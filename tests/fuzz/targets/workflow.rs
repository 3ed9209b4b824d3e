//! Workflows: a definition in YAML, behind a line of `---events` a byte or three for each event. Nothing panics, what has
//! ended stays as it ended.
#![no_main]

#[path = "../../../host/crates/workflows/tests/random/running.rs"]
mod running;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use petrel_workflows::conductor::Event;
use petrel_workflows::{Conductor, Definition, Status, World, inspect};
use running::{apply, ended, ending};
use serde_json::{Map, json};

/// How much may run at once before a case is left.
const MOST: usize = 2_000;

fuzz_target!(|data: &[u8]| {
    const MARK: &[u8] = b"\n---events\n";
    let at = data.windows(MARK.len()).position(|window| window == MARK);
    let (text, events) = at.map_or((data, &b"\0\0\0"[..]), |at| (&data[..at], &data[at + MARK.len()..]));
    let Ok(definition) = petrel_yaml::parse_loosely(&String::from_utf8_lossy(text)) else { return };
    let findings = inspect(&definition, &[]);
    let Ok(compiled) = Definition::compile(&definition) else { return };
    if !findings.is_empty() {
        return;
    }
    let mut conductor = Conductor::new(Arc::new(compiled), &Map::new(), &Map::new(), &World::default());
    let mut running = Vec::new();
    apply(&mut conductor, &Event::Request(Status::Running), &mut running);
    for event in events.chunks(3).take(100) {
        let [which, how, request] = [0, 1, 2].map(|n| event.get(n).copied().unwrap_or_default());
        match request % 16 {
            1 => apply(&mut conductor, &Event::Request(Status::Pausing), &mut running),
            2 => apply(&mut conductor, &Event::Request(Status::Resuming), &mut running),
            3 => apply(&mut conductor, &Event::Request(Status::Canceling), &mut running),
            _ => {}
        }
        if running.is_empty() || running.len() > MOST {
            break;
        }
        let action = running.swap_remove(usize::from(which) % running.len());
        apply(&mut conductor, &ended(action, ending(how, true), json!({"x": how})), &mut running);
    }
    let _output = (conductor.output().is_some(), conductor.errors().len(), conductor.timeout());
});

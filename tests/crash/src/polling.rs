//! A sensor with a cursor under crashes: a component whose events have consecutive numbers, polled a few times a second.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use petrel_test_support::{PATIENCE, until};
use serde_json::{Value, json};

use crate::audit::each;
use crate::client::Client;

/// The sensor.
const SENSOR: &str = "/sensortypes/steps.steady";
/// What it is, but for its code.
const PACK: &str =
    "ref: steps\nname: steps\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const METADATA: &str = "class_name: steady\nentry_point: steady.wasm\ntrigger_types:\n  - {name: tick, payload_schema: {type: object}}\n";

/// Lays out a pack with the sensor of `component`, registers it, and waits for its first events: compiling it may take
/// longer than a host lives.
pub(crate) fn begin(client: &mut Client, pack: &Path, component: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(pack.join("sensors"))?;
    fs::write(pack.join("pack.yaml"), PACK)?;
    fs::write(pack.join("sensors/steady.yaml"), METADATA)?;
    fs::copy(component, pack.join("sensors/steady.wasm"))
        .with_context(|| format!("the component {}", component.display()))?;
    let answer = client.send("POST", "/packs/register", &json!({"path": pack}).to_string())?;
    ensure!(answer.status == 200, "the pack was answered with {}: {}", answer.status, answer.text());
    until("the first events of the sensor", PATIENCE, || {
        Ok((number(&sensor(client)?, "/events") > 0).then_some(()))
    })
}

/// Ends the sensor, and waits until it rests.
pub(crate) fn end(client: &mut Client) -> anyhow::Result<()> {
    let answer = client.send("PUT", SENSOR, &json!({"enabled": false}).to_string())?;
    ensure!(answer.status == 200, "the end of the sensor was answered with {}", answer.status);
    until("a sensor at rest", PATIENCE, || {
        let sensor = sensor(client)?;
        let rests = sensor.get("health") == Some(&"disabled".into());
        Ok((rests && sensor.get("running") == Some(&false.into())).then_some(()))
    })
}

/// The numbers of its events, and its cursor. It has ended.
pub(crate) fn observe(client: &mut Client) -> anyhow::Result<(Vec<u64>, u64)> {
    let mut numbers = Vec::new();
    each(client, "/triggerinstances?limit=500&trigger_type=steps.tick", |event| {
        numbers.push(number(event, "/payload/number"));
        Ok(())
    })?;
    let sensor = sensor(client)?;
    ensure!(number(&sensor, "/refused") == 0, "events of the sensor were refused: {sensor}");
    Ok((numbers, number(&sensor, "/cursor")))
}

/// The sensor, as its host shows it.
fn sensor(client: &mut Client) -> anyhow::Result<Value> {
    client.send("GET", &format!("{SENSOR}?show_secrets=true"), "")?.json()
}

/// The number at this place, and 0 where there is none.
fn number(value: &Value, place: &str) -> u64 {
    value.pointer(place).and_then(Value::as_u64).unwrap_or_default()
}

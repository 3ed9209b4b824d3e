//! Sensors in the catalog: they come and go with their packs, and stay as operators have switched them.

use petrel_catalog::Giver;

use crate::{House, refused};

const WATCH: &str = "class_name: Watch\nentry_point: w.wasm\ntrigger_types: [{name: seen}]\n";

/// The sensors of a catalog: name, and whether each is on.
fn sensors(house: &House) -> Vec<String> {
    let content = house.catalog.content();
    let shown = content.sensors().map(|sensor| format!("{} {}", sensor.reference, sensor.is_enabled()));
    shown.collect()
}

#[tokio::test]
async fn a_sensor_that_was_switched_stays_so_until_its_pack_is_removed() {
    let house = House::new().await;
    let files = [("sensors/w.yaml", WATCH), ("sensors/w.wasm", "")];
    let report = house.register("mine", &files).await.unwrap();
    assert_eq!((report.sensors, report.trigger_types, report.notes), (1, 1, Vec::new()));
    assert_eq!(sensors(&house), ["mine.Watch true"]);
    let (code, message) = refused(house.catalog.set_sensor_enabled("mine.Wach", false).await);
    assert!(code == "not_found" && message.contains("mine.Wach"), "{message}");
    house.catalog.set_sensor_enabled("mine.Watch", false).await.unwrap();
    house.register("mine", &files).await.unwrap();
    assert_eq!(sensors(&house), ["mine.Watch false"]);
    let house = house.next_process().await;
    assert_eq!(sensors(&house), ["mine.Watch false"]);
    let text = WATCH.replace("Watch", "Other");
    let other = [("sensors/w.yaml", text.as_str()), ("sensors/w.wasm", "")];
    let notes = house.register("mine", &other).await.unwrap().notes;
    assert!(notes.iter().any(|note| note.starts_with("sensor `mine.Watch` is gone")), "{notes:?}");
    house.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await.unwrap();
    assert!(sensors(&house).is_empty());
    assert!(sensors(&house.next_process().await).is_empty());
}

#[tokio::test]
async fn a_slip_in_the_file_of_a_sensor_leaves_it_as_it_was() {
    let house = House::new().await;
    house.register("mine", &[("sensors/w.yaml", WATCH), ("sensors/w.wasm", "")]).await.unwrap();
    house.catalog.set_sensor_enabled("mine.Watch", false).await.unwrap();
    let slip = WATCH.replace("class_name", "clas_name");
    let files = [("sensors/w.yaml", slip.as_str()), ("sensors/w.wasm", "")];
    let notes = house.register("mine", &files).await.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("sensor `mine.Watch` stays as it was")), "{notes:?}");
    assert!(!notes.iter().any(|note| note.contains("is gone")), "{notes:?}");
    let house = house.next_process().await;
    assert_eq!(sensors(&house), ["mine.Watch false"]);
    assert!(house.catalog.content().trigger_type(&"mine.seen".parse().unwrap()).is_ok());
    let notes = house.register("mine", &[("sensors/w.wasm", "")]).await.unwrap().notes;
    assert!(notes.iter().any(|note| note.starts_with("sensor `mine.Watch` is gone")), "{notes:?}");
    assert!(sensors(&house).is_empty());
}

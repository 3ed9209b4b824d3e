//! A file with keys that are not those of the store: the host says so at its start, what it cannot read is refused and stays
//! as it is, and everything is there again with the right file.

use std::fs;

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

use super::{CONFIGURED, GIVEN, KEPT, clear, configure, pack};

#[test]
fn a_wrong_key_is_told_at_the_start_and_overwrites_nothing() {
    let (place, other) = (Place::default(), Place::default());
    pack(&place);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    configure(&host);
    host.ok(&["key", "set", "pin", KEPT, "--encrypt"]);
    let opened = host.request(&json!({"action": "safe.open", "parameters": {"pin": GIVEN}}));
    host.until(&opened, "succeeded");
    let open = host.shell("echo fine");
    host.until(&open, "succeeded");
    host.stop();
    other.start(&[]).stop();
    let (file, aside) = (place.data().join("vault-key"), place.path("aside"));
    fs::rename(&file, &aside).unwrap();
    fs::copy(other.data().join("vault-key"), &file).unwrap();
    let wrong = fs::read(&file).unwrap();
    assert_ne!(wrong, fs::read(&aside).unwrap());

    let host = place.start(&[]);
    let told = ["the key `pin`", "has not the key for secrets", "put the file with the key of then back"];
    assert_says(&place.read("log"), &told);
    let refused = host.get(&format!("/executions/{opened}"));
    assert!(refused.status >= 400, "{refused:?}");
    assert_says(&refused.body, &["cannot be read", "put the file with that key back"]);
    let refused = host.cli(&["key", "get", "pin", "--decrypt"]);
    assert!(refused.code != 0 && !refused.stdout.contains(KEPT), "{refused:?}");
    // With the defaults alone it might act on something else.
    let note = host.request(&json!({"action": "safe.note", "parameters": {"note": "x"}}));
    assert_says(&host.until(&note, "failed")["result"].to_string(), &["safe cannot be read"]);
    assert_eq!(host.execution(&open)["status"], "succeeded", "everything else goes on");
    host.until(&host.shell("echo still fine"), "succeeded");
    host.stop();
    assert_eq!(fs::read(&file).unwrap(), wrong, "no key is made, and none is added");
    place.petrel(&["store", "check"]).with_code(0);

    fs::rename(&aside, &file).unwrap();
    let host = place.start(&[]);
    assert_eq!(clear(&host, &opened)["parameters"]["pin"], GIVEN);
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), KEPT);
    assert_says(&host.get("/configs/safe?show_secrets=true").with_status(200).body, &[CONFIGURED]);
    host.stop();
}

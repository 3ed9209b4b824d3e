//! Packs ask for capabilities, and the operator grants them: what counts at once, over a restart, and after an update.

use std::path::PathBuf;

use petrel_catalog::Giver;
use petrel_catalog::grants::GrantChange;
use petrel_catalog::registration::{OnBehalf, Parts, Report};
use petrel_engine_core::Error;
use petrel_model::PackGrant;
use petrel_persistence::StoreExt as _;

use crate::{House, refused};

const ONE: &str = "{id: api, reason: reads, host: a.example, methods: [GET]}";
const MORE: &str = "{id: more, reason: writes, host: b.example, methods: [POST]}";

/// Lays out the pack `mine` in a directory, with these words about its capabilities.
fn pack(house: &House, at: &str, capabilities: &str) -> PathBuf {
    let directory = house.pack(at, &[]);
    let head = "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n";
    house.write(&format!("{at}/pack.yaml"), &format!("{head}{capabilities}"));
    directory
}

fn asking(http: &[&str]) -> String {
    format!("capabilities: {{http: [{}], files: [{{path: /data, reason: r}}], env: [TZ]}}\n", http.join(", "))
}

async fn registered(house: &House, capabilities: &str, grants: bool) -> Result<Report, Error> {
    let directory = pack(house, "mine", capabilities);
    let by = OnBehalf { giver: Giver::SeesSecrets, grants: grants.then(|| "ada".to_owned()) };
    house.catalog.register_by(by, &directory, false, Parts::ALL).await
}

async fn change(house: &House, grant: &[&str], revoke: &[&str]) -> Result<(), Error> {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let change = GrantChange { grant: owned(grant), revoke: owned(revoke), ..GrantChange::default() };
    house.catalog.change_grant("mine", "ada", change).await
}

/// What the pack may do, as its runner was told last.
fn rights(house: &House) -> String {
    let told = house.runner.rights();
    let rights = told.get("mine").unwrap();
    let http = rights.http.iter().map(ToString::to_string);
    let mounts = rights.mounts.iter().map(ToString::to_string);
    http.chain(mounts).chain(rights.env.iter().cloned()).collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn a_pack_that_asks_for_any_host_is_not_offered_all_at_once() {
    let house = House::new().await;
    let any = "{id: any, host: '*', reason: calls what is configured}";
    let told = |report: &Report| report.notes.join("\n");
    let report = registered(&house, &asking(&[ONE, any]), false).await.unwrap();
    let commands = "`petrel pack grant mine 'http=GET https://a.example/' http=https://HOST/PATH env=TZ`";
    let note = told(&report);
    assert!(note.contains(commands) && note.contains("grants of it what you mean"), "{note}");
    change(&house, &["http=https://b.example", "env=TZ"], &[]).await.unwrap();
    let note = told(&registered(&house, &asking(&[ONE, any]), false).await.unwrap());
    let command = "`petrel pack grant mine 'http=GET https://a.example/'`";
    assert!(note.contains(command) && !note.contains("HOST/PATH"), "{note}");
}

#[tokio::test]
async fn names_are_offered_beside_one_host() {
    let house = House::new().await;
    let asks = "capabilities: {http: [{host: '*', reason: r}], call: [core.noop], kv: [pack]}\n";
    let told = |report: &Report| report.notes.join("\n");
    let note = told(&registered(&house, asks, false).await.unwrap());
    let command = "`petrel pack grant mine http=https://HOST/PATH 'call=core.noop' 'kv=pack'`";
    assert!(note.contains(command), "{note}");
    change(&house, &["http=https://b.example", "call=core.noop"], &[]).await.unwrap();
    let note = told(&registered(&house, asks, false).await.unwrap());
    assert!(note.contains("`petrel pack grant mine 'kv=pack'` grants it"), "{note}");
}

#[tokio::test]
async fn a_grant_counts_at_once_and_over_a_restart_and_goes_with_its_pack() {
    let house = House::new().await;
    let report = registered(&house, &asking(&[ONE]), false).await.unwrap();
    let note = report.notes.join("\n");
    assert!(
        note.contains("`petrel pack grant mine --all`") && note.contains("files=HOST-DIR:/data"),
        "{note}"
    );
    assert_eq!(rights(&house), "");
    change(&house, &["http", "files=/srv:/data:rw", "env=TZ"], &[]).await.unwrap();
    let all = "GET https://a.example/ | /srv:/data | TZ";
    assert_eq!(rights(&house), all);
    let next = house.next_process().await;
    assert_eq!(rights(&next), all);
    change(&next, &["http=GET https://a.example/x"], &["http=api", "env"]).await.unwrap();
    assert_eq!(rights(&next), "GET https://a.example/x | /srv:/data");
    let known = next.catalog.capabilities("mine").unwrap();
    assert_eq!(known.grant.unwrap().granted_by, "ada");
    let removed = next.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await.unwrap();
    assert!(removed.notes.join("\n").contains("was granted is gone"), "{removed:?}");
    assert!(next.store.all::<PackGrant>().await.unwrap().is_empty());
    assert!(!next.runner.rights().contains_key("mine"));
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_granted() {
    let house = House::new().await;
    registered(&house, &asking(&[ONE]), false).await.unwrap();
    for (grant, revoke, says) in [
        (&["http=https://b.example"][..], &[][..], "it asks for GET https://a.example/ (api)"),
        (&["htp"], &[], "did you mean http?"),
        (&["files=srv:/data"], &[], "not absolute"),
        (&["files=/srv/../etc:/data"], &[], "not absolute"),
        (&["env=HOME"], &[], "it asks for TZ"),
        (&[], &["env=TZ"], "nothing is granted"),
        (&["http", "env=HOME"], &[], "it asks for TZ"),
    ] {
        let (code, told) = refused(change(&house, grant, revoke).await);
        assert!(code == "invalid" && told.contains(says), "{told}");
    }
    assert_eq!(rights(&house), "");
    let change = || GrantChange { all: true, ..GrantChange::default() };
    assert_eq!(refused(house.catalog.change_grant("other", "ada", change()).await).0, "not_found");
    registered(&house, "", false).await.unwrap();
    let (_, told) = refused(house.catalog.change_grant("mine", "ada", change()).await);
    assert!(told.contains("does not say what it asks for"), "{told}");
}

#[tokio::test]
async fn an_update_that_asks_for_more_waits_until_it_is_accepted() {
    let house = House::new().await;
    // One that did not say so could not ask for more.
    registered(&house, "", false).await.unwrap();
    registered(&house, &asking(&[ONE]), true).await.unwrap();
    assert_eq!(rights(&house), "GET https://a.example/ | TZ");
    let (code, told) = refused(registered(&house, &asking(&[ONE, MORE]), false).await);
    assert_eq!(code, "unaccepted");
    assert!(
        told.contains("+ http POST https://b.example/ (writes)") && told.contains("repeat this with --grant"),
        "{told}"
    );
    let known = house.catalog.content().pack("mine").unwrap().capabilities.clone().unwrap();
    assert_eq!(known.http.len(), 1);
    registered(&house, &asking(&[ONE, MORE]), true).await.unwrap();
    assert_eq!(rights(&house), "GET https://a.example/ | POST https://b.example/ | TZ");
    // Less, and the same in another order, need nobody.
    for http in [&[MORE, ONE][..], &[ONE]] {
        registered(&house, &asking(http), false).await.unwrap();
    }
    assert_eq!(rights(&house), "GET https://a.example/ | POST https://b.example/ | TZ");
    let rights = house.catalog.content().rights("mine");
    let target = petrel_model::capabilities::Target {
        method: "POST",
        scheme: "https",
        host: petrel_model::capabilities::Host::of("b.example"),
        port: 443,
        path: "/",
    };
    assert_eq!(rights.http(target).unwrap_err().layer, petrel_model::capabilities::Layer::Request);
}

#[tokio::test]
async fn what_is_granted_is_not_for_the_code_of_somebody_else() {
    let house = House::new().await;
    let (here, elsewhere) = (pack(&house, "mine", &asking(&[ONE])), pack(&house, "other", &asking(&[ONE])));
    let register = async |directory: &PathBuf, giver: Giver| {
        house.catalog.register_by(giver, directory, false, Parts::ALL).await
    };
    register(&here, Giver::SeesNone).await.unwrap();
    register(&elsewhere, Giver::SeesNone).await.unwrap();
    change(&house, &["http"], &[]).await.unwrap();
    let (code, told) = refused(register(&here, Giver::SeesNone).await);
    assert!(code == "forbidden" && told.contains("capabilities are granted to the pack `mine`"), "{told}");
    register(&elsewhere, Giver::SeesNone).await.unwrap();
    register(&here, Giver::SeesSecrets).await.unwrap();
    change(&house, &[], &["http"]).await.unwrap();
    register(&elsewhere, Giver::SeesNone).await.unwrap();
}

#[tokio::test]
async fn what_the_settings_grant_is_for_the_pack_that_the_admin_registers() {
    let house = House::new().await;
    let (here, elsewhere) = (house.pack("given", &[]), house.path("elsewhere"));
    let text = std::fs::read_to_string(here.join("pack.yaml")).unwrap();
    house.write("elsewhere/pack.yaml", &text);
    for (directory, giver, may) in [
        (&here, Giver::SeesNone, false),
        (&here, Giver::SeesSecrets, true),
        (&here, Giver::SeesNone, true),
        (&elsewhere, Giver::SeesNone, false),
        (&elsewhere, Giver::SeesSecrets, true),
    ] {
        let done = house.catalog.register_by(giver, directory, false, Parts::ALL).await;
        let Err(error) = done else {
            assert!(may, "{directory:?} {giver:?}");
            continue;
        };
        assert!(
            !may && error.to_string().contains("capabilities are granted to the pack `given`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_was_granted_waits_for_a_pack_that_has_not_said_what_it_asks_for_meanwhile() {
    let house = House::new().await;
    registered(&house, &asking(&[ONE]), true).await.unwrap();
    change(&house, &["http=https://a.example"], &[]).await.unwrap();
    registered(&house, "", false).await.unwrap();
    let wider = asking(&["{id: api, reason: reads, host: a.example}"]);
    let (code, told) = refused(registered(&house, &wider, false).await);
    assert!(code == "unaccepted" && told.contains("+ http https://a.example/ (reads)"), "{told}");
    // Where nothing is granted any more, nobody needs to accept it.
    change(&house, &[], &["http", "env"]).await.unwrap();
    registered(&house, &wider, false).await.unwrap();
    assert_eq!(rights(&house), "");
}

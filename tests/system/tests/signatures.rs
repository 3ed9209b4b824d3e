//! Signatures of packs: made by one person, verified on the host of another, and needed from the second version on. And versions of a
//! pack side by side.

use petrel_system_tests::{Host, Place, assert_says};
use petrel_test_support::Registry;

use crate::registries::{assert_runs, lock, push, versions, write};

/// Makes a key in the author's place, and returns the paths of its halves.
pub(crate) fn key_pair(author: &Place, name: &str) -> (String, String) {
    let path = author.path(name);
    let made = author.petrel(&["pack", "key-pair", &path]).with_code(0);
    assert_says(&made.stdout, &["made ", &format!("{path}.key")]);
    author.petrel(&["pack", "key-pair", &path]).with_code(6);
    (format!("{path}.key"), format!("{path}.pub"))
}

/// Signs a pack in the place of its author.
pub(crate) fn sign(author: &Place, pack: &str, key: &str) {
    let signed = author.petrel(&["pack", "sign", pack, "--key", key]).with_code(0);
    assert_says(&signed.stdout, &["signed ", pack, "sha256:"]);
}

#[track_caller]
fn refused(host: &Host<'_>, arguments: &[&str], says: &[&str]) {
    assert_says(&host.cli(arguments).with_code(5).stderr, says);
}

#[test]
fn the_key_of_the_first_version_is_needed_for_the_next() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (first_key, _) = key_pair(&author, "first");
    let (second_key, second_public) = key_pair(&author, "second");
    let host = place.start(&[]);
    let first = push(&author, &registry, "1.0.0");
    sign(&author, &first, &first_key);
    sign(&author, &first, &first_key);
    let installed = host.ok(&["pack", "install", &first]);
    assert_says(&installed.stderr, &["mine 1.0.0 is signed by the key sha256:", "trusted from now on"]);
    assert_says(&lock(&place), &["signature = \"verified\"", "key = \"MFkw"]);
    assert_says(&host.ok(&["pack", "list"]).stdout, &["SIGNATURE", "verified"]);
    assert_says(&host.ok(&["pack", "get", "mine"]).stdout, &["signature:", "verified", &first]);
    // Without a signature, and with one of somebody else, the next version does not come.
    let second = push(&author, &registry, "1.1.0");
    refused(
        &host,
        &["pack", "install", &second],
        &["1.1.0 is not signed by the key", "it is not signed", "--forget-key"],
    );
    sign(&author, &second, &second_key);
    refused(
        &host,
        &["pack", "install", &second],
        &["its signatures are others", "--key FILE", "nothing was changed"],
    );
    refused(&host, &["pack", "update", "mine"], &["its signatures are others"]);
    assert_runs(&host, "1.0.0");
    assert_eq!(versions(&place), 1);
    // The operator may say that another key is right.
    host.ok(&["pack", "install", &second, "--key", &second_public]);
    assert_runs(&host, "1.1.0");
    host.ok(&["pack", "reload", "mine"]);
    assert_says(&host.ok(&["pack", "get", "mine"]).stdout, &["signature:", "verified", &second]);
    // A pack that nobody has signed is shown as such, or not let in.
    let plain = format!("{}/packs/plain:1.0.0", registry.host());
    author.write("plain/pack.yaml", "ref: plain\nname: plain\ndescription: d\nversion: 1.0.0\nauthor: a\n");
    author.petrel(&["pack", "push", &plain, &author.path("plain")]).with_code(0);
    let denied = host.cli_in(&[("PETREL_TRUST_POLICY", "deny")], &["pack", "install", &plain]).with_code(5);
    assert_says(&denied.stderr, &["plain 1.0.0 has no valid signature", "[trust] of the configuration"]);
    assert_says(&host.ok(&["pack", "install", &plain]).stderr, &["plain 1.0.0 is not signed"]);
    assert_says(&host.ok(&["pack", "list"]).stdout, &["unsigned"]);
    assert_says(&lock(&place), &["signature = \"unsigned\""]);
    host.stop();
}

#[test]
fn a_signature_travels_in_a_file_with_what_is_stated() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (key, public) = key_pair(&author, "company");
    let (_, other) = key_pair(&author, "other");
    let reference = push(&author, &registry, "1.0.0");
    author
        .write("provenance.json", r#"{"buildDefinition": {}, "runDetails": {"builder": {"id": "our-ci"}}}"#);
    author.write("sbom.json", r#"{"spdxVersion": "SPDX-2.3", "name": "the-parts"}"#);
    let (provenance, sbom) = (author.path("provenance.json"), author.path("sbom.json"));
    let arguments = ["pack", "sign", &reference, "--key", &key, "--provenance", &provenance, "--sbom", &sbom];
    author.petrel(&arguments).with_code(0);
    let shown = author.petrel(&["pack", "get", &reference]).with_code(0).stdout;
    assert_says(
        &shown,
        &["mine", "1.0.0", "signature:", "verified", "https://slsa.dev/provenance/v1", "text/spdx+json"],
    );
    let file = author.path("mine.tar");
    author.petrel(&["pack", "save", &reference, "--file", &file]).with_code(0);
    let host = place.start(&[]);
    refused(&host, &["pack", "load", &file, "--key", &other], &["has no valid signature by the given key"]);
    let denied = [("PETREL_TRUST_POLICY", "deny")];
    host.cli_in(&denied, &["pack", "load", &file, "--key", &public]).with_code(0);
    assert_runs(&host, "1.0.0");
    let built = host.ok(&["pack", "get", "mine", "--provenance"]).json();
    assert_eq!((&built[0]["builder"], &built[0]["verified"]), (&"our-ci".into(), &true.into()));
    assert_says(&host.ok(&["pack", "get", "mine", "--sbom"]).stdout, &["the-parts"]);
    // Where signatures are not looked for, the key is compared.
    host.ok(&["pack", "install", "--offline", &reference, "--key", &public]);
    refused(
        &host,
        &["pack", "install", "--locked", "mine", "--key", &other],
        &["was not verified by the key"],
    );
    let neither = host.cli(&["pack", "install", &author.path("1.0.0"), "--key", &public]).with_code(2);
    assert_says(&neither.stderr, &["--key verifies packs from registries and files"]);
    // From the file to another registry, with all of it.
    let copies = Registry::start().unwrap();
    let copy = format!("{}/copies/mine:1.0.0", copies.host());
    author.petrel(&["pack", "load", &file, "--to", &copy]).with_code(0);
    assert_eq!(copies.manifests("copies/mine"), registry.manifests("packs/mine"));
    // A file is signed as well.
    let plain = author.path("plain.tar");
    author.petrel(&["pack", "save", &write(&author, "2.0.0"), "--file", &plain]).with_code(0);
    refused(&host, &["pack", "load", &plain], &["mine 2.0.0 is not signed by the key"]);
    sign(&author, &plain, &key);
    host.ok(&["pack", "load", &plain]);
    assert_runs(&host, "2.0.0");
    host.stop();
}

#[test]
fn versions_stand_side_by_side_and_one_is_active() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let host = place.start(&[]);
    host.ok(&["pack", "install", &push(&author, &registry, "1.0.0")]);
    let newest = host.ok(&["pack", "update", "mine"]).stdout;
    assert_says(&newest, &["mine 1.0.0 is the newest"]);
    push(&author, &registry, "1.1.0");
    push(&author, &registry, "1.2.0-rc.1");
    assert_says(&host.ok(&["pack", "update", "mine", "--check"]).stdout, &["mine 1.1.0 is newer than 1.0.0"]);
    assert_runs(&host, "1.0.0");
    let updated = host.ok(&["pack", "update", "--all"]);
    assert_says(&updated.stdout, &["mine was 1.0.0 and is 1.1.0", "registered mine"]);
    assert_says(&updated.stderr, &["mine 1.0.0 -> mine 1.1.0", "~ file pack.yaml"]);
    assert_runs(&host, "1.1.0");
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.0.0");
    assert!(lock(&place).contains("version = \"1.0.0\""));
    assert_says(&host.ok(&["pack", "versions", "mine"]).stdout, &["* 1.0.0", "  1.1.0", "unsigned"]);
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.1.0");
    host.ok(&["pack", "activate", "mine", "1.0.0"]);
    assert_runs(&host, "1.0.0");
    assert_says(
        &host.cli(&["pack", "activate", "mine", "1.0.1"]).with_code(3).stderr,
        &["did you mean 1.0.0?"],
    );
    assert_says(
        &host.cli(&["pack", "rollback", "core"]).with_code(3).stderr,
        &["no version of core was installed"],
    );
    // What is not needed goes, and what is active stays.
    let kept = host.ok(&["pack", "gc", "--dry-run"]);
    assert!(!kept.stdout.contains("version mine"), "{kept:?}");
    assert_says(&host.ok(&["pack", "gc", "--keep", "0"]).stdout, &["version mine 1.1.0"]);
    assert_eq!(versions(&place), 1);
    assert_runs(&host, "1.0.0");
    host.stop();
}

#[test]
fn who_goes_back_goes_on_needing_the_key() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (key, _) = key_pair(&author, "company");
    let host = place.start(&[]);
    host.ok(&["pack", "install", &push(&author, &registry, "1.0.0")]);
    let second = push(&author, &registry, "1.1.0");
    sign(&author, &second, &key);
    host.ok(&["pack", "install", &second]);
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.0.0");
    assert_says(&lock(&place), &["version = \"1.0.0\"", "signature = \"unsigned\"", "key = \"MFkw"]);
    let shown = host.ok(&["pack", "get", "mine"]).stdout;
    assert!(shown.contains("unsigned") && !shown.contains("\nkey:"), "{shown}");
    let third = push(&author, &registry, "1.2.0");
    refused(&host, &["pack", "install", &third], &["1.2.0 is not signed by the key", "it is not signed"]);
    // What the lock says is here, and comes again.
    host.ok(&["pack", "install", "--locked"]);
    host.ok(&["pack", "install", &format!("{}/packs/mine:1.0.0", registry.host())]);
    assert_runs(&host, "1.0.0");
    // Not from a repository that needs more.
    let strict = format!("{}/strict/mine:1.0.0", registry.host());
    author.petrel(&["pack", "push", &strict, &author.path("1.0.0")]).with_code(0);
    let table = format!("[trust.\"{}/strict/*\"]\npolicy = \"deny\"\n", registry.host());
    let settings = author.write("strict.toml", &table);
    let denied = host.cli_in(&[("PETREL_CONFIG", &settings)], &["pack", "install", &strict]).with_code(5);
    assert_says(&denied.stderr, &["mine 1.0.0 is not signed by the key", "nothing was changed"]);
    assert!(!lock(&place).contains("/strict/"));
    host.ok(&["pack", "activate", "mine", "1.1.0"]);
    assert_says(&lock(&place), &["version = \"1.1.0\"", "signature = \"verified\""]);
    // A new tag makes no old version a new one.
    let disguised = format!("{}/packs/mine:2.0.0", registry.host());
    author.petrel(&["pack", "push", &disguised, &author.path("1.0.0")]).with_code(0);
    let older = host.cli(&["pack", "update", "mine"]).with_code(6);
    assert_says(&older.stderr, &[&disguised, "is the version 1.0.0 of mine, which is not newer than 1.1.0"]);
    assert_runs(&host, "1.1.0");
    host.stop();
}

#[test]
fn a_tag_that_names_something_else_keeps_nobody_from_the_newest_version() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (key, _) = key_pair(&author, "company");
    let host = place.start(&[]);
    let first = push(&author, &registry, "1.0.0");
    sign(&author, &first, &key);
    host.ok(&["pack", "install", &first]);
    sign(&author, &push(&author, &registry, "1.2.0"), &key);
    // Whoever may push tags needs no key for these: an old version, another version, another pack.
    author.write("other/pack.yaml", "ref: other\nname: other\ndescription: d\nversion: 8.0.0\nauthor: a\n");
    let tagged = |tag: &str| format!("{}/packs/mine:{tag}", registry.host());
    for (tag, directory) in [("9.9.9", "1.0.0"), ("9.0.0", "1.2.0"), ("8.0.0", "other")] {
        author.petrel(&["pack", "push", &tagged(tag), &author.path(directory)]).with_code(0);
    }
    let says = [
        "9.9.9 is left out: ",
        "is the version 1.0.0 of mine, which is not newer than 1.0.0",
        "9.0.0 is the version 1.2.0 of mine, whatever its tag says",
        "8.0.0 is the pack other, and not mine",
    ];
    let checked = host.ok(&["pack", "update", "mine", "--check"]);
    assert_says(&checked.stdout, &["mine 1.2.0 is newer than 1.0.0"]);
    assert_says(&checked.stderr, &says);
    let updated = host.ok(&["pack", "update", "mine"]);
    assert_says(&updated.stdout, &["mine was 1.0.0 and is 1.2.0"]);
    assert_says(&updated.stderr, &says);
    assert_runs(&host, "1.2.0");
    // Where nothing else is newer, they are told as long as they are there.
    let again = host.cli(&["pack", "update", "mine"]).with_code(6);
    assert_says(&again.stderr, &["which is not newer than 1.2.0; nothing was changed"]);
    // By its name any version is installed, and told.
    let older = host.ok(&["pack", "install", &tagged("9.9.9")]);
    assert_says(
        &older.stderr,
        &["9.9.9 is the version 1.0.0 of mine, whatever its tag says", "mine was 1.2.0 and is 1.0.0 again"],
    );
    assert_runs(&host, "1.0.0");
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.2.0");
    host.stop();
}

#[test]
fn what_the_host_has_not_registered_is_known_for_what_it_is() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (key, public) = key_pair(&author, "company");
    let host = place.start(&[]);
    let first = push(&author, &registry, "1.0.0");
    sign(&author, &first, &key);
    // As when the host ends while it registers the pack.
    let alone = [("PETREL_URL", "http://127.0.0.1:1")];
    host.cli_in(&alone, &["pack", "install", &first, "--key", &public]).with_code(8);
    assert!(!lock(&place).contains("name = \"mine\""));
    assert_says(&host.ok(&["pack", "versions", "mine"]).stdout, &["  1.0.0", "verified", &first]);
    host.ok(&["pack", "activate", "mine", "1.0.0"]);
    assert_runs(&host, "1.0.0");
    let reference = format!("reference = \"{first}\"");
    assert_says(&lock(&place), &[&reference, "signature = \"verified\"", "key = \"MFkw"]);
    // One whose record is lost may be of any repository, also of one that needs a key.
    let second = push(&author, &registry, "1.1.0");
    sign(&author, &second, &key);
    host.ok(&["pack", "install", &second]);
    for version in std::fs::read_dir(place.data().join("packs/installed/mine")).unwrap() {
        std::fs::remove_file(version.unwrap().path().join(".locked")).unwrap();
    }
    let table = format!("[trust.\"{}/packs/*\"]\nkeys = [\"{public}\"]\n", registry.host());
    let settings = author.write("strict.toml", &table);
    let strict = [("PETREL_CONFIG", settings.as_str())];
    let refused = host.cli_in(&strict, &["pack", "activate", "mine", "1.0.0"]).with_code(5);
    assert_says(&refused.stderr, &["where mine 1.0.0 came from, and whether it was signed, is not known"]);
    assert_runs(&host, "1.1.0");
    host.cli_in(&strict, &["pack", "install", &first]).with_code(0);
    assert_runs(&host, "1.0.0");
    assert_says(&lock(&place), &[&reference, "signature = \"verified\""]);
    host.stop();
}

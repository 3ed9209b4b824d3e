//! Packs in the hands of others: `skopeo` reads, copies and files them with their signatures, and registries that share no code with
//! ours keep them. What comes back is the same artifact, and runs.

use petrel_system_tests::{Ended, Place, assert_says, skip};
use petrel_test_support::{Served, on_path};

use crate::registries::{assert_runs, lock, write};
use crate::signatures::{key_pair, sign};

/// The steps of `skopeo` and of whoever takes its copies: a script, and what it says. `$ONE` and `$OTHER` are registries, `$SIGNATURES`
/// is the tag of the signatures of `$ONE/packs/mine:1.0.0`.
const STEPS: &[(&str, &str)] = &[
    ("skopeo inspect $TLS --raw docker://$ONE/packs/mine:1.0.0", "application/vnd.petrel.pack.v1"),
    (
        "skopeo inspect $TLS --raw docker://$ONE/packs/mine:1.0.0 >manifest && skopeo manifest-digest manifest",
        "$DIGEST",
    ),
    ("skopeo list-tags $TLS docker://$ONE/packs/mine", "$SIGNATURES"),
    // From registry to registry, with the signatures.
    ("skopeo copy $BOTH docker://$ONE/packs/mine:1.0.0 docker://$OTHER/copies/mine:1.0.0", ""),
    ("petrel pack get $OTHER/copies/mine:1.0.0", "unsigned"),
    ("skopeo copy $BOTH docker://$ONE/packs/mine:$SIGNATURES docker://$OTHER/copies/mine:$SIGNATURES", ""),
    ("petrel pack get $OTHER/copies/mine:1.0.0", "$DIGEST"),
    ("petrel pack get $OTHER/copies/mine:1.0.0", "verified"),
    // All tags at once.
    ("skopeo sync $BOTH --src docker --dest docker $ONE/packs/mine $OTHER/synced", ""),
    ("petrel pack get $OTHER/synced/mine:1.0.0", "verified"),
    // A file of theirs, which has the artifact alone, and a layout of theirs with two names for it and its signatures.
    ("skopeo copy $FROM docker://$ONE/packs/mine:1.0.0 oci-archive:theirs.tar:1.0.0", ""),
    ("petrel pack load theirs.tar --to $OTHER/loaded/mine:1.0.0", "$DIGEST"),
    ("skopeo copy $FROM docker://$ONE/packs/mine:1.0.0 oci:layout:1.0.0", ""),
    ("skopeo copy $FROM docker://$ONE/packs/mine:1.0.0 oci:layout:latest", ""),
    ("skopeo copy $FROM docker://$ONE/packs/mine:$SIGNATURES oci:layout:$SIGNATURES", ""),
    ("tar -cf both.tar -C layout . && petrel pack load both.tar --to $OTHER/both/mine:1.0.0", "$DIGEST"),
    ("petrel pack get $OTHER/both/mine:1.0.0", "verified"),
    // Files of ours: with signatures each artifact in it has a name, and without it is alone.
    ("petrel pack save $ONE/packs/mine:1.0.0 --file ours.tar", "$DIGEST"),
    ("skopeo copy $TO oci-archive:ours.tar:$ONE/packs/mine:1.0.0 docker://$OTHER/ours/mine:1.0.0", ""),
    ("skopeo copy $TO oci-archive:ours.tar:$SIGNATURES docker://$OTHER/ours/mine:$SIGNATURES", ""),
    ("petrel pack get $OTHER/ours/mine:1.0.0", "verified"),
    ("petrel pack save 1.0.0 --file alone.tar", "$DIGEST"),
    ("skopeo copy $TO oci-archive:alone.tar docker://$OTHER/alone/mine:1.0.0", ""),
    ("petrel pack get $OTHER/alone/mine:1.0.0", "$DIGEST"),
    // One with a component has another configuration.
    ("petrel pack push $ONE/packs/calls calls", "pushed"),
    ("skopeo copy $BOTH docker://$ONE/packs/calls:1.0.0 docker://$OTHER/copies/calls:1.0.0", ""),
    (
        "petrel pack pull $OTHER/copies/calls:1.0.0 --directory pulled && cmp calls/wasm/a.wasm pulled/wasm/a.wasm",
        "pulled",
    ),
];

/// Pushes a version of the pack to `repository`, signed, and returns its reference and the digest.
fn push_signed(author: &Place, repository: &str, version: &str, key: &str) -> (String, String) {
    let pushed = author.petrel(&["pack", "push", repository, &write(author, version)]).with_code(0);
    let reference = format!("{repository}:{version}");
    let said = pushed.stdout.split_whitespace().find_map(|word| word.strip_prefix(&format!("{reference}@")));
    let digest = said.unwrap_or_default().to_owned();
    assert!(digest.starts_with("sha256:"), "{pushed:?}");
    sign(author, &reference, key);
    (reference, digest)
}

#[test]
fn skopeo_reads_copies_and_hands_back_packs_with_their_signatures() {
    if on_path("skopeo").is_none() {
        return skip("there is no skopeo");
    }
    let Some(one) = Served::docker_registry().unwrap() else { return };
    let Some(other) = Served::docker_registry().unwrap() else { return };
    let (author, place) = (Place::default(), Place::default());
    let (key, public) = key_pair(&author, "company");
    let (_, digest) = push_signed(&author, &format!("{}/packs/mine", one.host), "1.0.0", &key);
    let component = "wasm: {components: [{name: a, path: wasm/a.wasm, actions: [call]}]}\n";
    let calls = format!("ref: calls\nname: calls\ndescription: d\nversion: 1.0.0\nauthor: a\n{component}");
    author.write("calls/pack.yaml", &calls);
    author.write("calls/wasm/a.wasm", "\0asm\x0d\0\x01\0");
    let call = "name: call\nrunner_type: wasm-component\nentry_point: wasm/a.wasm\n";
    author.write("calls/actions/call.yaml", call);
    let signatures = format!("{}.sig", digest.replace(':', "-"));
    let environment = [
        ("ONE", one.host.as_str()),
        ("OTHER", other.host.as_str()),
        ("DIGEST", digest.as_str()),
        ("SIGNATURES", signatures.as_str()),
        ("TLS", "--tls-verify=false"),
        ("FROM", "--src-tls-verify=false"),
        ("TO", "--dest-tls-verify=false"),
        ("BOTH", "--src-tls-verify=false --dest-tls-verify=false"),
    ];
    for (step, says) in STEPS {
        // What is accepted at all is set for the whole machine, and is none of this test's business.
        let step = step.replace("skopeo ", "skopeo --insecure-policy ");
        let Ended { code, stdout, stderr } = author.script(&step, &environment);
        assert_eq!(code, 0, "{step}\n{stdout}{stderr}");
        let says = says.replace("$DIGEST", &digest).replace("$SIGNATURES", &signatures);
        assert!(stdout.contains(&says), "{step}: {says:?} is not in:\n{stdout}{stderr}");
    }
    let host = place.start(&[]);
    host.ok(&["pack", "load", &author.path("theirs.tar")]);
    assert_runs(&host, "1.0.0");
    let copy = format!("{}/copies/mine:1.0.0", other.host);
    let denied = [("PETREL_TRUST_POLICY", "deny")];
    host.cli_in(&denied, &["pack", "install", &copy, "--key", &public]).with_code(0);
    assert_runs(&host, "1.0.0");
    assert_says(&lock(&place), &[&copy, &digest, "signature = \"verified\""]);
    host.stop();
}

/// Pushes, lists, fetches by tag and by digest, signs, updates and copies, against one registry.
fn goes_through(served: &Served) {
    let (author, place) = (Place::default(), Place::default());
    let (key, public) = key_pair(&author, "company");
    let repository = format!("{}/packs/mine", served.host);
    assert_says(&author.petrel(&["registry", "test", &served.host]).with_code(0).stdout, &["answers at"]);
    let (first, digest) = push_signed(&author, &repository, "1.0.0", &key);
    // What is there is not replaced, and what is asked for in vain is told with what there is.
    author.petrel(&["pack", "push", &first, &author.path("1.0.0")]).with_code(0);
    author.petrel(&["pack", "push", &first, &write(&author, "1.1.0")]).with_code(6);
    let missing = author.petrel(&["pack", "get", &format!("{repository}:1.0.1")]).with_code(3);
    assert_says(&missing.stderr, &[&format!("did you mean {first}?")]);
    let host = place.start(&[]);
    host.ok(&["pack", "install", &format!("{repository}@{digest}"), "--key", &public]);
    assert_runs(&host, "1.0.0");
    assert_says(&lock(&place), &[&digest, "signature = \"verified\""]);
    host.ok(&["pack", "install", &first]);
    let (second, _) = push_signed(&author, &repository, "1.1.0", &key);
    assert_says(&host.ok(&["pack", "update", "mine"]).stdout, &["mine was 1.0.0 and is 1.1.0"]);
    assert_runs(&host, "1.1.0");
    let copy = format!("{}/copies/mine:1.1.0", served.host);
    let copied = author.petrel(&["pack", "mirror", &second, &copy]).with_code(0);
    assert_says(&copied.stderr, &["with 1 artifact of signatures"]);
    assert_says(&author.petrel(&["pack", "get", &copy]).with_code(0).stdout, &["verified"]);
    host.stop();
}

#[test]
fn registries_of_others_keep_packs_that_a_second_machine_runs() {
    for served in [Served::docker_registry(), Served::django_oci()] {
        if let Some(served) = served.unwrap() {
            goes_through(&served);
        }
    }
}

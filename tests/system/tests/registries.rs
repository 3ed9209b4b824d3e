//! Packs in registries: pushed from one machine, installed on the host of another, and whatever goes wrong on the way leaves
//! what runs as it is.

use std::path::Path;
use std::time::Duration;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use petrel_test_support::{Faults, Registry};
use serde_json::json;

/// Writes a version of the pack `mine`, whose action says the version, and returns its directory.
pub(crate) fn write(place: &Place, version: &str) -> String {
    let pack = format!("ref: mine\nname: mine\ndescription: d\nversion: {version}\nauthor: a\n");
    place.write(&format!("{version}/pack.yaml"), &pack);
    place.write(
        &format!("{version}/actions/say.yaml"),
        "name: say\nrunner_type: orquesta\nentry_point: workflows/say.yaml\nenabled: true\n",
    );
    let workflow =
        format!("version: 1.0\ntasks: {{a: {{action: core.noop}}}}\noutput: [{{said: 'it is {version}'}}]\n");
    place.write(&format!("{version}/actions/workflows/say.yaml"), &workflow);
    place.path(version)
}

/// Pushes a version of the pack, and returns its reference.
pub(crate) fn push(place: &Place, registry: &Registry, version: &str) -> String {
    let reference = format!("{}/packs/mine", registry.host());
    place.petrel(&["pack", "push", &reference, &write(place, version)]).with_code(0);
    format!("{reference}:{version}")
}

#[track_caller]
pub(crate) fn assert_runs(host: &Host<'_>, version: &str) {
    assert_says(&host.ok(&["run", "mine.say"]).stdout, &[&format!("it is {version}")]);
}

/// The number of versions of the pack that are laid out.
pub(crate) fn versions(place: &Place) -> usize {
    std::fs::read_dir(place.data().join("packs/installed/mine")).into_iter().flatten().count()
}

#[test]
fn a_pack_goes_through_a_registry_to_another_host() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let first = push(&author, &registry, "1.0.0");
    let again = author.petrel(&["pack", "push", &first, &author.path("1.0.0")]).with_code(0);
    assert_says(&again.stdout, &["pushed ", &first, "@sha256:"]);
    let host = place.start(&[]);
    let installed = host.ok(&["pack", "install", &first]);
    assert_says(&installed.stdout, &["registered mine", "1 action"]);
    assert_runs(&host, "1.0.0");
    let lock = lock(&place);
    assert_says(&lock, &["name = \"mine\"", &format!("reference = \"{first}\""), "digest = \"sha256:"]);
    let second = push(&author, &registry, "1.1.0");
    let different = host.ok(&["pack", "diff", &second]).stdout;
    assert_says(
        &different,
        &["mine 1.0.0 -> mine 1.1.0", "~ file actions/workflows/say.yaml", "~ file pack.yaml"],
    );
    let updated = host.ok(&["pack", "install", &second]);
    assert!(!updated.stderr.contains("was registered from"), "{updated:?}");
    assert_runs(&host, "1.1.0");
    assert_eq!(versions(&place), 2, "the one before stays for executions that run, and to go back to");
    host.ok(&["pack", "install", &push(&author, &registry, "1.2.0")]);
    assert_eq!(versions(&place), 3);
    // What is here needs no registry.
    registry.set(Faults { silent: true, ..Faults::default() });
    host.ok(&["pack", "install", "--locked"]);
    // The directory of a pack may be beside whoever names it.
    place.write("mine/pack.yaml", "ref: mine\nname: mine\ndescription: d\nversion: 9.9.9\nauthor: a\n");
    let locked = host.ok(&["pack", "install", "--locked", "mine"]);
    assert_says(&locked.stdout, &["registered mine"]);
    assert_runs(&host, "1.2.0");
    let alone = host.cli(&["pack", "diff", "nope"]).with_code(2);
    assert_says(&alone.stderr, &["to be compared with"]);
    host.ok(&["pack", "install", "--offline", &format!("{}/packs/mine:1.2.0", registry.host())]);
    host.cli(&["pack", "install", "--offline", &first.replace("1.0.0", "1.0.1")]).with_code(3);
    let refused = host.cli(&["pack", "install", "--locked", &first]).with_code(6);
    assert_says(&refused.stderr, &[&first, "is not in the lock"]);
    registry.set(Faults::default());
    // Another host gets the same by the lock.
    let other = Place::default();
    std::fs::create_dir_all(other.data()).unwrap();
    std::fs::copy(place.data().join("packs.lock"), other.data().join("packs.lock")).unwrap();
    let host_of_other = other.start(&[]);
    host_of_other.ok(&["pack", "install", "--locked"]);
    assert_runs(&host_of_other, "1.2.0");
    host_of_other.stop();
    host.ok(&["pack", "remove", "mine"]);
    assert!(!std::fs::read_to_string(place.data().join("packs.lock")).unwrap().contains("mine"));
    host.stop();
}

/// The text of the lock.
pub(crate) fn lock(place: &Place) -> String {
    std::fs::read_to_string(place.data().join("packs.lock")).unwrap_or_default()
}

#[test]
fn a_version_that_is_here_needs_no_registry_and_stays_until_nobody_wants_it() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let host = place.start(&[]);
    let first = push(&author, &registry, "1.0.0");
    host.ok(&["pack", "install", &first]);
    let text = lock(&place);
    let digest = text.split('"').find(|part| part.starts_with("sha256:")).unwrap();
    let by_digest = first.replace(":1.0.0", &format!("@{digest}"));
    let second = push(&author, &registry, "1.1.0");
    registry.set(Faults { silent: true, ..Faults::default() });
    host.cli(&["pack", "install", "--offline", &second]).with_code(3);
    registry.set(Faults::default());
    host.ok(&["pack", "install", &second]);
    registry.set(Faults { silent: true, ..Faults::default() });
    for (reference, version) in
        [(&first, "1.0.0"), (&second, "1.1.0"), (&by_digest, "1.0.0"), (&second, "1.1.0")]
    {
        host.ok(&["pack", "install", "--offline", reference]);
        assert_runs(&host, version);
        assert!(lock(&place).contains(&format!("version = \"{version}\"")), "{reference}");
    }
    let elsewhere = first.replace("/packs/", "/others/");
    host.cli(&["pack", "install", "--offline", &elsewhere]).with_code(3);
    // A directory takes its place, and the lock says nothing of that.
    author.write("here/pack.yaml", "ref: mine\nname: mine\ndescription: d\nversion: 9.9.9\nauthor: a\n");
    let replaced = host.ok(&["pack", "register", &author.path("here")]).stderr;
    assert_says(&replaced, &["mine is no longer in the lock", "`petrel pack rollback mine`"]);
    assert!(!lock(&place).contains("name = \"mine\""));
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.1.0");
    assert!(!host.ok(&["pack", "reload", "mine"]).stderr.contains("packs.lock"));
    assert!(lock(&place).contains("name = \"mine\""));
    // What is left of a pack that was removed is told, and goes.
    let removed = host.ok(&["pack", "remove", "mine"]).stderr;
    assert_says(&removed, &["2 versions of mine", "`petrel pack gc`"]);
    assert_says(&host.ok(&["pack", "gc"]).stdout, &["version mine 1.0.0", "version mine 1.1.0"]);
    assert!(!place.data().join("packs/installed/mine").exists());
    host.stop();
}

#[test]
fn processes_need_a_word_for_each_place_that_versions_come_from() {
    let (one, other) = (Registry::start().unwrap(), Registry::start().unwrap());
    let (author, place) = (Place::default(), Place::default());
    let directory = write(&author, "1.0.0");
    let action =
        "name: shell\nrunner_type: local-shell-cmd\nenabled: true\nparameters: {cmd: {default: echo here}}\n";
    author.write("1.0.0/actions/shell.yaml", action);
    let references = [&one, &other].map(|registry| format!("{}/packs/mine:1.0.0", registry.host()));
    let host = place.start(&[]);
    for reference in &references {
        author.petrel(&["pack", "push", reference, &directory]).with_code(0);
        let refused = host.cli(&["pack", "install", reference]).with_code(5);
        assert_says(&refused.stderr, &["mine.shell (local-shell-cmd)", "--allow-native"]);
        assert!(!lock(&place).contains(reference), "{reference}");
        host.ok(&["pack", "install", reference, "--allow-native"]);
        host.ok(&["pack", "install", reference]);
        assert!(lock(&place).contains(reference), "{reference}");
    }
    // A file with the same may be called as it likes.
    let file = author.path("mine.tar");
    author.petrel(&["pack", "save", &references[0], "--file", &file]).with_code(0);
    host.ok(&["pack", "load", &file]);
    assert!(lock(&place).contains(&references[1]) && !lock(&place).contains(&references[0]));
    host.stop();
}

#[test]
fn a_version_that_has_broken_what_ran_is_told_with_the_way_back() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let host = place.start(&[]);
    let first = push(&author, &registry, "1.0.0");
    assert!(!host.ok(&["pack", "install", &first]).stderr.contains("warning"));
    let (directory, second) = (write(&author, "1.1.0"), first.replace("1.0.0", "1.1.0"));
    author.write("1.1.0/actions/say.yaml", "name: [");
    author.petrel(&["pack", "push", &second, &directory]).with_code(0);
    let told = host.ok(&["pack", "install", &second]).stderr;
    assert_says(&told, &["warning: mine has parts", "action say", "`petrel pack rollback mine` goes back"]);
    host.ok(&["pack", "rollback", "mine"]);
    assert_runs(&host, "1.0.0");
    host.stop();
}

#[test]
fn whatever_goes_wrong_leaves_what_runs_as_it_is() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let (first, second) = (push(&author, &registry, "1.0.0"), push(&author, &registry, "1.1.0"));
    let host = place.start(&[]);
    host.ok(&["pack", "install", &first]);
    let wants = Some("Basic nobody".to_owned());
    let huge = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "a", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1_u64 << 50}, "layers": [],
    });
    let gone = second.replace("1.1.0", "1.1.1");
    let down = "127.0.0.1:1/packs/mine:1.1.0".to_owned();
    for (reference, faults, code, says) in [
        (&second, Faults { wrong_bytes: true, ..Faults::default() }, 1, "another content"),
        (&second, Faults { too_long: true, ..Faults::default() }, 1, "its manifest says"),
        (&second, Faults { manifest: Some(huge.to_string()), ..Faults::default() }, 1, "at most 512 MiB"),
        (&second, Faults { manifest: Some("{}".to_owned()), ..Faults::default() }, 1, "is not valid"),
        (&second, Faults { wants, ..Faults::default() }, 4, "petrel registry login"),
        (&gone, Faults::default(), 3, "did you mean"),
        (&down, Faults::default(), 8, "cannot be reached"),
    ] {
        registry.set(faults);
        let refused = host.cli(&["pack", "install", reference]).with_code(code);
        assert_says(&refused.stderr, &[says, "try: "]);
        assert_eq!(versions(&place), 1, "{says}");
        assert_runs(&host, "1.0.0");
    }
    registry.set(Faults::default());
    // A pack with the name of one of the host's own is refused by the host, when it is laid out already.
    author.write("core/pack.yaml", "ref: core\nname: core\ndescription: d\nversion: 1.0.0\nauthor: a\n");
    let core = format!("{}/packs/core:1.0.0", registry.host());
    author.petrel(&["pack", "push", &core, &author.path("core")]).with_code(0);
    host.cli(&["pack", "install", &core]).with_code(6);
    assert_eq!(std::fs::read_dir(place.data().join("packs/installed/core")).into_iter().flatten().count(), 0);
    // A tag that names something else is not replaced.
    let refused = author.petrel(&["pack", "push", &first, &author.path("1.1.0")]).with_code(6);
    assert_says(&refused.stderr, &["is there already", "--overwrite"]);
    // Where there is no host, nothing is laid out.
    let nowhere = place.path("nowhere");
    let refused = host.cli_in(&[("PETREL_DATA_DIR", &nowhere)], &["pack", "install", &second]).with_code(2);
    assert_says(&refused.stderr, &["is not the data directory of a host", "PETREL_DATA_DIR"]);
    host.ok(&["pack", "install", &second]);
    assert_runs(&host, "1.1.0");
    host.stop();
}

#[test]
fn an_update_that_asks_for_more_leaves_what_runs_until_that_is_accepted() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let asking = |version: &str, hosts: &[&str]| {
        let directory = write(&author, version);
        let asks: Vec<_> = hosts.iter().map(|host| format!("{{reason: reads, host: {host}}}")).collect();
        let pack = format!(
            "ref: mine\nname: mine\ndescription: d\nversion: {version}\nauthor: a\ncapabilities: {{http: [{}]}}\n",
            asks.join(", ")
        );
        author.write(&format!("{version}/pack.yaml"), &pack);
        directory
    };
    let pushed = |version: &str, directory: &str| {
        let reference = format!("{}/packs/mine", registry.host());
        author.petrel(&["pack", "push", &reference, directory]).with_code(0);
        format!("{reference}:{version}")
    };
    let first = pushed("1.0.0", &asking("1.0.0", &["a.example"]));
    let second = pushed("1.1.0", &asking("1.1.0", &["a.example", "b.example"]));
    let (third, file) = (asking("1.2.0", &["a.example", "b.example", "c.example"]), author.path("third.tar"));
    author.petrel(&["pack", "save", &third, "--file", &file]).with_code(0);
    let host = place.start(&[]);
    host.ok(&["pack", "install", &first]);
    let lock = || lock(&place);
    for (words, before, after, more) in [
        (["install", second.as_str()], "1.0.0", "1.1.0", "b.example"),
        (["load", file.as_str()], "1.1.0", "1.2.0", "c.example"),
    ] {
        let (known, there) = (lock(), versions(&place));
        let refused = host.cli(&["pack", words[0], words[1]]).with_code(5);
        assert_says(&refused.stderr, &["+ http", more, "repeat this with --grant"]);
        assert_eq!((lock(), versions(&place)), (known, there), "{words:?}");
        assert_runs(&host, before);
        host.ok(&["pack", words[0], words[1], "--grant"]);
        assert_runs(&host, after);
        assert_says(&host.ok(&["pack", "capabilities", "mine"]).stdout, &["and is granted", more]);
    }
    host.stop();
}

#[test]
fn two_installations_at_once_come_one_after_the_other() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let references = ["1.0.0", "1.1.0"].map(|version| push(&author, &registry, version));
    let host = place.start(&[]);
    std::thread::scope(|scope| {
        for reference in [&references[0], &references[1], &references[0], &references[1]] {
            scope.spawn(|| host.ok(&["pack", "install", reference]));
        }
    });
    let said = host.ok(&["run", "mine.say"]).stdout;
    let lock = lock(&place);
    let locked = if lock.contains("1.1.0") { "1.1.0" } else { "1.0.0" };
    assert_says(&said, &[&format!("it is {locked}")]);
    assert_eq!(lock.matches("[[pack]]").count(), 1);
    host.stop();
}

#[test]
fn what_is_removed_while_another_pack_is_fetched_does_not_come_back_into_the_lock() {
    let (registry, author, place) = (Registry::start().unwrap(), Place::default(), Place::default());
    let mine = push(&author, &registry, "1.0.0");
    author.write("other/pack.yaml", "ref: other\nname: other\ndescription: d\nversion: 1.0.0\nauthor: a\n");
    let other = format!("{}/packs/other:1.0.0", registry.host());
    author.petrel(&["pack", "push", &other, &author.path("other")]).with_code(0);
    let host = place.start(&[]);
    host.ok(&["pack", "install", &other]);
    registry.set(Faults { drips: Some(Duration::from_millis(5)), ..Faults::default() });
    drop(registry.came());
    std::thread::scope(|scope| {
        let installed = scope.spawn(|| host.ok(&["pack", "install", &mine]));
        eventually("a blob is coming", || {
            registry.came().iter().any(|came| came.line.contains("/blobs/")).then_some(())
        });
        host.ok(&["pack", "remove", "other"]);
        installed.join().unwrap();
    });
    let lock = lock(&place);
    assert!(lock.contains("\"mine\"") && !lock.contains("\"other\""), "{lock}");
    host.stop();
}

#[test]
fn whoever_pushes_is_told_what_hosts_refuse_and_the_order_of_the_words() {
    let (registry, author) = (Registry::start().unwrap(), Place::default());
    let (directory, reference) = (write(&author, "1.0.0"), format!("{}/packs/mine", registry.host()));
    author.write("1.0.0/actions/ill.yaml", "name: [");
    let pushed = author.petrel(&["pack", "push", &reference, &directory]).with_code(0);
    assert_says(&pushed.stderr, &["warning: actions/ill.yaml", "each host refuses it"]);
    let turned = author.petrel(&["pack", "push", &directory, &reference]).with_code(2);
    assert_says(&turned.stderr, &["the reference comes first"]);
}

#[test]
fn a_pack_travels_in_a_file_where_there_is_no_registry() {
    let (author, place) = (Place::default(), Place::default());
    let (directory, file) = (write(&author, "1.0.0"), author.path("mine.tar"));
    let (elsewhere, part) = (author.write("elsewhere", "stays"), format!("{file}.part"));
    std::os::unix::fs::symlink(&elsewhere, &part).unwrap();
    author.petrel(&["pack", "save", &directory, "--file", &file]).with_code(0);
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "stays");
    author.petrel(&["pack", "save", &directory, "--file", &file]).with_code(6);
    let host = place.start(&[]);
    host.ok(&["pack", "load", &file]);
    assert_runs(&host, "1.0.0");
    let refused = host.cli(&["pack", "install", "--locked", &directory]).with_code(6);
    assert_says(&refused.stderr, &["is not in the lock"]);
    // A lock that names no registry says what is missing.
    let other = Place::default();
    std::fs::create_dir_all(other.data()).unwrap();
    std::fs::copy(place.data().join("packs.lock"), other.data().join("packs.lock")).unwrap();
    let host_of_other = other.start(&[]);
    let refused = host_of_other.cli(&["pack", "install", "--locked"]).with_code(3);
    assert_says(&refused.stderr, &["mine 1.0.0", "was installed from a file", "--locked FILE"]);
    host_of_other.ok(&["pack", "install", "--locked", &file]);
    host_of_other.stop();
    // Processes on the machine of the host need a word.
    let action =
        "name: shell\nrunner_type: local-shell-cmd\nenabled: true\nparameters: {cmd: {default: echo here}}\n";
    author.write("1.0.0/actions/shell.yaml", action);
    let native = author.path("native.tar");
    author.petrel(&["pack", "save", &directory, "--file", &native]).with_code(0);
    let refused = host.cli(&["pack", "install", &native]).with_code(5);
    assert_says(&refused.stderr, &["mine.shell (local-shell-cmd)", "nothing was changed", "--allow-native"]);
    host.cli(&["run", "mine.shell"]).with_code(3);
    let refused = host.cli(&["pack", "install", "--locked", &native]).with_code(6);
    assert_says(&refused.stderr, &["the lock has mine 1.0.0 with the digest"]);
    host.ok(&["pack", "load", &native, "--allow-native"]);
    assert_says(&host.ok(&["run", "mine.shell"]).stdout, &["here"]);
    // What was damaged on the way is told.
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(9).position(|found| found == b"pack.json").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refused = host.cli(&["pack", "load", &file]).with_code(1);
    assert_says(&refused.stderr, &["the file is damaged"]);
    // From the file to a registry, and from there to another.
    let (one, other) = (Registry::start().unwrap(), Registry::start().unwrap());
    let reference = format!("{}/packs/mine:1.0.0", one.host());
    author.petrel(&["pack", "load", &native, "--to", &reference]).with_code(0);
    author.petrel(&["pack", "mirror", &reference, &format!("{}/copies/mine", other.host())]).with_code(0);
    assert_eq!(one.manifests("packs/mine"), other.manifests("copies/mine"));
    let into = author.path("pulled");
    author.petrel(&["pack", "pull", &reference, "--directory", &into]).with_code(0);
    assert!(Path::new(&into).join("actions/shell.yaml").is_file());
    author.petrel(&["pack", "pull", &reference, "--directory", &into]).with_code(6);
    assert!(!Path::new(&author.path(".petrel-fetched")).exists());
    host.stop();
}

#[test]
fn a_login_is_kept_for_its_registry_and_forgotten() {
    let (registry, place) = (Registry::start().unwrap(), Place::default());
    let host = registry.host();
    // As ada with the password secret.
    registry.set(Faults { wants: Some("Basic YWRhOnNlY3JldA==".to_owned()), ..Faults::default() });
    let test = |code| place.petrel(&["registry", "test", &host]).with_code(code);
    assert_says(&test(4).stderr, &["asks for a login", &format!("petrel registry login {host}")]);
    let login = |password: &str| {
        place.script(
            &format!("echo {password} | petrel registry login {host} --user ada --password-stdin"),
            &[],
        )
    };
    login("other").with_code(4);
    login("secret").with_code(0);
    assert_says(&test(0).stdout, &["answers at", "registries.json"]);
    assert_says(&place.petrel(&["registry", "list"]).stdout, &[&host, "login of ada"]);
    place.petrel(&["registry", "logout", &host]).with_code(0);
    test(4);
}

//! Packs whose files are not on this machine any more, as after a restore on another one.

use petrel_system_tests::{Place, assert_says};

const SAYS: [&str; 2] = ["the files of the pack `mine` are not there", "petrel pack register DIRECTORY"];

#[test]
fn packs_whose_files_have_gone_are_told_at_the_start_and_where_packs_are_listed() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write(
        "mine/pack.yaml",
        "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write("mine/actions/say.yaml", "name: say\nrunner_type: python-script\nentry_point: say.py\n");
    let say = "from st2common.runners.base_action import Action\n\n\nclass Say(Action):\n    def run(self):\n        return 1\n";
    place.write("mine/actions/say.py", say);
    host.ok(&["pack", "register", &place.path("mine")]);
    let listed = host.ok(&["pack", "list"]);
    assert!(!listed.stderr.contains(SAYS[0]), "{listed:?}");
    host.stop();
    let files = place.path("mine");
    std::fs::rename(&files, place.path("elsewhere")).unwrap();
    let host = place.start(&[]);
    assert_says(&host.ok(&["pack", "list"]).stderr, &SAYS);
    assert_says(&host.ok(&["pack", "get", "mine"]).stderr, &SAYS);
    assert!(!host.ok(&["pack", "get", "core"]).stderr.contains("mine"));
    assert_says(&host.get("/status").with_status(200).body, &SAYS);
    let failed = host.cli(&["run", "mine.say"]).with_code(1);
    assert_says(&format!("{}{}", failed.stdout, failed.stderr), &SAYS[..1]);
    // The remedy.
    host.ok(&["pack", "register", &place.path("elsewhere")]);
    host.ok(&["run", "mine.say"]);
    assert!(!host.ok(&["pack", "list"]).stderr.contains(SAYS[0]));
    host.stop();
}

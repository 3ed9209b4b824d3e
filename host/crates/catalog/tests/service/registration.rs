//! Packs are registered, and registered again with new, changed, missing and invalid files.

use std::path::PathBuf;

use petrel_catalog::Giver;
use petrel_catalog::registration::{Parts, Report};
use petrel_model::{PackArtifact, Ref, Signed};

use crate::{House, refused};

const NOTING: &str = "runner_type: noting\nentry_point: a\n";

/// An enabled rule in the files of a pack, which listens to a webhook.
fn rule(url: &str) -> String {
    switched(url, "enabled: true\n")
}

/// The same with these words about `enabled` in its file.
fn switched(url: &str, enabled: &str) -> String {
    format!(
        "trigger: {{type: core.st2.webhook, parameters: {{url: {url}}}}}\naction: {{ref: core.noop}}\n{enabled}"
    )
}

/// The lines of the catalog about `pack`.
async fn shown(house: &House, pack: &str) -> Vec<String> {
    let lines = house.shown().await.into_iter();
    lines.filter(|line| line.contains(&format!(" {pack}"))).collect()
}

fn reference(text: &str) -> Ref {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_pack_is_registered_with_all_that_is_in_it_and_its_runner_hears_of_it() {
    let house = House::new().await;
    let files =
        [("actions/a.yaml", NOTING), ("triggers/t.yaml", "description: d\n"), ("rules/r.yaml", &rule("one"))];
    let report = house.register("mine", &files).await.unwrap();
    assert_eq!((report.actions, report.trigger_types, report.rules), (1, 1, 1));
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let all = ["pack mine 1.0.0", "action mine.a", "trigger mine.t", "rule mine.r on one"];
    assert_eq!(shown(&house, "mine").await, all);
    house.settled().await;
    assert_eq!(house.runner.noted(), ["prepare a mine", "refresh mine"]);
    assert_eq!(shown(&house.next_process().await, "mine").await, all);
}

#[tokio::test]
async fn what_has_left_the_files_of_a_pack_is_gone_and_what_has_changed_keeps_its_id() {
    let house = House::new().await;
    let before = [
        ("actions/a.yaml", NOTING),
        ("actions/b.yaml", NOTING),
        ("triggers/t.yaml", "description: d\n"),
        ("rules/kept.yaml", &rule("one")),
        ("rules/gone.yaml", &rule("two")),
    ];
    house.register("mine", &before).await.unwrap();
    let id = house.catalog.content().rule("mine.kept").unwrap().id;
    // A rule that was made by hand is in no file.
    let by_hand = format!("name: hand\npack: mine\n{}", rule("three"));
    house.catalog.create_rule(&by_hand, "ada").await.unwrap();
    let after = [("actions/b.yaml", NOTING), ("actions/c.yaml", NOTING), ("rules/kept.yaml", &rule("new"))];
    let report = house.register("mine", &after).await.unwrap();
    let expected = [
        "pack mine 1.0.0",
        "action mine.b",
        "action mine.c",
        "rule mine.hand on three",
        "rule mine.kept on new",
    ];
    assert_eq!(shown(&house, "mine").await, expected);
    assert_eq!(house.catalog.content().rule("mine.kept").unwrap().id, id);
    assert!(report.notes.iter().any(|note| note.contains("rule `mine.gone` is gone")), "{:?}", report.notes);
    assert!(house.catalog.content().webhook("two").is_err());
}

#[tokio::test]
async fn a_renamed_rule_is_another_one() {
    let house = House::new().await;
    house.register("mine", &[("rules/a.yaml", &rule("one"))]).await.unwrap();
    let id = house.catalog.content().rule("mine.a").unwrap().id;
    house.register("mine", &[("rules/b.yaml", &rule("one"))]).await.unwrap();
    assert_eq!(shown(&house, "mine").await, ["pack mine 1.0.0", "rule mine.b on one"]);
    assert_ne!(house.catalog.content().rule("mine.b").unwrap().id, id);
    assert!(house.catalog.content().rule(&id.to_string()).is_err());
    assert!(house.catalog.content().webhook("one").is_ok());
}

#[tokio::test]
async fn a_rule_that_was_switched_by_hand_stays_so_until_its_file_changes() {
    let house = House::new().await;
    for (written, by_hand, is_on) in [
        ("enabled: true\n", Some(false), false),
        ("enabled: true\n", None, false),
        ("enabled: false\n", Some(true), true),
        ("enabled: true\n", None, true),
        ("enabled: false\n", None, false),
    ] {
        let text = switched("one", written);
        house.register("mine", &[("rules/a.yaml", &text)]).await.unwrap();
        if let Some(by_hand) = by_hand {
            house.catalog.set_rule_enabled("mine.a", by_hand).await.unwrap();
            house.register("mine", &[("rules/a.yaml", &text)]).await.unwrap();
        }
        assert_eq!(!house.rules_on("mine").is_empty(), is_on, "{written} {by_hand:?}");
    }
    house.shown().await;
}

#[tokio::test]
async fn a_pack_that_is_wrong_registers_nothing_of_it() {
    let house = House::new().await;
    house.register("mine", &[("actions/a.yaml", NOTING)]).await.unwrap();
    let (before, version) = (house.shown().await, house.catalog.version());
    for (file, text, says) in [
        ("pack.yaml", "ref: mine\nname: [", "pack.yaml:"),
        ("config.schema.yaml", "n: {type: texte}\n", "config.schema.yaml:"),
        ("triggers/t.yaml", "name: [\n", "triggers/t.yaml:"),
    ] {
        let (code, message) =
            refused(house.register("mine", &[("actions/b.yaml", NOTING), (file, text)]).await);
        assert!(code == "invalid" && message.contains(says), "{says}: {message}");
    }
    let elsewhere = house.catalog.register_pack(&house.path("nowhere"), false).await;
    assert!(refused(elsewhere).1.contains("cannot be read"));
    assert_eq!((house.shown().await, house.catalog.version()), (before, version));
}

#[tokio::test]
async fn an_action_that_is_wrong_is_refused_alone_and_says_why_when_it_is_asked_for() {
    let house = House::new().await;
    let files = [("actions/a.yaml", NOTING), ("actions/b.yaml", "runner_type: noting\nparameters: 5\n")];
    let report = house.register("mine", &files).await.unwrap();
    assert!(
        report.notes.iter().any(|note| note.starts_with("action `mine.b` is refused")),
        "{:?}",
        report.notes
    );
    let content = house.catalog.content();
    assert!(content.action(&reference("mine.a")).is_ok());
    let (code, message) = refused(content.action(&reference("mine.b")).map(|_| ()));
    assert!(code == "invalid" && message.contains("register the pack `mine` again"), "{message}");
    // Another process hears the same.
    let next = house.next_process().await;
    assert_eq!(refused(next.catalog.content().action(&reference("mine.b")).map(|_| ())).1, message);
}

#[tokio::test]
async fn a_rule_of_a_trigger_that_is_not_there_is_passed_over_and_comes_with_it() {
    let house = House::new().await;
    let text = "enabled: true\ntrigger: {type: other.t}\naction: {ref: core.noop}\n";
    let report = house.register("mine", &[("rules/a.yaml", text)]).await.unwrap();
    assert!(
        report.notes.iter().any(|note| note.contains("rule `mine.a` is passed over")),
        "{:?}",
        report.notes
    );
    assert!(house.rules_on("mine").is_empty());
    house.register("other", &[("triggers/t.yaml", "description: d\n")]).await.unwrap();
    let report = house.catalog.register_again(Giver::SeesSecrets, "mine", Parts::ALL).await.unwrap();
    assert_eq!((report.rules, house.rules_on("mine")), (1, vec!["mine.a".to_owned()]));
}

#[tokio::test]
async fn the_artifact_of_a_pack_is_that_of_its_directory() {
    let house = House::new().await;
    let directory = house.pack("mine", &[("actions/a.yaml", NOTING)]);
    let artifact = PackArtifact {
        reference: "r.example.com/mine:1".to_owned(),
        digest: "sha256:0".to_owned(),
        signature: Some(Signed::Unsigned),
        key: String::new(),
    };
    let (by, of) = (Giver::SeesSecrets, Some(artifact.clone()));
    let report = house.catalog.register_artifact(by, &directory, (false, of), Parts::ALL).await.unwrap();
    assert_eq!(report.pack.artifact.as_ref(), Some(&artifact));
    let again = house.catalog.register_again(Giver::SeesSecrets, "mine", Parts::ALL).await.unwrap();
    assert_eq!(again.pack.artifact, Some(artifact));
    let elsewhere = house.path("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::copy(directory.join("pack.yaml"), elsewhere.join("pack.yaml")).unwrap();
    let other = house.catalog.register_pack(&elsewhere, false).await.unwrap();
    assert_eq!(other.pack.artifact, None);
    let noted = house.runner.noted();
    assert!(
        noted.iter().any(|one| one == "forget mine"),
        "what is cached of its files is not needed: {noted:?}"
    );
}

#[tokio::test]
async fn of_some_parts_the_others_stay() {
    let house = House::new().await;
    let text = rule("one");
    house.register("mine", &[("actions/a.yaml", NOTING), ("rules/r.yaml", &text)]).await.unwrap();
    house.pack("mine", &[("actions/b.yaml", NOTING)]);
    let actions = Parts { actions: true, ..Parts::default() };
    house.catalog.register_again(Giver::SeesSecrets, "mine", actions).await.unwrap();
    assert_eq!(shown(&house, "mine").await, ["pack mine 1.0.0", "action mine.b", "rule mine.r on one"]);
    // Files of a part are looked up in the directory of the others.
    let elsewhere = house.path("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::copy(house.path("mine").join("pack.yaml"), elsewhere.join("pack.yaml")).unwrap();
    let (code, message) = refused(house.catalog.register_parts(&elsewhere, false, actions).await);
    assert!(code == "invalid" && message.contains("register all of it"), "{message}");
    let rules = Parts { rules: true, ..Parts::default() };
    house.catalog.register_again(Giver::SeesSecrets, "mine", rules).await.unwrap();
    assert_eq!(shown(&house, "mine").await, ["pack mine 1.0.0", "action mine.b"]);
    assert_eq!(refused(house.catalog.register_again(Giver::SeesSecrets, "min", rules).await).0, "not_found");
}

#[tokio::test]
async fn the_names_of_the_hosts_own_packs_are_nobody_elses() {
    let house = House::new().await;
    let before = house.shown().await;
    let directory = house.pack("linux", &[]);
    let (code, message) = refused(house.catalog.register_pack(&directory, false).await);
    assert!(code == "conflict" && message.contains("give your pack another ref"), "{message}");
    assert_eq!(house.shown().await, before);
    house.catalog.register_pack(&directory, true).await.unwrap();
}

#[tokio::test]
async fn what_was_secret_is_shown_by_nobody_who_does_not_see_it() {
    let house = House::new().await;
    let action = |pin: &str, token: &str| {
        format!(
            "{NOTING}parameters: {{pin: {pin}, note: {{type: string}}}}\noutput_schema: {{token: {token}}}\n"
        )
    };
    let trigger =
        |pin: &str| format!("description: d\npayload_schema: {{type: object, properties: {{pin: {pin}}}}}\n");
    let configuration = |key: &str| format!("key: {key}\nurl: {{type: string}}\n");
    let (secret, open) = ("{type: string, secret: true}", "{type: string}");
    let files = |at: usize| {
        let part = |place: usize| if place == at { open } else { secret };
        [
            ("actions/a.yaml", action(part(0), part(1))),
            ("triggers/t.yaml", trigger(part(2))),
            ("config.schema.yaml", configuration(part(3))),
        ]
    };
    let directory = |at: usize| {
        let files = files(at);
        house.pack("mine", &files.each_ref().map(|(name, text)| (*name, text.as_str())))
    };
    house.catalog.register_pack(&directory(9), false).await.unwrap();
    let values = serde_json::json!({"key": "s3cret"}).as_object().cloned().unwrap();
    house.catalog.configure_pack("mine", values, Giver::SeesNone).await.unwrap();
    let version = house.catalog.version();
    for (at, says) in [
        (0, "the parameter `pin` of action `mine.a` was secret"),
        (1, "a part of the result of action `mine.a`"),
        (2, "trigger type `mine.t`"),
        (3, "the configuration of pack `mine`"),
    ] {
        let registered = house.catalog.register_by(Giver::SeesNone, &directory(at), false, Parts::ALL).await;
        let (code, message) = refused(registered);
        assert!(code == "forbidden" && message.contains(says), "{says}: {message}");
        let again = house.catalog.register_again(Giver::SeesNone, "mine", Parts::ALL).await;
        assert_eq!(refused(again).0, "forbidden", "{says}");
        assert_eq!(house.catalog.version(), version, "{says}");
    }
    // Nor in two steps: first without the trigger type, or without the pack.
    let files = files(9);
    let without: Vec<_> = files.iter().filter(|(name, _)| !name.starts_with("triggers/")).collect();
    let without: Vec<_> = without.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let without = house.pack("mine", &without);
    let (code, message) =
        refused(house.catalog.register_by(Giver::SeesNone, &without, false, Parts::ALL).await);
    assert!(code == "forbidden" && message.contains("trigger type `mine.t`"), "{message}");
    let (code, message) = refused(house.catalog.remove_pack("mine", Giver::SeesNone).await);
    assert!(code == "forbidden" && message.contains("remove the pack `mine`"), "{message}");
    assert_eq!(house.catalog.version(), version);
    house.catalog.register_by(Giver::SeesNone, &directory(9), false, Parts::ALL).await.unwrap();
    house.catalog.register_by(Giver::SeesSecrets, &directory(0), false, Parts::ALL).await.unwrap();
}

#[tokio::test]
async fn code_from_elsewhere_does_not_get_the_secrets_of_a_configuration() {
    let house = House::new().await;
    let files = [
        ("config.schema.yaml", "key: {type: string, secret: true}\nurl: {type: string}\n"),
        ("actions/a.yaml", NOTING),
    ];
    house.register("mine", &files).await.unwrap();
    let directory = house.path("mine");
    let elsewhere = house.path("elsewhere/mine");
    for file in ["pack.yaml", "config.schema.yaml", "actions/a.yaml"] {
        let text = std::fs::read_to_string(directory.join(file)).unwrap();
        house.write(&format!("elsewhere/mine/{file}"), &text);
    }
    let by_others = async |directory: PathBuf| {
        house.catalog.register_by(Giver::SeesNone, &directory, false, Parts::ALL).await
    };
    // Nothing is configured, and what is open may be.
    by_others(elsewhere.clone()).await.unwrap();
    by_others(directory.clone()).await.unwrap();
    let values = serde_json::json!({"key": "s3cret"}).as_object().cloned().unwrap();
    house.catalog.configure_pack("mine", values, Giver::SeesSecrets).await.unwrap();
    let version = house.catalog.version();
    let (code, message) = refused(by_others(elsewhere.clone()).await);
    assert!(code == "forbidden" && message.contains("pack `mine`"), "{message}");
    assert_eq!(house.catalog.version(), version);
    by_others(directory.clone()).await.unwrap();
    // Nor does a rule of another pack read them: it alone is left out.
    let text = |note: &str| {
        format!(
            "name: r\npack: other\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: u}}}}\naction: {{ref: mine.a, parameters: {{note: \"{note}\"}}}}\n"
        )
    };
    let other = house.pack("other", &[("rules/r.yaml", &text("{{ config_context.key }}"))]);
    let report = by_others(other.clone()).await.unwrap();
    let is_told = |report: &Report| {
        let says = "rule `other.r` is refused: the template of the parameter `note` reads a secret";
        report.notes.iter().any(|note| note.starts_with(says)) && report.pack.refused_rules.contains_key("r")
    };
    assert!(report.rules == 0 && is_told(&report), "{report:?}");
    let open = house.pack("other", &[("rules/r.yaml", &text("{{ config_context.url }}"))]);
    assert_eq!(by_others(open).await.unwrap().rules, 1);
    // What was there before under its name goes along, as that of any rule that is refused.
    house.pack("other", &[("rules/r.yaml", &text("{{ config_context.key }}"))]);
    let report = by_others(other).await.unwrap();
    assert!(report.rules == 0 && is_told(&report), "{report:?}");
    assert!(house.catalog.content().rule("other.r").is_err());
    house.catalog.register_pack(&elsewhere, false).await.unwrap();
}

#[tokio::test]
async fn a_mark_is_not_lifted_by_a_field_that_stands_before_it() {
    let house = House::new().await;
    let action = |named: &str| {
        format!(
            "{NOTING}parameters: {{login: {{type: object, properties: {{{named}}}, additionalProperties: {{secret: true}}}}}}\n"
        )
    };
    house.register("mine", &[("actions/a.yaml", &action("user: {type: string}"))]).await.unwrap();
    for (named, is_taken) in [
        ("user: {type: string}, password: {type: string}", false),
        ("user: {type: string, description: Who}", true),
        ("user: {type: string}, password: {type: string, secret: true}", true),
    ] {
        let directory = house.pack("mine", &[("actions/a.yaml", &action(named))]);
        let registered = house.catalog.register_by(Giver::SeesNone, &directory, false, Parts::ALL).await;
        assert_eq!(registered.is_ok(), is_taken, "{named}: {registered:?}");
    }
}

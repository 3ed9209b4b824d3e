//! Single rules are created, changed and deleted; a refused change leaves nothing behind.

use petrel_catalog::Giver;
use petrel_model::Rule;
use petrel_persistence::StoreExt as _;

use crate::{House, refused};

/// The text of an enabled rule that listens to a webhook.
pub(crate) fn rule(name: &str, url: &str) -> String {
    format!(
        "name: {name}\npack: mine\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {url}}}}}\naction: {{ref: core.noop}}\n"
    )
}

impl House {
    /// The lines of [`House::shown`] that are about rules.
    async fn shown_rules(&self) -> Vec<String> {
        let lines = self.shown().await.into_iter();
        lines.filter_map(|line| line.strip_prefix("rule ").map(str::to_owned)).collect()
    }
}

#[tokio::test]
async fn a_rule_is_made_switched_changed_and_deleted_and_the_next_process_has_it() {
    let house = House::new().await;
    let made = house.catalog.create_rule(&rule("a", "/one/"), "ada").await.unwrap().rule;
    assert_eq!(made.context["user"], "ada");
    assert_eq!(house.shown_rules().await, ["mine.a on one"]);
    house.catalog.set_rule_enabled("mine.a", false).await.unwrap();
    assert_eq!(house.next_process().await.shown_rules().await, ["mine.a off one"]);

    let house = house.next_process().await;
    // Also by its id, which it keeps, as it keeps its creator.
    let changed = house
        .catalog
        .update_rule(&made.id.to_string(), &rule("b", "two"), Giver::SeesSecrets)
        .await
        .unwrap()
        .rule;
    assert_eq!((changed.id, &changed.context), (made.id, &made.context));
    assert_eq!(house.shown_rules().await, ["mine.b on two"]);
    assert_eq!(house.catalog.delete_rule("mine.b").await.unwrap().as_str(), "mine.b");
    assert!(house.shown_rules().await.is_empty());
}

#[tokio::test]
async fn a_webhook_is_there_for_as_long_as_a_rule_listens_to_it() {
    let house = House::new().await;
    let urls = || {
        let content = house.catalog.content();
        content.webhooks().map(|(_, trigger)| trigger.parameters["url"].to_string()).collect::<Vec<_>>()
    };
    for (name, url) in [("a", "one"), ("b", "one"), ("c", "two")] {
        house.catalog.create_rule(&rule(name, url), "ada").await.unwrap();
    }
    assert_eq!(urls(), ["\"one\"", "\"two\""]);
    house.catalog.delete_rule("mine.a").await.unwrap();
    assert_eq!(urls(), ["\"one\"", "\"two\""]);
    house.catalog.update_rule("mine.b", &rule("b", "three"), Giver::SeesSecrets).await.unwrap();
    assert_eq!(urls(), ["\"three\"", "\"two\""]);
    house.catalog.delete_rule("mine.c").await.unwrap();
    let (code, message) = refused(house.catalog.content().webhook("two").map(|_| ()));
    assert_eq!(
        (code, message.as_str()),
        ("not_found", "webhook `two` does not exist; rules listen to: three")
    );
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_warned_about_when_a_rule_is_written_or_registered() {
    let house = House::new().await;
    house.keys.set("limit", "5").await.unwrap();
    let reading = |key: &str| {
        let criteria = format!(
            "criteria: {{trigger.body.n: {{type: gt, pattern: '{{{{ st2kv.system.{key} | int }}}}'}}}}"
        );
        format!("{}{criteria}\n", rule("a", "one"))
    };
    let warned = house.catalog.create_rule(&reading("limt"), "ada").await.unwrap().warnings;
    assert!(warned.len() == 1 && warned[0].ends_with("; did you mean st2kv.system.limit?"), "{warned:?}");
    let update = async |text: String| house.catalog.update_rule("mine.a", &text, Giver::SeesSecrets).await;
    let warned = update(reading("gone")).await.unwrap().warnings;
    assert!(warned.len() == 1 && warned[0].ends_with("`petrel key set gone VALUE` sets it"), "{warned:?}");
    assert_eq!(update(reading("limit")).await.unwrap().warnings, Vec::<String>::new());
    house.catalog.delete_rule("mine.a").await.unwrap();

    let action = "runner_type: noting\nentry_point: a\nparameters: {n: {type: string, default: '{{ st2kv.system.lmit }}'}}\n";
    let misspelt = reading("limt");
    let files = [("actions/a.yaml", action), ("rules/a.yaml", misspelt.as_str())];
    let report = house.register("mine", &files);
    let notes = report.await.unwrap().notes.join("\n");
    for says in [
        "rule mine.a: the criterion trigger.body.n gets an empty text, since the datastore has no key st2kv.system.limt; did",
        "action mine.a: the default of parameter n gets an empty text, since the datastore has no key st2kv.system.lmit; did",
    ] {
        assert!(notes.contains(says), "{says}: {notes}");
    }
}

#[tokio::test]
async fn what_stackstorm_ignores_in_a_rule_is_a_warning_when_it_is_written_or_registered() {
    let house = House::new().await;
    let text = rule("a", "one").replace("type:", "pack: core, type:");
    let says = ":4:11: the trigger of a rule has no field pack, so it is ignored";
    let made = house.catalog.create_rule(&text, "ada").await.unwrap();
    let updated = house.catalog.update_rule("mine.a", &text, Giver::SeesSecrets).await.unwrap();
    house.catalog.delete_rule("mine.a").await.unwrap();
    let report = house.register("mine", &[("rules/a.yaml", &text)]).await.unwrap();
    for notes in [made.warnings, updated.warnings, report.notes] {
        assert!(notes.len() == 1 && notes[0].contains(says), "{notes:?}");
    }
    assert_eq!(house.rules_on("mine"), ["mine.a"]);
}

#[tokio::test]
async fn a_parameter_beside_the_parameters_of_a_trigger_is_told_with_what_is_missing() {
    let house = House::new().await;
    let text = "name: a\npack: mine\ntrigger: {type: core.st2.webhook, url: x}\naction: {ref: core.noop}\n"
        .to_owned();
    let error = house.catalog.create_rule(&text, "ada").await.unwrap_err();
    let says = "the trigger of a rule has no field url, so it is ignored; known are type, parameters, and what the trigger takes \
                stands below parameters; ";
    assert!(error.to_string().contains("'url' is a required property"), "{error}");
    assert!(error.hint().contains(says), "{}", error.hint());
}

#[tokio::test]
async fn each_event_of_a_correlation_is_looked_at_when_a_rule_is_written() {
    let house = House::new().await;
    let text = "name: a\npack: mine\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: a}}\n\
        type: {ref: correlation, parameters: {kind: none_within, within: 2s, by: trigger.body.host, events: \
        [{trigger: {type: core.st2.webhook, parameters: {url: b}}, criteria: {trigger.bodi.x: {type: exists}}}]}}\n\
        action: {ref: core.noop}\n";
    let warned = house.catalog.create_rule(text, "ada").await.unwrap().warnings.join("\n");
    for says in [
        "rule mine.a: by of its correlation has no template",
        "rule mine.a: trigger.bodi is not in the payload_schema of",
    ] {
        assert!(warned.contains(says), "{says}: {warned}");
    }
}

#[tokio::test]
async fn a_field_that_the_event_does_not_have_is_warned_about_when_a_rule_is_written_or_registered() {
    let house = House::new().await;
    let kind = "name: push\npayload_schema: {properties: {status: {type: string, required: true}}}\n";
    let text = "name: a\npack: mine\nenabled: true\ntrigger: {type: mine.push}\ncriteria: {trigger.stauts: {type: exists}}\naction: {ref: core.noop}\n";
    let says = "rule mine.a: trigger.stauts is not in the payload_schema of mine.push; did you mean status?";
    let report =
        house.register("mine", &[("triggers/push.yaml", kind), ("rules/a.yaml", text)]).await.unwrap();
    let updated = house.catalog.update_rule("mine.a", text, Giver::SeesSecrets).await.unwrap();
    for notes in [report.notes, updated.warnings] {
        assert!(notes.iter().any(|note| note == says), "{notes:?}");
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let house = House::new().await;
    house.catalog.create_rule(&rule("a", "one"), "ada").await.unwrap();
    house.catalog.create_rule(&rule("b", "one"), "ada").await.unwrap();
    let before = house.shown().await;
    let version = house.catalog.version();
    let make = async |text: String| house.catalog.create_rule(&text, "ada").await;
    let no_kind = rule("c", "x").replace("core.st2.webhook", "core.st2.webhok");
    let no_url = rule("c", "x").replace("url: x", "other: x");
    let masked =
        rule("c", "x").replace("{ref: core.noop}", "{ref: core.noop, parameters: {key: '********'}}");
    for (result, code, says) in [
        (make(rule("a", "x")).await, "conflict", "rule `mine.a` exists already"),
        (make("name: [".into()).await, "invalid", "rule:"),
        (make(no_kind).await, "invalid", "did you mean `core.st2.webhook`?"),
        (make(no_url).await, "invalid", "the parameters of trigger core.st2.webhook do not fit"),
        (make(masked).await, "invalid", "write the secret itself"),
        (
            house.catalog.update_rule("mine.gone", &rule("c", "x"), Giver::SeesSecrets).await,
            "not_found",
            "rule `mine.gone`",
        ),
        (
            house.catalog.update_rule("mine.a", &rule("b", "x"), Giver::SeesSecrets).await,
            "conflict",
            "names rule `mine.b`",
        ),
    ] {
        let (found, message) = refused(result);
        assert!(found == code && message.contains(says), "{code} {says}: {found} {message}");
    }
    assert_eq!(refused(house.catalog.delete_rule("mine.gone").await).0, "not_found");
    assert_eq!(refused(house.catalog.set_rule_enabled("gone", true).await).0, "not_found");
    assert_eq!((house.shown().await, house.catalog.version()), (before, version));
}

#[tokio::test]
async fn a_secret_of_a_rule_is_not_shown_by_what_others_write_beside_it() {
    let house = House::new().await;
    let with = |parameters: &str, lines: &str| {
        let action = format!("{{ref: core.noop, parameters: {{{parameters}}}}}");
        rule("a", "one").replace("{ref: core.noop}", &action) + lines
    };
    house.catalog.create_rule(&with("pw: s3cret, note: n", ""), "ada").await.unwrap();
    let before = house.store.all::<Rule>().await.unwrap();
    let masked = "pw: '********', note: ";
    for beside in ["other", "'{{ pw }}'", "n, more: m"] {
        let text = with(&format!("{masked}{beside}"), "");
        let (code, message) = refused(house.catalog.update_rule("mine.a", &text, Giver::SeesNone).await);
        assert!(code == "forbidden" && message.contains("`pw` of rule `mine.a`"), "{beside}: {message}");
        assert_eq!(house.store.all::<Rule>().await.unwrap(), before, "{beside}");
    }
    // Nor by another event, whose content might say where the secret is sent.
    let same = with(&format!("{masked}n"), "");
    let criterion = "criteria: {trigger.body.x: {type: equals, pattern: 1}}\n";
    for (what, text) in [("trigger", same.replace("one", "two")), ("criteria", same.clone() + criterion)] {
        let (code, message) = refused(house.catalog.update_rule("mine.a", &text, Giver::SeesNone).await);
        assert!(code == "forbidden" && message.contains("its trigger or its criteria"), "{what}: {message}");
        assert_eq!(house.store.all::<Rule>().await.unwrap(), before, "{what}");
    }
    let described = with(&format!("{masked}n"), "description: d\n");
    house.catalog.update_rule("mine.a", &described, Giver::SeesNone).await.unwrap();
    let shown = with(&format!("{masked}'{{{{ pw }}}}'"), "");
    let written = house.catalog.update_rule("mine.a", &shown, Giver::SeesSecrets).await.unwrap();
    assert_eq!(written.rule.action.parameters["pw"], "s3cret");
}

#[tokio::test]
async fn a_template_that_reads_a_secret_is_written_by_those_who_see_it() {
    let house = House::new().await;
    let schema = "key: {type: string, secret: true}\nurl: {type: string}\n";
    house.register("mine", &[("config.schema.yaml", schema)]).await.unwrap();
    let with = |note: &str, lines: &str| {
        let action = format!("{{ref: mine.act, parameters: {{note: \"{note}\"}}}}");
        rule("a", "one").replace("{ref: core.noop}", &action) + lines
    };
    let (reads, open) = ("{{ config_context.key }}", "{{ config_context.url }}");
    let oracle = "{{ 1/0 if config_context.key.startswith('X') else 'n' }}";
    let before = house.shown().await;
    for note in [reads, oracle, "{{ config_context }}", "{{ config_context['k' ~ 'ey'] }}"] {
        let made = house.catalog.create_rule_by(Giver::SeesNone, &with(note, ""), "bob").await;
        let (code, message) = refused(made);
        assert!(code == "forbidden" && message.starts_with("rule `mine.a`: the template of"), "{message}");
        assert!(message.contains("`note`") && !message.contains("config.schema.yaml"), "{message}");
        assert_eq!(house.shown().await, before, "{note}");
    }
    // What is not declared may become a secret, so it counts as one, and that is told.
    let of_core = with("{{ config_context.x }}", "").replace("mine.act", "core.noop");
    for (text, says) in [
        (with("{{ config_context.ur }}", ""), "of the pack `mine` has no key ur (did you mean url?)"),
        (of_core, "the pack `core` has no config.schema.yaml"),
    ] {
        let (code, message) = refused(house.catalog.create_rule_by(Giver::SeesNone, &text, "bob").await);
        assert!(code == "forbidden" && message.contains(says), "{message}");
    }
    house.catalog.create_rule_by(Giver::SeesNone, &with(open, ""), "bob").await.unwrap();
    let update = async |giver: Giver, text: String| house.catalog.update_rule("mine.a", &text, giver).await;
    assert_eq!(refused(update(Giver::SeesNone, with(oracle, "")).await).0, "forbidden");
    // What the admin wrote stays where nothing changes what it is used for.
    update(Giver::SeesSecrets, with(reads, "")).await.unwrap();
    update(Giver::SeesNone, with(reads, "description: d\n")).await.unwrap();
    let criterion = "criteria: {trigger.body.x: {type: equals, pattern: 1}}\n";
    let other_event = with(reads, "").replace("url: one", "url: two");
    for text in [with(reads, criterion), other_event] {
        assert_eq!(refused(update(Giver::SeesNone, text).await).0, "forbidden");
    }
}

#[tokio::test]
async fn a_secret_of_an_event_is_for_rules_of_those_who_see_it() {
    let house = House::new().await;
    let kind = "description: d\npayload_schema: {type: object, properties: {pin: {type: string, secret: true}, open: {type: string}}}\n";
    house.register("mine", &[("triggers/t.yaml", kind)]).await.unwrap();
    let with = |criteria: &str, note: &str| {
        format!(
            "name: a\npack: mine\nenabled: true\ntrigger: {{type: mine.t}}\ncriteria: {{{criteria}}}\naction: {{ref: core.noop, parameters: {{note: \"{note}\"}}}}\n"
        )
    };
    let before = house.shown().await;
    for (criteria, note, says) in [
        ("trigger.pin: {type: startswith, pattern: s}", "n", "`trigger.pin`"),
        ("trigger.open: {type: equals, pattern: '{{ trigger.pin }}'}", "n", "`trigger.open`"),
        ("trigger.*: {type: equals, pattern: s}", "n", "`trigger.*`"),
        ("", "{{ trigger.pin }}", "`note`"),
        ("", "{{ trigger | length }}", "`note`"),
    ] {
        let made = house.catalog.create_rule_by(Giver::SeesNone, &with(criteria, note), "bob").await;
        let (code, message) = refused(made);
        assert!(code == "forbidden" && message.contains(says), "{criteria} {note}: {message}");
        assert!(message.starts_with("rule `mine.a`: "), "{message}");
        assert_eq!(house.shown().await, before, "{criteria} {note}");
    }
    // That it is there is no secret, nor is what is beside it.
    let open =
        with("trigger.pin: {type: exists}, trigger.open: {type: equals, pattern: o}", "{{ trigger.open }}");
    house.catalog.create_rule_by(Giver::SeesNone, &open, "bob").await.unwrap();
    let secret = with("trigger.pin: {type: startswith, pattern: s}", "{{ trigger.pin }}");
    house.catalog.update_rule("mine.a", &secret, Giver::SeesSecrets).await.unwrap();
}

#[tokio::test]
async fn a_rule_whose_action_is_not_there_is_made_and_warned_of() {
    let house = House::new().await;
    let text = rule("a", "one").replace("core.noop", "core.nop");
    let written = house.catalog.create_rule(&text, "ada").await.unwrap();
    let [warning] = &*written.warnings else { panic!("{:?}", written.warnings) };
    assert!(warning.contains("did you mean `core.noop`?"), "{warning}");
    assert_eq!(house.shown_rules().await, ["mine.a on one"]);
}

#[tokio::test]
async fn who_was_fenced_off_shows_nothing_that_is_not_stored() {
    let house = House::new().await;
    house.catalog.create_rule(&rule("a", "one"), "ada").await.unwrap();
    let before = house.shown().await;
    let next = house.next_process().await;
    assert_eq!(refused(house.catalog.create_rule(&rule("b", "one"), "ada").await).0, "internal");
    assert_eq!(refused(house.catalog.set_rule_enabled("mine.a", false).await).0, "internal");
    assert_eq!(refused(house.catalog.delete_rule("mine.a").await).0, "internal");
    assert_eq!(refused(house.register("mine", &[]).await).0, "internal");
    assert_eq!(refused(house.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await).0, "not_found");
    assert_eq!((house.shown().await, next.shown().await), (before.clone(), before));
}

#[tokio::test]
async fn a_snapshot_stays_what_it_was() {
    let house = House::new().await;
    house.catalog.create_rule(&rule("a", "one"), "ada").await.unwrap();
    let (before, version) = (house.catalog.content(), house.catalog.version());
    house.catalog.create_rule(&rule("b", "two"), "ada").await.unwrap();
    house.catalog.delete_rule("mine.a").await.unwrap();
    let names = |content: &petrel_catalog::content::Content| {
        content.rules().map(|rule| rule.reference.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&before), ["mine.a"]);
    assert!(before.webhook("one").is_ok() && before.webhook("two").is_err());
    let now = house.catalog.content();
    assert_eq!(names(&now), ["mine.b"]);
    assert!(now.webhook("one").is_err() && now.webhook("two").is_ok());
    assert_eq!(house.catalog.version(), version + 2);
    assert_eq!(house.store.all::<Rule>().await.unwrap().len(), 1);
}

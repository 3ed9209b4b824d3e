//! Rules that correlate events, on a clock that the test turns: what fires and when, what is held meanwhile, and that a
//! restart, a change of the rule, or two events at once make no difference. The clock begins at 12:00:00.

use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::Giver;
use petrel_model::CorrelationState;
use petrel_model::correlation::CORRELATION;
use petrel_model::rule::EnforcementStatus;
use petrel_persistence::{Change, StoreExt as _};
use petrel_triggers::TriedEvent;
use serde_json::{Value, json};

use crate::{House, refused};

/// The text of a rule on the events `first` by the host in their body; `events` are further webhooks.
fn rule(name: &str, kind: &str, further: &str, events: &[&str]) -> String {
    let events = events
        .iter()
        .map(|url| format!("{{trigger: {{type: core.st2.webhook, parameters: {{url: /{url}/}}}}}}"));
    let events = events.collect::<Vec<_>>().join(", ");
    let events = if events.is_empty() { String::new() } else { format!(", events: [{events}]") };
    format!(
        "name: {name}\npack: house\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: first}}}}\n\
         type: {{ref: correlation, parameters: {{kind: {kind}, within: 10s, by: '{{{{ trigger.body.host }}}}'{further}{events}}}}}\n\
         action: {{ref: house.act, parameters: {{value: '{{{{ trigger.key }}}} {{{{ trigger.count }}}}'}}}}\n"
    )
}

impl House {
    /// Starts the task that ends windows.
    async fn start_correlations(&self) {
        self.core.spawn("correlations", self.triggers.clone().run_correlations());
        self.settle_down().await;
    }

    /// Turns the clock, and lets the windows end that are due by then.
    async fn pass(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
        self.settle_down().await;
    }

    /// Waits until nothing is under way.
    async fn settle_down(&self) {
        let mut turns_at_rest = 0;
        while turns_at_rest < 200 {
            tokio::task::yield_now().await;
            let is_under_way = self.core.running().iter().any(|(name, _)| *name == "change");
            turns_at_rest = if is_under_way { 0 } else { turns_at_rest + 1 };
        }
    }

    /// What the action was given each time, oldest first.
    async fn given(&self) -> Vec<String> {
        let all = self.executions().await;
        all.iter().map(|one| one.parameters["value"].as_str().unwrap().to_owned()).collect()
    }

    /// What is held, as it is stored.
    async fn held(&self) -> Vec<CorrelationState> {
        self.core.store().all::<CorrelationState>().await.unwrap()
    }

    /// Sends an event of a host.
    async fn of_host(&self, url: &str, host: &str) -> usize {
        self.post(url, json!({"host": host})).await.unwrap().executions.len()
    }
}

#[tokio::test]
async fn all_of_several_events_fire_once_with_all_of_them() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("r", "all_within", "", &["second", "third"])).await;
    assert_eq!(house.of_host("third", "a").await, 0);
    house.pass(9).await;
    assert_eq!(house.of_host("first", "a").await, 0);
    assert_eq!(house.of_host("second", "b").await, 0);
    house.pass(2).await;
    assert_eq!(house.of_host("second", "a").await, 0, "the third is too old");
    assert_eq!(house.of_host("third", "a").await, 1, "its execution is one of the event that came last");
    assert_eq!(house.given().await, ["a 3"]);
    assert_eq!(house.held().await.len(), 1, "what is of another key");
    let events = house.events().await;
    let fired = events.iter().find(|event| event.trigger.as_str() == CORRELATION).unwrap();
    let payload: Value = fired.payload.parse().unwrap();
    assert_eq!((&payload["rule"], &payload["kind"]), (&json!("house.r"), &json!("all_within")));
    let urls: Vec<_> = payload["events"].as_array().unwrap().iter().map(|one| &one["trigger"]).collect();
    let content = house.catalog.content();
    let known = ["first", "second", "third"].map(|url| json!(content.webhook(url).unwrap().0));
    assert_eq!(urls, known.iter().collect::<Vec<_>>(), "in the order of the rule");
    assert_eq!(payload["events"][0]["payload"]["body"]["host"], "a");
    let execution = house.executions().await.remove(0);
    assert_eq!(execution.context.trigger_instance.unwrap().id, fired.id);
    house.pass(10).await;
    assert_eq!((house.given().await.len(), house.held().await.len()), (1, 0));
}

#[tokio::test]
async fn what_does_not_come_in_time_fires_when_the_window_ends() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("r", "none_within", "", &["second"])).await;
    house.of_host("first", "a").await;
    house.of_host("first", "b").await;
    house.pass(9).await;
    house.of_host("second", "b").await;
    assert_eq!((house.given().await.len(), house.held().await.len()), (0, 1));
    house.pass(1).await;
    assert_eq!((house.given().await, house.held().await.len()), (vec!["a 1".to_owned()], 0));
    house.of_host("second", "a").await;
    house.pass(60).await;
    assert_eq!(house.given().await.len(), 1);
}

#[tokio::test]
async fn the_first_or_the_last_of_many_events_fires() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("once", "once_within", "", &[])).await;
    house.rule(&rule("after", "once_after", "", &[])).await;
    assert_eq!(house.of_host("first", "a").await, 1);
    assert_eq!(house.of_host("first", "a").await, 0);
    house.pass(9).await;
    assert_eq!(house.of_host("first", "a").await, 0);
    assert_eq!(house.given().await, ["a 1"]);
    house.pass(1).await;
    assert_eq!(house.of_host("first", "a").await, 1, "a new window");
    house.pass(9).await;
    assert_eq!(house.given().await, ["a 1", "a 1"], "it was not quiet for long enough");
    house.pass(1).await;
    assert_eq!(house.given().await, ["a 1", "a 1", "a 4"]);
    assert!(house.held().await.is_empty());
}

#[tokio::test]
async fn events_are_held_over_a_restart_and_a_window_ends_after_it() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("three", "accumulate", ", count: 3", &[])).await;
    house.rule(&rule("none", "none_within", "", &["second"])).await;
    house.of_host("first", "a").await;
    house.of_host("first", "a").await;
    let house = house.next_process().await;
    house.start_correlations().await;
    assert_eq!(house.of_host("first", "a").await, 1);
    assert_eq!(house.given().await, ["a 3"]);
    let house = house.next_process().await;
    house.clock.turn(Duration::from_secs(60));
    house.start_correlations().await;
    assert_eq!(house.given().await, ["a 3", "a 3"], "three events of the first kind, and not the other");
    assert!(house.held().await.is_empty());
    let house = house.next_process().await;
    house.start_correlations().await;
    house.pass(60).await;
    assert_eq!(house.given().await.len(), 2, "once");
}

#[tokio::test]
async fn events_at_once_are_counted_one_by_one() {
    let house = House::new().await;
    house.start_correlations().await;
    house.store.linger();
    house.rule(&rule("three", "accumulate", ", count: 3", &[])).await;
    house.rule(&rule("once", "once_within", "", &[])).await;
    let post = || house.post("first", json!({"host": "a"}));
    let all = tokio::join!(post(), post(), post(), post(), post(), post(), post());
    let executions = <[_; 7]>::from(all).map(|accepted| accepted.unwrap().executions.len());
    assert_eq!(executions.iter().sum::<usize>(), 3, "{executions:?}");
    let mut given = house.given().await;
    given.sort();
    assert_eq!(given, ["a 1", "a 3", "a 3"]);
    let mut counts: Vec<_> = house.held().await.iter().map(|state| state.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 7]);
}

#[tokio::test]
async fn a_commit_that_fails_changes_nothing() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("two", "accumulate", ", count: 2", &[])).await;
    house.rule(&rule("none", "none_within", "", &["second"])).await;
    house.of_host("first", "a").await;
    house.store.refuse(1);
    assert_eq!(refused(house.post("first", json!({"host": "a"})).await).0, "no_room");
    assert_eq!(house.of_host("first", "a").await, 1);
    house.store.refuse(1);
    house.pass(10).await;
    assert_eq!(house.given().await, ["a 2"]);
    house.pass(1).await;
    assert_eq!(house.given().await, ["a 2", "a 2"], "its window ends a little later");
}

#[tokio::test]
async fn what_is_held_goes_with_the_rule_that_it_was_held_for() {
    let house = House::new().await;
    house.start_correlations().await;
    let none = || rule("r", "none_within", "", &["second"]);
    house.rule(&none()).await;
    house.of_host("first", "a").await;
    house.catalog.set_rule_enabled("house.r", false).await.unwrap();
    house.settle_down().await;
    assert!(house.held().await.is_empty(), "it is disabled");
    house.catalog.set_rule_enabled("house.r", true).await.unwrap();
    house.of_host("first", "a").await;
    house.catalog.delete_rule("house.r").await.unwrap();
    house.settle_down().await;
    assert!(house.held().await.is_empty(), "it is gone");
    assert_eq!(house.post("second", json!({})).await.map_err(|error| error.code()), Err("not_found"));
    house.rule(&none()).await;
    house.of_host("first", "a").await;
    house.catalog.delete_rule("house.r").await.unwrap();
    let house = house.next_process().await;
    house.start_correlations().await;
    house.pass(60).await;
    assert_eq!((house.given().await.len(), house.held().await.len()), (0, 0));
}

#[tokio::test]
async fn a_key_that_cannot_be_made_is_a_failed_enforcement() {
    let house = House::new().await;
    house.rule(&rule("r", "once_within", "", &[])).await;
    let accepted = house.post("first", json!({})).await.unwrap();
    let enforcements = house.enforcements(&accepted).await;
    assert_eq!(enforcements[0].status, EnforcementStatus::Failed);
    let reason = enforcements[0].failure_reason.clone().unwrap();
    assert!(
        reason.contains("the key `by` of its correlation") && reason.contains("trigger.body.host"),
        "{reason}"
    );
    let payload = json!({"body": {"host": "a"}});
    let replayed = house.triggers.replay(enforcements[0].id, Some(payload), false).await.unwrap();
    assert_eq!((replayed.executions.len(), house.given().await), (1, vec!["a 1".to_owned()]));
}

#[tokio::test]
async fn a_rule_holds_so_many_keys_and_the_next_event_is_a_dead_letter() {
    let house = House::new().await;
    house.rule(&rule("r", "once_within", "", &[])).await;
    house.of_host("first", "a").await;
    let one = house.held().await.remove(0);
    let more = (1..10_000).map(|n| {
        let key = format!("{}:{n:064}", one.rule_id);
        Change::put(CorrelationState { key, ..one.clone() })
    });
    house.core.commit(Vec::new(), more.collect()).await.unwrap();
    house.start_correlations().await;
    let accepted = house.post("first", json!({"host": "b"})).await.unwrap();
    let enforcements = house.enforcements(&accepted).await;
    assert_eq!((accepted.executions.len(), enforcements[0].status), (0, EnforcementStatus::Failed));
    let reason = enforcements[0].failure_reason.clone().unwrap();
    assert!(reason.contains(" keys, and that is the limit"), "{reason}");
    house.of_host("first", "a").await;
    assert!(house.held().await.iter().any(|state| state.count == 2), "a key that is held goes on");
    house.pass(10).await;
    assert!(house.held().await.is_empty());
    assert_eq!(house.of_host("first", "b").await, 1);
}

#[tokio::test]
async fn a_firing_that_fails_can_be_replayed() {
    let house = House::new().await;
    let text = rule("r", "accumulate", ", count: 2", &[]);
    house.rule(&text.replace("trigger.count", "trigger.nothing.at.all")).await;
    house.of_host("first", "a").await;
    house.of_host("first", "a").await;
    let fired = house.events().await.into_iter().find(|event| event.trigger.as_str() == CORRELATION).unwrap();
    house.catalog.update_rule("house.r", &text, Giver::SeesSecrets).await.unwrap();
    let replayed = house.triggers.replay(fired.enforcements[0], None, false).await.unwrap();
    assert_eq!(replayed.executions.len(), 1);
    let again = house.triggers.re_emit(&fired).await.unwrap();
    assert_eq!(again.executions.len(), 1, "it fires once more");
    assert_eq!(house.given().await.last().unwrap(), "a 2");
}

#[tokio::test]
async fn what_an_event_did_and_what_is_held_is_told() {
    let house = House::new().await;
    house.start_correlations().await;
    house.rule(&rule("r", "accumulate", ", count: 2", &[])).await;
    let standing = async || house.triggers.standing("house.r", true).await.unwrap();
    assert!(standing().await.verdict.ends_with("it holds no events"), "{}", standing().await.verdict);
    let accepted = house.post("first", json!({"host": "a"})).await.unwrap();
    let told = &house.explain(&accepted).await[0];
    assert!(told.verdict.starts_with("counts for its correlation with the key `a`"), "{}", told.verdict);
    assert!(told.came_of_it.contains("petrel rule why house.r"), "{}", told.came_of_it);
    let verdict = standing().await.verdict;
    assert!(verdict.contains("has not fired: 1 of 1 event"), "{verdict}");
    assert!(
        verdict.contains("it holds events of 1 key: `a` with 1 event of 2 until 2025-11-20T12:00:10"),
        "{verdict}"
    );
    house.of_host("first", "a").await;
    let told = standing().await;
    assert!(told.verdict.starts_with("fired last at ") && told.verdict.ends_with("it holds no events"));
    assert!(told.came_of_it.unwrap().ends_with("is requested"));
    let fired = house.events().await.into_iter().find(|event| event.trigger.as_str() == CORRELATION).unwrap();
    let told = house.triggers.explain(&fired, true).await.unwrap();
    assert_eq!((told.len(), told[0].rule.as_str(), told[0].matched), (1, "house.r", true));
    assert!(told[0].came_of_it.ends_with("is requested"), "{}", told[0].came_of_it);
}

#[tokio::test]
async fn a_trial_says_what_one_event_does() {
    let house = House::new().await;
    for (kind, further, events, says, given) in [
        ("once_within", "", &[][..], "fires at the first one", Some("a 1")),
        ("none_within", "", &["second"], "none of the others", Some("a 1")),
        ("all_within", "", &["second"], "all of its events", None),
        ("accumulate", ", count: 7", &[], "when 7 have come", None),
    ] {
        let name = kind.replace('_', "");
        house.rule(&rule(&name, kind, further, events)).await;
        let compiled = house.triggers.compiled_rule(&format!("house.{name}")).unwrap();
        let event = TriedEvent::Payload(Arc::new(json!({"body": {"host": "a"}})));
        let trial = house.triggers.try_rule(compiled, event, true).await.unwrap();
        assert!(trial.matched && trial.failure_reason.is_none(), "{trial:?}");
        assert!(trial.notes.iter().any(|note| note.contains(says) && note.contains("`a`")), "{trial:?}");
        let value = trial.parameters.map(|given| given["value"].clone());
        assert_eq!(value, given.map(|given| json!(given)), "{kind}");
    }
    assert!(house.held().await.is_empty());
}

#[tokio::test]
async fn a_bad_correlation_is_refused_by_its_key() {
    let house = House::new().await;
    for (text, says) in [
        (rule("r", "sometimes", "", &[]), "type.parameters.kind"),
        (rule("r", "accumulate", "", &[]), "type.parameters.count"),
        (rule("r", "all_within", "", &[]), "type.parameters.events"),
        (rule("r", "once_within", "", &[]).replace("10s", "10w"), "type.parameters.within"),
        (rule("r", "once_within", "", &[]).replace("}}'}", "'}"), "type.parameters.by"),
        (
            rule("r", "all_within", "", &["second"])
                .replace("{type: core.st2.webhook, parameters: {url: /second/}}", "{type: core.none}"),
            "core.none",
        ),
    ] {
        let (_, message) = refused(house.catalog.create_rule(&text, "ada").await);
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn what_was_there_at_a_restore_waits_as_long_as_executions_are_held() {
    let house = House::new().await;
    house.rule(&rule("r", "none_within", "", &["second"])).await;
    house.of_host("first", "old").await;
    let house = house.next_process().await;
    house.store.hold(1);
    house.clock.turn(Duration::from_secs(1));
    house.start_correlations().await;
    house.clock.turn(Duration::from_secs(1));
    house.of_host("first", "new").await;
    house.pass(20).await;
    assert_eq!(house.given().await, ["new 1"]);
    house.store.hold(0);
    house.pass(60).await;
    assert_eq!(house.given().await, ["new 1", "old 1"]);
    assert!(house.held().await.is_empty());
}

#[tokio::test]
async fn a_firing_that_is_emitted_or_replayed_again_runs_the_action_of_its_rule_again() {
    let house = House::new().await;
    house.rule(&rule("r", "accumulate", ", count: 2", &[])).await;
    house.of_host("first", "a").await;
    assert_eq!(house.of_host("first", "a").await, 1);
    let fired = house.events().await.into_iter().find(|event| event.trigger.as_str() == CORRELATION).unwrap();
    assert_eq!(house.triggers.re_emit(&fired).await.unwrap().executions.len(), 1);
    assert_eq!(house.given().await, ["a 2", "a 2"]);
    // Not what somebody makes up.
    let emission = petrel_triggers::Emission {
        trigger: CORRELATION.into(),
        payload: json!({"rule": "house.r", "key": "a", "count": 2}).as_object().unwrap().clone(),
        ..petrel_triggers::Emission::default()
    };
    assert!(house.triggers.send(emission).await.unwrap().executions.is_empty());
    house.catalog.set_rule_enabled("house.r", false).await.unwrap();
    assert!(house.triggers.re_emit(&fired).await.unwrap().executions.is_empty());
}

#[tokio::test]
async fn a_firing_is_replayed_with_a_payload_that_fits_only() {
    let house = House::new().await;
    let failing = rule("r", "accumulate", ", count: 2", &[]).replace("house.act", "house.gone");
    house.rule(&failing).await;
    house.of_host("first", "a").await;
    house.of_host("first", "a").await;
    let fired = house.events().await.into_iter().find(|event| event.trigger.as_str() == CORRELATION).unwrap();
    let letter = fired.enforcements[0];
    let odd = json!({"rule": "house.r", "key": "a", "count": "two"});
    let (code, says) = refused(house.triggers.replay(letter, Some(odd), false).await);
    assert!(code == "invalid" && says.contains("count"), "{says}");
    let mended = rule("r", "accumulate", ", count: 2", &[]);
    house.catalog.update_rule("house.r", &mended, Giver::SeesSecrets).await.unwrap();
    let fits = json!({"rule": "house.r", "key": "b", "count": 7});
    assert_eq!(house.triggers.replay(letter, Some(fits), false).await.unwrap().executions.len(), 1);
    assert_eq!(house.given().await, ["b 7"]);
}

//! Timers in the catalog: rules share them by their parameters, and a rule whose parameters are no timer is refused.

use petrel_catalog::Giver;

use crate::{House, refused};

/// The text of an enabled rule that listens to a timer of this type.
fn rule(name: &str, kind: &str, parameters: &str) -> String {
    format!(
        "name: {name}\npack: mine\nenabled: true\ntrigger: {{type: core.st2.{kind}, parameters: {parameters}}}\naction: {{ref: core.noop}}\n"
    )
}

impl House {
    /// The parameters of all timers, sorted.
    fn timers(&self) -> Vec<String> {
        let content = self.catalog.content();
        let mut timers: Vec<_> = content
            .timers()
            .map(|(_, timer)| serde_json::Value::Object(timer.parameters.clone()).to_string())
            .collect();
        timers.sort();
        timers
    }
}

#[tokio::test]
async fn a_timer_is_there_for_as_long_as_an_enabled_rule_listens_to_it() {
    let house = House::new().await;
    let (one, two) = (r#"{"delta":1,"unit":"hours"}"#, r#"{"unit":"hours","delta":2}"#);
    house.catalog.create_rule(&rule("a", "IntervalTimer", "{delta: 1, unit: hours}"), "ada").await.unwrap();
    // The order of keys does not matter, and what is null is not given.
    let same = "{unit: hours, delta: 1, timezone: null}";
    house.catalog.create_rule(&rule("b", "IntervalTimer", same), "ada").await.unwrap();
    house.catalog.create_rule(&rule("c", "IntervalTimer", "{unit: hours, delta: 2}"), "ada").await.unwrap();
    house.catalog.create_rule(&crate::rules::rule("d", "one"), "ada").await.unwrap();
    assert_eq!(house.timers(), [one, two]);
    house.catalog.set_rule_enabled("mine.a", false).await.unwrap();
    assert_eq!(house.timers(), [one, two]);
    house.catalog.set_rule_enabled("mine.b", false).await.unwrap();
    assert_eq!(house.timers(), [two]);
    house.catalog.set_rule_enabled("mine.a", true).await.unwrap();
    house.catalog.delete_rule("mine.c").await.unwrap();
    assert_eq!(house.timers(), [one]);
    assert_eq!(house.next_process().await.timers(), [one]);
}

#[tokio::test]
async fn parameters_that_are_no_timer_are_refused_wherever_a_rule_comes_from() {
    let house = House::new().await;
    for (kind, parameters, says) in [
        ("IntervalTimer", "{delta: 5}", "the parameter unit is missing; give weeks"),
        ("IntervalTimer", "{unit: hours, delta: 0}", "a whole number from 1"),
        ("DateTimer", "{date: soon}", "it must be a date"),
        ("CronTimer", "{hour: 25}", "its values are 0 to 23"),
        ("CronTimer", "{hours: 2}", "there is no parameter `hours`"),
        ("CronTimer", "{timezone: Nope/Zone}", "the name of a zone"),
    ] {
        let text = rule("r", kind, parameters);
        let named = format!("the parameters of trigger core.st2.{kind} do not fit: ");
        let (code, message) = refused(house.catalog.create_rule(&text, "ada").await);
        assert!(code == "invalid" && message.contains(&named) && message.contains(says), "{says}: {message}");

        house.catalog.create_rule(&crate::rules::rule("r", "one"), "ada").await.unwrap();
        let updated = house.catalog.update_rule("mine.r", &text, Giver::SeesSecrets).await;
        assert!(refused(updated).1.contains(says), "{says}");
        house.catalog.delete_rule("mine.r").await.unwrap();

        house.register("mine", &[("rules/r.yaml", &text)]).await.unwrap();
        let (_, message) = refused(house.catalog.content().rule("mine.r").map(drop));
        assert!(message.contains("its file is refused") && message.contains(says), "{says}: {message}");
        house.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await.unwrap();
    }
    assert!(house.timers().is_empty());
}

#[tokio::test]
async fn a_rule_is_warned_of_a_timer_that_is_never_due() {
    let house = House::new().await;
    for (name, kind, parameters, is_never) in [
        ("a", "DateTimer", "{date: '2001-01-01T00:00:00Z'}", true),
        ("b", "DateTimer", "{date: '2901-01-01T00:00:00Z'}", false),
        ("c", "CronTimer", "{month: 2, day: 30}", true),
        ("d", "CronTimer", "{month: 2, day: 28}", false),
        ("e", "IntervalTimer", "{unit: weeks, delta: 50}", false),
    ] {
        let text = rule(name, kind, parameters);
        let made = house.catalog.create_rule(&text, "ada").await.unwrap().warnings.join("\n");
        let updated = house.catalog.update_rule(&format!("mine.{name}"), &text, Giver::SeesSecrets).await;
        let updated = updated.unwrap().warnings.join("\n");
        for warned in [made, updated] {
            assert_eq!(warned.contains("its timer is never due"), is_never, "{parameters}: {warned}");
        }
    }
}

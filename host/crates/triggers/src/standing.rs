//! The standing of a rule: why it has not fired lately. Looks for what keeps it from firing whatever comes in, and then
//! back over the latest events of its trigger, on which it is evaluated again as it is now.

use std::cmp::Reverse;
use std::slice;
use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_engine_core::Error;
use petrel_engine_core::evaluation::quick;
use petrel_executions as executions;
use petrel_model::correlation::CORRELATION;
use petrel_model::count::counted;
use petrel_model::rule::{EnforcementStatus, RuleKind};
use petrel_model::trigger::not_made;
use petrel_model::{Enforcement, Ref, Rule, RuleId, Timestamp, TriggerInstance};
use petrel_persistence as persistence;
use petrel_rules::timers::{Timer, UTC};
use petrel_rules::{CompiledRule, evaluate};

use crate::incoming::SMALL;
use crate::maintenance;
use crate::service::Triggers;

/// The number of events that are read at once.
const PAGE: usize = 20;
/// The greatest number of such pages.
const MOST_PAGES: usize = 50;
/// The greatest number of events on which the rule is evaluated.
const MOST_EVENTS: usize = 100;
/// The greatest number of enforcements among which the last one of the rule is looked for.
const MOST_ENFORCEMENTS: usize = 500;

/// The standing of a rule.
#[derive(Debug)]
pub struct Standing {
    /// The rule.
    pub rule: Ref,
    /// Why it does or does not fire, in one line.
    pub verdict: String,
    /// Everything that keeps it from firing whatever comes in, each with its remedy.
    pub obstacles: Vec<String>,
    /// The trigger that it listens to.
    pub trigger: Ref,
    /// The number of events of the trigger's type that were looked through, newest first.
    pub looked_at: usize,
    /// The time of the oldest of them.
    pub since: Option<Timestamp>,
    /// Whether there are older ones, or may be, among many of other types.
    is_cut: bool,
    /// The number of events of the trigger among them.
    pub events: usize,
    /// The number of these that match the rule as it is now.
    pub matched: usize,
    /// The number of these on which the rule was not evaluated, as they are too large or take too long.
    pub not_evaluated: usize,
    /// The time of the newest event of the trigger.
    pub last_event_at: Option<Timestamp>,
    /// The criteria at which evaluation ended, the most frequent first.
    pub failed: Vec<FailedCriterion>,
    /// The last enforcement of the rule among these events.
    pub last_enforcement: Option<Enforcement>,
    /// What came of that, in one line.
    pub came_of_it: Option<String>,
}

/// A criterion that did not hold, or could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCriterion {
    /// Its key in the rule. Empty if the payload was.
    pub path: String,
    /// Its operator.
    pub operator: String,
    /// The number of events on which it was the first without success.
    pub count: usize,
    /// The comparison on the newest of these events.
    pub text: String,
}

/// The outcome of a rule on one event of the past.
enum Judged {
    Matches,
    Fails(FailedCriterion),
}

impl Triggers {
    /// The standing of the rule `name` (a reference or an id). With `hides_secrets` no value is quoted that the trigger
    /// type or the action declares secret.
    ///
    /// # Errors
    /// When there is no such rule, or the store fails.
    pub async fn standing(&self, name: &str, hides_secrets: bool) -> Result<Standing, Error> {
        let compiled = self.compiled_rule(name)?;
        let rule = compiled.rule();
        let now = self.core().now();
        let mut obstacles = obstacles(rule, &self.content(), now);
        obstacles.extend(self.queue().paused_by_breaker(rule, now));
        let mut standing = Standing::new(&compiled, obstacles);
        self.look_back(&compiled, hides_secrets, &mut standing).await?;
        if rule.correlation().is_some() {
            let fired = self.last_firing(rule.id).await?;
            let last = standing.last_enforcement.take().into_iter().chain(fired);
            standing.last_enforcement = last.max_by_key(|last| last.enforced_at);
        }
        if let Some(last) = &standing.last_enforcement {
            let came_of_it = match (last.execution_id, last.status) {
                (Some(id), EnforcementStatus::Succeeded) => self.how_it_stands(id, hides_secrets).await?,
                _ => reason(last).to_owned(),
            };
            standing.came_of_it = Some(match &last.note {
                Some(note) => format!("{came_of_it}; {note}"),
                None => came_of_it,
            });
        }
        standing.verdict = standing.told(rule);
        let held = self.told_of_held(rule).await?;
        standing.verdict.extend(held.map(|held| format!("; {held}")));
        Ok(standing)
    }

    /// Evaluates the rule on the latest events of its trigger.
    async fn look_back(
        &self,
        compiled: &Arc<CompiledRule>,
        hides_secrets: bool,
        standing: &mut Standing,
    ) -> Result<(), Error> {
        let rule = compiled.rule();
        let (mut before, mut left) = (None, MOST_ENFORCEMENTS);
        for _ in 0..MOST_PAGES {
            let page = self.store().trigger_instances(Some(&rule.trigger.kind), before, PAGE).await?;
            for instance in &page.items {
                standing.looked_at += 1;
                standing.since = Some(instance.occurrence_time);
                if instance.trigger != *compiled.trigger() {
                    continue;
                }
                standing.count(instance.occurrence_time, self.judge(compiled, instance, hides_secrets));
                if standing.last_enforcement.is_none() {
                    standing.last_enforcement = self.enforcement_of(rule.id, instance, &mut left).await?;
                }
                if standing.events == MOST_EVENTS {
                    return Ok(());
                }
                // Each takes a few milliseconds at most, and others wait for this worker.
                tokio::task::yield_now().await;
            }
            before = page.next;
            if before.is_none() {
                return Ok(());
            }
        }
        standing.is_cut = true;
        Ok(())
    }

    /// The last enforcement of a correlation on the events as which correlations fire.
    async fn last_firing(&self, rule: RuleId) -> Result<Option<Enforcement>, Error> {
        let kind: Option<Ref> = CORRELATION.parse().ok();
        let (mut before, mut left) = (None, MOST_ENFORCEMENTS);
        for _ in 0..MOST_PAGES {
            let page = self.store().trigger_instances(kind.as_ref(), before, PAGE).await?;
            for instance in &page.items {
                let found = self.enforcement_of(rule, instance, &mut left).await?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// The outcome of a rule on an event, if that is quickly found.
    fn judge(
        &self,
        compiled: &Arc<CompiledRule>,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Option<Judged> {
        if instance.payload.text().len() > SMALL {
            return None;
        }
        quick(|| {
            let (values, _claim) = self.stored_values(&instance.trigger, &instance.payload).ok()?;
            let secrets =
                if hides_secrets { self.content().payload_secrets(&instance.trigger_type) } else { None };
            let (values, rules) = (Arc::new(values), slice::from_ref(compiled));
            let occurrence = self.occurrence(&values, instance.occurrence_time, rules);
            let verdict = evaluate(compiled, &occurrence).without_secrets(compiled, secrets.as_deref());
            if verdict.matched {
                return Some(Judged::Matches);
            }
            let first = verdict.first_without_success();
            Some(Judged::Fails(FailedCriterion {
                path: first.map_or_else(String::new, |first| first.path.to_owned()),
                operator: first.map_or_else(String::new, |first| first.operator.to_owned()),
                count: 1,
                text: verdict.to_string(),
            }))
        })
        .flatten()
    }

    /// The enforcement of a rule on an event. Takes what it reads from `left`, and reads no more than that.
    async fn enforcement_of(
        &self,
        rule: RuleId,
        instance: &TriggerInstance,
        left: &mut usize,
    ) -> Result<Option<Enforcement>, Error> {
        for id in &instance.enforcements {
            let Some(less) = left.checked_sub(1) else { return Ok(None) };
            *left = less;
            match self.store().enforcement(*id).await {
                Ok(Some(found)) if found.rule_id == rule => return Ok(Some(found)),
                Ok(_) | Err(persistence::Error::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

impl Standing {
    fn new(compiled: &CompiledRule, obstacles: Vec<String>) -> Self {
        Self {
            rule: compiled.rule().reference.clone(),
            verdict: String::new(),
            obstacles,
            trigger: compiled.trigger().clone(),
            looked_at: 0,
            since: None,
            is_cut: false,
            events: 0,
            matched: 0,
            not_evaluated: 0,
            last_event_at: None,
            failed: Vec::new(),
            last_enforcement: None,
            came_of_it: None,
        }
    }

    /// Counts an event of the trigger.
    fn count(&mut self, at: Timestamp, judged: Option<Judged>) {
        self.events += 1;
        self.last_event_at.get_or_insert(at);
        match judged {
            None => self.not_evaluated += 1,
            Some(Judged::Matches) => self.matched += 1,
            Some(Judged::Fails(failed)) => {
                let is_same = |known: &&mut FailedCriterion| {
                    (&known.path, &known.operator) == (&failed.path, &failed.operator)
                };
                match self.failed.iter_mut().find(is_same) {
                    Some(known) => known.count += 1,
                    None => self.failed.push(failed),
                }
                // Stable, so that of two with the same number the one of the newer event comes first.
                self.failed.sort_by_key(|one| Reverse(one.count));
            }
        }
    }

    /// The verdict in one line.
    fn told(&self, rule: &Rule) -> String {
        if let Some(first) = self.obstacles.first() {
            return format!("does not fire: {first}");
        }
        if self.events == 0 {
            let among = match self.looked_at {
                0 if self.is_cut => "none of its type is among the latest of all".to_owned(),
                0 => "none of its type has".to_owned(),
                count => format!("the last {} of its type are of other triggers", counted(count, "event")),
            };
            return format!("does not fire: no event of its trigger has come in; {among}");
        }
        let events = counted(self.events, "event");
        match &self.last_enforcement {
            Some(last) if last.status == EnforcementStatus::Failed && last.execution_id.is_none() => {
                format!("failed last at {}, and ran nothing: {}", last.enforced_at, reason(last))
            }
            Some(last) if last.status == EnforcementStatus::Failed => {
                format!("fired last at {}, and failed: {}", last.enforced_at, reason(last))
            }
            Some(last) => format!("fired last at {}", last.enforced_at),
            None if self.matched > 0 && rule.kind == RuleKind::Backstop => format!(
                "does not fire: it is a backstop, and when its criteria held ({} of {events}) another rule matched",
                self.matched
            ),
            None if self.matched > 0 && rule.correlation().is_some() => format!(
                "has not fired: {} of {events} of its own trigger count for its correlation",
                self.matched
            ),
            None if self.matched > 0 => format!(
                "matches {} of {events} as it is now, and did not fire on them: it was made, enabled or changed since",
                self.matched
            ),
            None => match self.failed.first() {
                Some(most) => format!(
                    "does not fire: it matches none of {events}; most often ({} of them): {}",
                    most.count, most.text
                ),
                None => format!("cannot be evaluated here on any of {events}: they are too large"),
            },
        }
    }
}

/// The reason of a failed enforcement.
fn reason(enforcement: &Enforcement) -> &str {
    enforcement.failure_reason.as_deref().unwrap_or("the reason was not kept")
}

/// What keeps a rule from firing whatever comes in, each with its remedy.
fn obstacles(rule: &Rule, content: &Content, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    if !rule.enabled {
        found.push(format!("it is disabled; `petrel rule enable {}` enables it", rule.reference));
    }
    for trigger in rule.triggers() {
        if let Err(error) = content.trigger_type(&trigger.kind) {
            found.push(format!("{error}; {}", error.hint()));
        }
        found.extend(not_made(trigger.kind.as_str()));
    }
    if let Ok(timer) = Timer::new(rule.trigger.kind.as_str(), &rule.trigger.parameters, &UTC)
        && timer.next(now, now).is_none()
    {
        found.push(
            "its timer is never due again, as no such time is to come; correct trigger.parameters".to_owned(),
        );
    }
    found.extend(content.window_of(rule, now).map(|window| maintenance::lasting(window)));
    if let Err(error) = executions::runnable(content, &rule.action.reference) {
        found.push(format!("{error}; {}", error.hint()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(path: &str, text: &str) -> Judged {
        let (path, operator, text) = (path.to_owned(), "equals".to_owned(), text.to_owned());
        Judged::Fails(FailedCriterion { path, operator, count: 1, text })
    }

    #[test]
    fn criteria_are_counted_and_the_newest_comparison_is_told() {
        let rule: Rule = serde_json::from_value(serde_json::json!({
            "id": "000000000000000000000001", "ref": "p.r", "enabled": true, "trigger": {"type": "p.t"},
            "action": {"ref": "core.noop"},
        }))
        .unwrap();
        let compiled = CompiledRule::new(Arc::new(rule.clone()));
        let mut standing = Standing::new(&compiled, Vec::new());
        assert!(standing.told(&rule).contains("no event of its trigger has come in; none of its type has"));
        standing.is_cut = true;
        assert!(standing.told(&rule).contains("none of its type is among the latest"), "others came since");
        let at = Timestamp::from_micros;
        for (time, judged) in [
            (9, Some(failed("a", "newest a"))),
            (8, Some(failed("b", "newest b"))),
            (7, Some(failed("b", "older b"))),
            (6, None),
        ] {
            standing.looked_at += 1;
            standing.count(at(time), judged);
        }
        assert_eq!((standing.events, standing.matched, standing.not_evaluated), (4, 0, 1));
        assert_eq!(standing.last_event_at, Some(at(9)));
        let counts: Vec<_> = standing.failed.iter().map(|one| (one.path.as_str(), one.count)).collect();
        assert_eq!(counts, [("b", 2), ("a", 1)]);
        let told = standing.told(&rule);
        assert!(told.contains("none of 4 events; most often (2 of them): newest b"), "{told}");
        standing.count(at(5), Some(Judged::Matches));
        assert!(
            standing.told(&rule).contains("matches 1 of 5 events as it is now"),
            "{}",
            standing.told(&rule)
        );
        standing.obstacles.push("it is disabled".into());
        assert_eq!(standing.told(&rule), "does not fire: it is disabled");
    }
}

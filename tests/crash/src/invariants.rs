//! What must hold whatever happened: nothing that was acknowledged is lost, nothing ran twice, nothing
//! is left running, nothing ran that was not first stored. Pure: what was observed in, violations out.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::Status;

/// An event that was acknowledged to its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The event.
    pub trigger_instance: String,
    /// What it led to, as the sender was told.
    pub executions: Vec<String>,
}

/// An execution as it is stored in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands.
    pub status: Status,
    /// Whether it leaves an effect, and may therefore start once only.
    pub has_effect: bool,
    /// Every status it has had.
    pub log: Vec<Status>,
}

/// What was seen from outside, once everything has come to rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// What senders were told.
    pub acknowledged: Vec<Acknowledged>,
    /// The events that are stored.
    pub trigger_instances: BTreeSet<String>,
    /// The executions that are stored.
    pub executions: BTreeMap<String, Stored>,
    /// The effects in the world outside, in order: the execution that each came from.
    pub effects: Vec<String>,
}

/// An execution, and the workflow that it is inside of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Which.
    pub id: String,
    /// The workflow that has asked for it.
    pub parent: Option<String>,
    /// Where it stands.
    pub status: Status,
}

/// What is open inside a workflow that has ended, at any depth. There is none at any moment, before a crash or
/// after it.
pub fn open_inside_ended(executions: &[Inside]) -> Vec<String> {
    let by_id: BTreeMap<_, _> = executions.iter().map(|one| (one.id.as_str(), one)).collect();
    let open = executions.iter().filter(|one| !one.status.is_final());
    let ended = |one: &&Inside| {
        let above = std::iter::successors(Some(*one), |one| by_id.get(one.parent.as_deref()?).copied());
        above.skip(1).find(|above| above.status.is_final()).map(|above| (above.id.clone(), above.status))
    };
    open.filter_map(|one| {
        let (above, status) = ended(&one)?;
        Some(format!("execution {} is {} inside the workflow {above}, which is {status}", one.id, one.status))
    })
    .collect()
}

/// Everything that does not hold; empty when all is well.
pub fn violations(observed: &Observed) -> Vec<String> {
    let mut violations = Vec::new();
    lost(observed, &mut violations);
    left_behind(observed, &mut violations);
    effects(observed, &mut violations);
    violations
}

/// What was acknowledged is there.
fn lost(observed: &Observed, violations: &mut Vec<String>) {
    for acknowledged in &observed.acknowledged {
        if !observed.trigger_instances.contains(&acknowledged.trigger_instance) {
            violations.push(format!("event {} was acknowledged and is lost", acknowledged.trigger_instance));
        }
        for id in &acknowledged.executions {
            if !observed.executions.contains_key(id) {
                violations.push(format!("execution {id} was acknowledged and is lost"));
            }
        }
    }
}

/// Everything has ended, and nothing moved on after it had.
fn left_behind(observed: &Observed, violations: &mut Vec<String>) {
    for (id, stored) in &observed.executions {
        if !stored.status.is_final() {
            violations.push(format!("execution {id} is left {}", stored.status));
        }
        if stored.log.iter().rev().skip(1).any(|status| status.is_final()) {
            violations.push(format!("execution {id} moved on after it had ended: {:?}", stored.log));
        }
        let starts = stored.log.iter().filter(|status| **status == Status::Running).count();
        if stored.has_effect && starts > 1 {
            violations.push(format!("execution {id} was started {starts} times"));
        }
    }
}

/// An effect happened once, was stored as begun before it happened, and is there if the execution says
/// that it succeeded.
fn effects(observed: &Observed, violations: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for id in &observed.effects {
        if !seen.insert(id) {
            let log = observed.executions.get(id).map(|stored| &stored.log);
            violations.push(format!("execution {id} had its effect twice: {log:?}"));
        }
        match observed.executions.get(id) {
            None => violations.push(format!("execution {id} had an effect and is not stored")),
            Some(stored) if !stored.log.contains(&Status::Running) => {
                violations.push(format!("execution {id} had an effect before its start was stored"));
            }
            Some(_) => {}
        }
    }
    for (id, stored) in &observed.executions {
        if stored.has_effect && stored.status == Status::Succeeded && !seen.contains(id) {
            violations.push(format!("execution {id} says that it succeeded and had no effect"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Observed);

    fn fine() -> Observed {
        let stored = |status, log: &[Status]| Stored { status, has_effect: true, log: log.to_vec() };
        Observed {
            acknowledged: vec![Acknowledged { trigger_instance: "t".into(), executions: vec!["a".into()] }],
            trigger_instances: BTreeSet::from(["t".into()]),
            executions: BTreeMap::from([
                (
                    "a".into(),
                    stored(Status::Succeeded, &[Status::Requested, Status::Running, Status::Succeeded]),
                ),
                (
                    "b".into(),
                    stored(Status::Abandoned, &[Status::Requested, Status::Running, Status::Abandoned]),
                ),
            ]),
            effects: vec!["a".into()],
        }
    }

    #[test]
    fn what_is_open_inside_an_ended_workflow_is_noticed_at_any_depth() {
        use Status::{Canceled, Canceling, Paused, Requested, Running, Succeeded};

        let tree = |top, inner, leaf| {
            let inside = |id: &str, parent: Option<&str>, status| Inside {
                id: id.into(),
                parent: parent.map(str::to_owned),
                status,
            };
            [
                inside("top", None, top),
                inside("inner", Some("top"), inner),
                inside("leaf", Some("inner"), leaf),
            ]
        };
        let cases = [
            (tree(Running, Running, Requested), 0),
            (tree(Canceling, Canceled, Succeeded), 0),
            (tree(Canceled, Canceled, Requested), 1),
            (tree(Canceled, Paused, Succeeded), 1),
            (tree(Succeeded, Running, Running), 2),
        ];
        for (tree, violations) in cases {
            assert_eq!(open_inside_ended(&tree).len(), violations, "{tree:?}");
        }
    }

    /// Every invariant can be violated, and says so.
    #[test]
    fn each_violation_is_noticed() {
        assert_eq!(violations(&fine()), Vec::<String>::new());
        let spoil: [(&str, Spoil); 8] = [
            ("event t was acknowledged and is lost", |o| o.trigger_instances.clear()),
            ("execution x was acknowledged and is lost", |o| o.acknowledged[0].executions.push("x".into())),
            ("execution b is left running", |o| o.executions.get_mut("b").unwrap().status = Status::Running),
            ("execution a moved on after it had ended", |o| {
                o.executions.get_mut("a").unwrap().log.insert(1, Status::Failed);
            }),
            ("execution b was started 2 times", |o| {
                o.executions.get_mut("b").unwrap().log.insert(1, Status::Running);
            }),
            ("execution a had its effect twice", |o| o.effects.push("a".into())),
            ("execution x had an effect and is not stored", |o| o.effects.push("x".into())),
            ("execution a says that it succeeded and had no effect", |o| o.effects.clear()),
        ];
        for (message, spoil) in spoil {
            let mut observed = fine();
            spoil(&mut observed);
            let found = violations(&observed);
            assert!(found.len() == 1 && found[0].starts_with(message), "{message}: {found:?}");
        }
    }
}

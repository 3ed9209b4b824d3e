//! Inspection gives the same result as following every path one by one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

/// The variables that random transitions set and random tasks read.
const VARIABLES: [&str; 5] = ["u", "v", "w", "x", "y"];

type Variables = BTreeSet<&'static str>;

/// A task, as the naive walks see it.
#[derive(Debug, Clone, Default)]
struct Plain {
    is_join: bool,
    /// Targets of its transitions, with the variables that they set.
    next: Vec<(String, Variables)>,
}

type Graph = BTreeMap<String, Plain>;

/// Random graphs: most edges lead forward, a few back, to commands and to missing tasks.
fn graphs() -> impl Strategy<Value = Graph> {
    let edge = (0..9_usize, 0..12_usize, prop::sample::subsequence(&VARIABLES[..], 0..3));
    (2..10_usize, prop::collection::vec(edge, 1..24), prop::collection::vec(prop::bool::weighted(0.3), 9))
        .prop_map(|(count, edges, joins)| {
            let name = |number: usize| match number {
                9 => "continue".to_owned(),
                10 => "fail".to_owned(),
                11 => "nowhere".to_owned(),
                number => format!("t{}", number % count),
            };
            let tasks = (0..count)
                .zip(joins)
                .map(|(number, is_join)| (name(number), Plain { is_join, next: Vec::new() }));
            let mut graph: Graph = tasks.collect();
            for (from, to, set) in edges {
                if let Some(task) = graph.get_mut(&name(from)) {
                    task.next.push((name(to), set.into_iter().collect()));
                }
            }
            graph
        })
}

fn starts(graph: &Graph) -> Vec<&str> {
    let led_to: BTreeSet<&String> =
        graph.values().flat_map(|task| &task.next).map(|(target, _)| target).collect();
    graph.keys().filter(|name| !led_to.contains(name)).map(String::as_str).collect()
}

fn definition(graph: &Graph) -> Value {
    let reads = VARIABLES.map(|name| format!("<% ctx().{name} %>")).join(" ");
    let task = |task: &Plain| {
        let transition = |(target, set): &(String, Variables)| {
            let mut transition = json!({"do": target});
            if !set.is_empty() {
                transition["publish"] = set.iter().map(|name| json!({(*name): 1})).collect();
            }
            transition
        };
        let next: Vec<_> = task.next.iter().map(transition).collect();
        let mut value = json!({"action": "core.noop", "input": {"text": reads}, "next": next});
        if task.is_join {
            value["join"] = json!("all");
        }
        value
    };
    let tasks: Map<String, Value> = graph.iter().map(|(name, plain)| (name.clone(), task(plain))).collect();
    json!({"version": 1.0, "tasks": tasks, "output": [{"text": reads}]})
}

/// The variables that a task reads on some path before they are set, by task, as Orquesta walks. The output has an
/// empty name. `None` if there are too many paths.
fn naively_unset(graph: &Graph) -> Option<BTreeSet<(String, &'static str)>> {
    let mut queue: VecDeque<(&str, Option<Variables>)> =
        starts(graph).into_iter().map(|start| (start, Some(Variables::new()))).collect();
    let mut joined: BTreeMap<&str, Variables> = BTreeMap::new();
    let mut traversed: BTreeSet<&str> = BTreeSet::new();
    let (mut unset, mut all, mut steps) = (BTreeSet::new(), Variables::new(), 0);
    while let Some((name, known)) = queue.pop_front() {
        steps += 1;
        if steps > 20_000 {
            return None;
        }
        traversed.insert(name);
        let known = known.unwrap_or_else(|| joined.get(name).cloned().unwrap_or_default());
        all.extend(&known);
        let Some(task) = graph.get(name) else { continue };
        unset.extend(
            VARIABLES.into_iter().filter(|one| !known.contains(one)).map(|one| (name.to_owned(), one)),
        );
        for (target, set) in &task.next {
            if traversed.contains(target.as_str()) || target == "nowhere" {
                continue;
            }
            let known: Variables = known.union(set).copied().collect();
            if graph.get(target).is_some_and(|target| target.is_join) {
                joined.entry(target).or_default().extend(known);
                queue.push_back((target, None));
            } else {
                queue.push_back((target, Some(known)));
            }
        }
    }
    unset.extend(VARIABLES.into_iter().filter(|one| !all.contains(one)).map(|one| (String::new(), one)));
    Some(unset)
}

/// The joins that cannot be reached, as Orquesta walks. `None` if there are too many paths.
fn naively_ambiguous(graph: &Graph) -> Option<BTreeSet<String>> {
    let next = |name: &str| {
        let mut next: Vec<&str> = graph
            .get(name)
            .into_iter()
            .flat_map(|task| &task.next)
            .map(|(target, _)| target.as_str())
            .collect();
        next.sort_unstable();
        next
    };
    let is_on_cycle = |name: &str| {
        let (mut seen, mut queue) = (BTreeSet::new(), next(name));
        while let Some(other) = queue.pop() {
            if seen.insert(other) {
                queue.extend(next(other));
            }
        }
        seen.contains(name)
    };
    let led_to =
        |name: &str| graph.keys().flat_map(|from| next(from)).filter(|target| *target == name).count();
    let is_join = |name: &str| graph.get(name).is_some_and(|task| task.is_join);
    let mut reached: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    let mut queue: VecDeque<(Option<&str>, &str, BTreeSet<&str>)> =
        starts(graph).into_iter().map(|start| (None, start, BTreeSet::new())).collect();
    let mut steps = 0;
    while let Some((before, name, mut splits)) = queue.pop_front() {
        steps += 1;
        if steps > 5_000 {
            return None;
        }
        if !graph.contains_key(name) {
            continue;
        }
        if !is_join(name) && led_to(name) > 1 && !is_on_cycle(name) {
            splits.insert(name);
        }
        let task = reached.entry(name).or_default();
        task.0.extend(&splits);
        task.1.extend(before);
        for target in next(name) {
            if !(reached.contains_key(target) && is_on_cycle(target)) {
                queue.push_back((Some(name), target, splits.clone()));
            }
        }
    }
    let differs = |name: &str, before: &&str| {
        reached.get(before).map(|task| &task.0) != reached.get(name).map(|task| &task.0)
    };
    let joins = reached.iter().filter(|(name, _)| is_join(name));
    let ambiguous = joins.filter(|(name, (_, before))| before.iter().any(|before| differs(name, before)));
    Some(ambiguous.map(|(name, _)| (*name).to_owned()).collect())
}

/// The task that a finding is about. Empty if it is about none.
fn task_of(finding: &Finding) -> String {
    let path = finding.spec_path.as_deref().unwrap_or_default();
    path.strip_prefix("tasks.").and_then(|rest| rest.split('.').next()).unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_following_every_way_finds(graph in graphs()) {
        let findings = inspect(&definition(&graph), &[]);
        if let Some(expected) = naively_unset(&graph) {
            let unset = findings.iter().filter(|finding| finding.kind == Kind::Context);
            let unset: BTreeSet<_> = unset
                .map(|finding| {
                    let name = VARIABLES.into_iter().find(|name| finding.message.contains(&format!("\"{name}\"")));
                    (task_of(finding), name.unwrap_or_default())
                })
                .collect();
            prop_assert_eq!(unset, expected);
        }
        if let Some(expected) = naively_ambiguous(&graph) {
            let joins = findings.iter().filter(|finding| finding.message.contains("is unreachable"));
            prop_assert_eq!(joins.map(task_of).collect::<BTreeSet<_>>(), expected);
        }
    }
}

#[test]
fn a_name_that_is_too_long_is_not_repeated() {
    let name = "x".repeat(500_000);
    let next: Vec<Value> =
        (0..5_000).map(|number| json!({"do": "noop", "when": format!("<% {number} + %>")})).collect();
    let tasks = Map::from_iter([(name, json!({"action": "core.noop", "next": next}))]);
    let found = inspect(&json!({"version": 1.0, "tasks": tasks}), &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.ends_with("has 500000 bytes, and 1000 is the limit; shorten it"), "{found:?}");
}

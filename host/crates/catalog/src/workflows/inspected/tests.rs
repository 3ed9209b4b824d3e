//! What is found in texts of workflows has its place, and an end.

use petrel_workflows::inspection::contents::Known;

use super::*;

/// One action, `core.local`, that needs `cmd`.
struct Local(Parameters);

impl Actions for Local {
    fn find(&self, reference: &str) -> Known<'_> {
        if reference == "core.local" { Known::Takes(&self.0) } else { Known::Missing }
    }
}

fn local() -> Local {
    Local(json!({"cmd": {"required": true}}).as_object().cloned().unwrap())
}

#[test]
fn findings_have_their_places_and_notes_follow_errors() {
    let workflow = "version: 1.0
tasks:
  one:
    next: [{do: two, publish: path=ok}]
    action: core.local cmds=\"x\"
  two:
    action: core.nop
    input:
      x: <% lenn(1) %>
";
    let inspected = inspect(Language::Orquesta, workflow).beside(&local());
    assert!(inspected.has_errors());
    let told: Vec<_> = inspected.found().0.iter().map(ToString::to_string).collect();
    let begin = [
        "5:5: tasks.one.input: Action \"core.local\" is missing required input \"cmd\".",
        "5:5: tasks.one.input.cmds: Action \"core.local\" has unexpected input \"cmds\".",
        "7:5: tasks.two.action: The action \"core.nop\" is not registered in the database.",
        "9:7: note: tasks.two.input.x: unknown function \"lenn\"; did you mean \"len\"?",
        "4:22: note: tasks.one.next[0].publish: `path=ok` is dropped",
    ];
    assert_eq!(told.len(), begin.len(), "{told:#?}");
    for begin in begin {
        assert!(told.iter().any(|told| told.starts_with(begin)), "{begin}: {told:#?}");
    }
    assert!(told.last().is_some_and(|last| last.contains("note: ")), "{told:#?}");
}

#[test]
fn a_note_keeps_nobody_from_running_a_workflow() {
    let publishes = "version: 1.0\ntasks: {a: {action: core.noop, next: [{publish: path=ok}]}}\n";
    let chain = "chain: [{name: a, ref: core.nop, description: x}]\n";
    for (language, text, notes) in [(Language::Orquesta, publishes, 1), (Language::Chain, chain, 1)] {
        assert!(check(language, text).is_ok(), "{text}");
        let found = inspect(language, text).found();
        assert_eq!(found.0.len(), notes, "{found:?}");
        assert_eq!(found.to_errors()[0]["severity"], "note");
    }
    // What a chain calls it finds out by itself.
    let inspected = inspect(Language::Chain, chain).beside(&local());
    assert!(!inspected.has_errors() && inspected.found().0.len() == 2);
}

#[test]
fn what_may_never_be_evaluated_keeps_nobody_from_running_a_workflow() {
    for (head, task) in [
        ("input: [{x: '{{ host }}'}]", "{action: core.noop}"),
        ("vars: [{x: '<% switch(true => 1, false => task(gone)) %>'}]", "{action: core.noop}"),
        ("vars: [{x: \"{{ host if ctx('st2') else 'none' }}\"}]", "{action: core.noop}"),
        ("vars: [{x: '<% ctx(st2)'}]", "{action: core.noop, next: [{publish: 'x=<% wher(1) %>'}]}"),
        ("vars: [{x: 1}]", "{with: '<% [] %>', action: core.noop, input: {x: '{{ host }}'}}"),
    ] {
        let text = format!("version: 1.0\n{head}\ntasks:\n  a: {task}\n");
        let found = inspect(Language::Orquesta, &text).found().0;
        assert!(check(Language::Orquesta, &text).is_ok(), "{text}: {found:?}");
        assert!(!found.is_empty() && found.iter().all(|found| found.finding.is_note()), "{text}: {found:?}");
    }
    let quoted = "version: 1.0\nvars: [{x: \"<% concat('starting task(build) on ', ctx(st2).user) %>\"}]\n\
                  tasks:\n  a: {action: core.noop}\n";
    assert!(inspect(Language::Orquesta, quoted).found().0.is_empty(), "what is in quotes is no call");
}

#[test]
fn of_very_many_findings_the_errors_are_told() {
    let publish: String = (0..3_000).map(|number| format!("v{number}=x ")).collect();
    let text = format!(
        "version: 1.0\ntasks:\n  a:\n    action: core.noop\n    next: [{{publish: '{publish}', when: '<% succeded() %>'}}]\n"
    );
    let found = inspect(Language::Orquesta, &text).found().0;
    assert_eq!(found.len(), MOST_FINDINGS + 1);
    assert!(found.first().is_some_and(|first| first.finding.message.contains("succeded")));
    assert!(found.last().is_some_and(|last| last.finding.is_note()));
    assert!(check(Language::Orquesta, &text).is_err_and(|invalid| invalid.0.len() == 1));
}

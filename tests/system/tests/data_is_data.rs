//! What came out of an event, a result, the datastore or a configuration is never evaluated: 200 texts that
//! look like templates of either language go every way there is, and arrive as they were sent.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use petrel_system_tests::{Host, Place, eventually};
use serde_json::{Value, json};

/// What no text may bring to light.
const SECRET: &str = "the-value-that-nobody-may-see";

/// Expressions that would show something.
const JINJA: [&str; 6] = [
    "st2kv.system.topsecret",
    "st2kv('system.topsecret')",
    "st2kv['system']['topsecret'] ~ ''",
    "41 + 1",
    "ctx().st2.user",
    "user_name",
];
const YAQL: [&str; 4] = ["st2kv('system.topsecret')", "st2kv(system.topsecret)", "41 + 1", "ctx().st2.user"];

/// Ways to stand in a text, `X` being the expression.
const AROUND_JINJA: [&str; 22] = [
    "{{ X }}",
    "{{X}}",
    "{{- X -}}",
    "{{{ X }}}",
    "{{\tX\t}}",
    "{{\nX\n}}",
    "{{  X  }}",
    "a {{ X }} b",
    "{{ X }}{{ X }}",
    "{% if X %}yes{% endif %}",
    "{% set a = X %}{{ a }}",
    "{%- set a = X -%}{{ a }}",
    "{% raw %}{{ X }}{% endraw %}",
    "{%raw%}{{ X }}{%endraw%}",
    "{# {{ X }} #}",
    "{{ '{{' }} X {{ '}}' }}",
    "{{ X",
    "X }}",
    "{\"a\": \"{{ X }}\"}",
    "['{{ X }}']",
    "{0} {{ X }} {1}",
    "<% {{ X }} %>",
];
const AROUND_YAQL: [&str; 17] = [
    "<% X %>",
    "<%X%>",
    "<%= X %>",
    "<%- X -%>",
    "<%\tX\t%>",
    "<%\nX\n%>",
    "<%  X  %>",
    "a <% X %> b",
    "<% X %><% X %>",
    "<% '<%' + ' X ' + '%>' %>",
    "<% X",
    "X %>",
    "{\"a\": \"<% X %>\"}",
    "['<% X %>']",
    "{{ <% X %> }}",
    "<% X %>{{ X }}",
    "{% raw %}<% X %>{% endraw %}",
];

fn texts() -> Vec<String> {
    let made = |expressions: &'static [&'static str], around: &'static [&'static str]| {
        expressions
            .iter()
            .flat_map(move |expression| around.iter().map(move |text| text.replace('X', expression)))
    };
    made(&JINJA, &AROUND_JINJA).chain(made(&YAQL, &AROUND_YAQL)).collect()
}

const TOP: &str = r"
version: 1.0
input: [texts]
vars:
  - kept: <% ctx().texts %>
tasks:
  each:
    with: t in <% ctx().texts %>
    action: core.echo message=<% item(t) %>
    next: [{when: <% succeeded() %>, publish: [said: <% result().select($.stdout) %>], do: [below, chained, again]}]
  below:
    action: flows.below
    input: {texts: '{{ ctx().said }}', object: {inner: <% ctx().said %>, '<% ctx().said[0] %>': 1}}
    next: [{publish: [below: <% result().output %>], do: end}]
  chained:
    with: <% ctx().said %>
    action: flows.chained text=<% item() %>
    next: [{publish: [chained: <% result().select($.published.out) %>], do: end}]
  again:
    action: core.echo message=<% ctx().said[0] %>
    retry: {when: <% succeeded() %>, count: 1}
    next: [{publish: [again: <% result().stdout %>, key: <% st2kv('system.poison') %>], do: key}]
  key:
    action: core.echo
    input: {message: '{{ ctx().key }}'}
    next: [{publish: [key_said: '{{ result().stdout }}'], do: end}]
  end: {join: all, action: core.noop}
output:
  - said: <% ctx().said %>
  - kept: <% ctx().kept %>
  - below: <% ctx().below %>
  - chained: <% ctx().chained %>
  - again: <% ctx().again %>
  - key: <% ctx().get(key_said) %>
";

const BELOW: &str = r"
version: 1.0
input: [texts, object]
tasks:
  one:
    action: core.echo message='a <% ctx().texts[1] %> <% ctx().texts[2] %> b'
    next: [{publish: [one: <% result().stdout %>]}]
output: [texts: <% ctx().texts %>, object: '{{ ctx().object }}']
";

const CHAINED: &str = r"
vars: {held: '{{ text }}'}
chain:
  - {name: say, ref: core.echo, parameters: {message: '{{ held }}'}, publish: {out: '{{ say.stdout }}'}, on-success: end}
  - {name: end, ref: core.echo, parameters: {message: '{{ out }} {{ config_context.poison }}'}}
";

const RULE: &str = "
name: data
pack: flows
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: data}}
action: {ref: flows.top, parameters: {texts: '{{ trigger.body.texts }}'}}
";

const POISON: &str =
    "{{ st2kv.system.topsecret }}{{ st2kv('system.topsecret') }}<% st2kv('system.topsecret') %>";

fn serve(place: &Place) -> Host<'_> {
    place
        .write("flows/pack.yaml", "name: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write("flows/config.schema.yaml", "poison: {type: string}\n");
    for (name, runner, parameters, definition) in [
        ("top", "orquesta", "{texts: {type: array}}", TOP),
        ("below", "orquesta", "{texts: {type: array}, object: {type: object}}", BELOW),
        ("chained", "action-chain", "{text: {type: string}}", CHAINED),
    ] {
        let metadata = format!(
            "name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {parameters}\n"
        );
        place.write(&format!("flows/actions/{name}.yaml"), &metadata);
        place.write(&format!("flows/actions/workflows/{name}.yaml"), definition);
    }
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("flows")]);
    host.ok(&["key", "set", "topsecret", SECRET]);
    host.ok(&["key", "set", "poison", POISON]);
    // What the datastore gives a configuration is not looked at again.
    let values = json!({"poison": "{{ st2kv.system.poison }}"}).to_string();
    host.try_send("PUT", "/configs/flows", "", values.as_bytes()).unwrap().with_status(200);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    host
}

/// Waits for the end of the workflow, and looks at all that came out of it.
fn check(host: &Host<'_>, id: &str, texts: &[String]) {
    let ended = eventually("the workflow ends", || {
        let execution = host.execution(id);
        let is_over = ["succeeded", "failed"].contains(&execution["status"].as_str().unwrap_or_default());
        is_over.then_some(execution)
    });
    let output = &ended["result"]["output"];
    assert_eq!(ended["parameters"]["texts"], json!(texts));
    for name in ["said", "kept", "chained"] {
        let given = output[name].as_array().cloned().unwrap_or_default();
        let changed = texts.iter().zip(&given).find(|(text, given)| json!(text) != **given);
        assert!(changed.is_none() && given.len() == texts.len(), "{name}: {changed:?} of {ended}");
    }
    let first = &texts[0];
    assert_eq!(output["below"], json!({"texts": texts, "object": {"inner": texts, first: 1}}));
    assert_eq!((&output["again"], &output["key"]), (&json!(first), &json!(POISON)));
}

/// Every execution there is, as it is shown.
fn everything(host: &Host<'_>) -> Vec<Value> {
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let page = host.list(&format!("/executions?limit=100&offset={offset}"));
        offset += page.len();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn texts_that_look_like_templates_arrive_as_they_were_sent() {
    let texts = texts();
    assert_eq!(texts.len(), 200);
    let place = Place::default();
    let host = serve(&place);
    let answer = host.post("/webhooks/data", &json!({"texts": texts})).with_status(202);
    let id = answer.header("x-execution-ids").to_owned();
    check(&host, &id, &texts);
    // What a caller wrote is a template, and what comes out of it is none.
    let caller =
        host.request(&json!({"action": "core.echo", "parameters": {"message": "{{ st2kv.system.poison }}"}}));
    assert_eq!(host.until(&caller, "succeeded")["result"]["stdout"], POISON);
    host.stop();

    let host = place.start(&[]);
    for (again, expected) in [(&id, None), (&caller, Some(POISON))] {
        let made = host.post(&format!("/executions/{again}/re_run"), &json!({})).with_status(201).json();
        let made = made["id"].as_str().unwrap_or_default();
        match expected {
            Some(expected) => assert_eq!(host.until(made, "succeeded")["result"]["stdout"], expected),
            None => check(&host, made, &texts),
        }
    }
    let executions = everything(&host);
    assert!(executions.len() > 1_600, "{}", executions.len());
    for execution in executions {
        let text = execution.to_string();
        assert!(!text.contains(SECRET), "{text}");
    }
    host.stop();
}

/// Expressions of rules that look at an event in all ways: with filters that read text, write it or take it apart.
const LOOKS: [&str; 12] = [
    "{{ trigger.body.a }}",
    "x {{ trigger.body.a }} y",
    "{{ trigger.body.a | to_json_string }}",
    "{{ trigger.body | to_yaml_string }}",
    "{% if trigger.body.a %}{{ trigger.body.a }}{% endif %}",
    "{{ trigger.body.a | default('n') | trim }}",
    "{{ trigger.body.a | regex_replace('x', 'y') }}",
    "{{ trigger.body[trigger.body.k] }}",
    "{{ trigger.body.a ~ trigger.body.b }}",
    "{{ trigger.body.a | jsonpath_query('$') }}",
    "{{ trigger.body.json | from_json_string }}",
    "{{ trigger.body.json | from_yaml_string | to_json_string }}",
];

#[test]
fn no_filter_makes_a_template_of_an_event() {
    let place = Place::default();
    let host = serve(&place);
    let rule = |number: usize, expression: &str, criteria: &Value| json!({"pack": "flows", "name": format!("look{number}"), "enabled": true, "criteria": criteria, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "look"}}, "action": {"ref": "core.echo", "parameters": {"message": expression}}});
    for (number, expression) in LOOKS.into_iter().enumerate() {
        host.post("/rules", &rule(number, expression, &json!({}))).with_status(201);
    }
    let same = json!({"trigger.body.a": {"type": "eq", "pattern": "{{ trigger.body.b }}"}});
    host.post("/rules", &rule(LOOKS.len(), "same {{ trigger.body.a }}", &same)).with_status(201);
    let texts: Vec<_> = texts().into_iter().step_by(5).collect();
    for text in &texts {
        let event =
            json!({"a": text, "b": text, "k": "a", "json": json!({"a": text}).to_string(), text: text});
        host.post("/webhooks/look", &event).with_status(202);
    }
    let executions = eventually("all have ended", || {
        let all = everything(&host);
        let is_over = |one: &Value| one["status"] == "succeeded" || one["status"] == "failed";
        all.iter().all(is_over).then_some(all)
    });
    let said: Vec<_> = executions.iter().filter_map(|one| one["result"]["stdout"].as_str()).collect();
    for text in &texts {
        for expected in [text.clone(), format!("x {text} y"), format!("{text}{text}"), format!("same {text}")]
        {
            assert!(said.contains(&expected.as_str()), "nothing has said {expected}");
        }
    }
    for execution in &executions {
        assert!(!execution.to_string().contains(SECRET), "{execution}");
    }
    let told = host.get("/ruleenforcements?limit=-1").with_status(200).body;
    assert!(!told.contains(SECRET), "{told}");
    host.stop();
}

#[test]
fn nobody_says_on_whose_behalf_a_workflow_runs() {
    const TELLS: &str = "
version: 1.0
tasks: {a: {action: core.noop}}
output: [user: <% ctx().st2.user %>, above: <% ctx().get(parent) %>, x: <% ctx().get(x) %>]
";
    let place = Place::default();
    let host = place.start(&[]);
    place
        .write("flows/pack.yaml", "name: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write(
        "flows/actions/tells.yaml",
        "name: tells\nrunner_type: orquesta\nentry_point: workflows/tells.yaml\nenabled: true\n",
    );
    place.write("flows/actions/workflows/tells.yaml", TELLS);
    host.ok(&["pack", "register", &place.path("flows")]);
    let forged = json!({"st2": {"user": "mallory"}, "parent": {"user": "mallory"}, "x": 1});
    let id = host.request(&json!({"action": "flows.tells", "parameters": {"context": forged}}));
    let output = host.until(&id, "succeeded")["result"]["output"].clone();
    assert_ne!(output["user"], "mallory");
    assert_eq!((&output["above"], &output["x"]), (&Value::Null, &json!(1)));
    host.stop();
}

#[test]
fn a_workflow_that_asks_for_it_is_evaluated_as_in_the_original() {
    const ECHO: &str = "
version: 1.0
input: [text]
tasks: {say: {action: core.echo message=<% ctx().text %>, next: [{publish: [said: <% result().stdout %>]}]}}
output: [said: <% ctx().said %>]
";
    let place = Place::default();
    place
        .write("flows/pack.yaml", "name: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    for (name, more) in [("once", ""), ("again", "expressions: {reevaluate: true}\n")] {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/echo.yaml\nenabled: true\nparameters: {{text: {{type: string}}}}\n{more}"
        );
        place.write(&format!("flows/actions/{name}.yaml"), &metadata);
    }
    place.write("flows/actions/workflows/echo.yaml", ECHO);
    let said = |host: &Host<'_>, action: &str| {
        let text = "{% raw %}a <% 41 + 1 %>{% endraw %}";
        let id = host.request(&json!({"action": action, "parameters": {"text": text}}));
        host.until(&id, "succeeded")["result"]["output"]["said"].clone()
    };
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("flows")]);
    let seen = ["flows.once", "flows.again"].map(|action| said(&host, action));
    assert_eq!(seen, [json!("a <% 41 + 1 %>"), json!("a 42")]);
    host.stop();
    let host = place.start_with(&[], &[("PETREL_EXPRESSIONS_REEVALUATE", "true")]);
    assert_eq!(said(&host, "flows.once"), json!("a 42"));
    host.stop();
}

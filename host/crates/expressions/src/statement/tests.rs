//! What statements give and refuse, in Jinja. What YAQL itself gives is tested with it.

use std::sync::Arc;

use petrel_scope::workflow::{CurrentTask, Tasks};
use petrel_scope::{Variables, WorkflowScope};
use serde_json::{Value, json};

use super::*;

fn scope() -> WorkflowScope {
    let variables = json!({
        "n": 5, "s": "hello", "e": "", "z": null, "t": true, "l": [3, 1, 2], "d": {"k": "v", "n": {"m": 1}},
        "tmpl": "{{ ctx().s }}", "tmpl2": "x{{ ctx().n }}y", "nested": ["{{ ctx().n }}"], "items": [7],
        "lost": "{{ ctx().nope }}", "wrong": "{{ 1 / 0 }}", "loop": "{{ ctx().loop }}",
        "two": "{{ ctx().two }}{{ ctx().two }}", "yaql": "<% ctx().s %>", "big": "x".repeat(100_000),
    });
    let Value::Object(variables) = variables else { panic!() };
    WorkflowScope { variables: Variables::from(variables), ..WorkflowScope::default() }
}

fn evaluate(source: Value) -> Result<Value, EvaluationError> {
    Statement::compile(source).evaluate(&scope()).map(Arc::unwrap_or_clone)
}

/// As the original does it.
fn reevaluate(source: Value) -> Result<Value, EvaluationError> {
    let scope = WorkflowScope { reevaluates: true, ..scope() };
    Statement::compile(source).evaluate(&scope).map(Arc::unwrap_or_clone)
}

#[test]
fn a_lone_expression_keeps_its_type_and_all_else_is_text() {
    for (source, expected) in [
        (json!("{{ ctx().n }}"), json!(5)),
        (json!("{{ ctx('n') }}"), json!(5)),
        (json!("{{   ctx().n + 1   }}"), json!(6)),
        (json!("{{ ctx().n }} "), json!("5 ")),
        (json!("a{{ ctx().n }}b{{ ctx().n }}"), json!("a5b5")),
        (
            json!("v={{ ctx().d }} {{ ctx().z }} {{ ctx().t }}"),
            json!("v={'k': 'v', 'n': {'m': 1}} None True"),
        ),
        (json!("{{ ctx().d }}"), json!({"k": "v", "n": {"m": 1}})),
        (json!("{{ ctx()['items'] }}"), json!([7])),
        (json!("{{ ctx().n\n}}"), json!("{{ ctx().n\n}}")),
        (json!("{{ ctx().n }}\n"), json!("5\n")),
        (json!("{# c #}x"), json!("{# c #}x")),
        (json!("{{{ ctx().n }}}"), json!("5}")),
        (json!("{{ none }}"), json!(null)),
        (json!("{% if ctx().t %}5{% endif %}"), json!("5")),
        (json!("{% for i in ctx('l') %}\n- {{ i }}\n{% endfor %}"), json!("- 3\n- 1\n- 2\n")),
        (json!("<% {{ ctx().n }} %>"), json!("<% 5 %>")),
        (json!({"{{ ctx().s }}": ["{{ ctx().n }}", "plain", 1.5]}), json!({"hello": [5, "plain", 1.5]})),
        (json!({"{{ ctx().n }}": 1}), json!({"5": 1})),
        (json!("{% raw %}{{ ctx().n }}{% endraw %}"), json!("{{ ctx().n }}")),
    ] {
        assert_eq!(evaluate(source.clone()), Ok(expected), "{source}");
    }
}

#[test]
fn as_in_the_original_text_that_comes_out_is_evaluated_again_in_the_same_language() {
    for (source, expected) in [
        ("{{ ctx().tmpl }}!", json!("hello!")),
        ("{{ ctx().tmpl2 }}", json!("x5y")),
        ("{{ ctx().nested }}", json!(["{{ ctx().n }}"])),
        ("{{ ctx().yaql }}", json!("<% ctx().s %>")),
        ("{% if ctx().t %}{{ ctx().tmpl }}{% endif %}", json!("hello")),
    ] {
        assert_eq!(reevaluate(json!(source)), Ok(expected), "{source}");
    }
}

#[test]
fn errors_are_told_in_the_words_of_the_original() {
    for (source, expected) in [
        ("{{ ctx().d.nope }}", "JinjaEvaluationException: There are unresolved variables: ctx().d.nope"),
        ("{{ nope }}{{ nope2 }}", "JinjaEvaluationException: There are unresolved variables: nope, nope2"),
        (
            "{{ ctx(\"fi\") }}",
            "JinjaEvaluationException: Unable to evaluate expression '{{ ctx(\"fi\") }}'. \
             VariableUndefinedError: The variable \"fi\" is undefined.",
        ),
        (
            "x {{ result() }}",
            "JinjaEvaluationException: Unable to evaluate expression '{{ result() }}'. \
             ExpressionEvaluationException: The current task is not set in the context.",
        ),
        (
            "{{ ctx().get(p) }}",
            "JinjaEvaluationException: Unable to evaluate expression '{{ ctx().get(p) }}'. \
             UndefinedError: 'p' is undefined",
        ),
    ] {
        assert_eq!(evaluate(json!([source])).unwrap_err().to_string(), expected);
    }
    for (source, expected) in [
        (
            "{{ ctx().d.nope.more }}",
            "Unable to evaluate expression '{{ ctx().d.nope.more }}'. UndefinedError: ",
        ),
        (
            "{{ 1 | nofilter }}",
            "Unable to evaluate expression '{{ 1 | nofilter }}'. TemplateAssertionError: ",
        ),
        ("{{ }}", "Unable to evaluate expression '{{ }}'. TemplateSyntaxError: "),
        (
            "{% if nope %}{% endif %}",
            "Unable to evaluate expression '{% if nope %}{% endif %}'. UndefinedError: 'nope' is undefined",
        ),
        (
            "{% if ctx().d[ctx().s] %}{% endif %}",
            "UndefinedError: `ctx().d[ctx().s]` (the key is 'hello') is not defined",
        ),
        ("{{ ctx().d.nope | upper }}", ".d.nope` is not defined"),
    ] {
        let error = evaluate(json!(source)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn as_in_the_original_errors_come_out_of_what_is_evaluated_again() {
    for (source, expected) in [
        ("{{ ctx().lost }}", "There are unresolved variables: ctx().nope"),
        (
            "{{ ctx().wrong }}",
            "'{{ ctx().wrong }}'. JinjaEvaluationException: Unable to evaluate expression '{{ 1 / 0 }}'. ",
        ),
    ] {
        let error = reevaluate(json!(source)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_an_expression_gave_is_data() {
    for (source, expected) in [
        (json!("{{ ctx().tmpl }}"), json!("{{ ctx().s }}")),
        (json!("{{ ctx().tmpl }}!"), json!("{{ ctx().s }}!")),
        (json!("<% ctx().tmpl %>-<% ctx().yaql %>"), json!("{{ ctx().s }}-<% ctx().s %>")),
        (json!("<% ctx().yaql %>"), json!("<% ctx().s %>")),
        (json!("{{ ctx().yaql }}{{ ctx().n }}"), json!("<% ctx().s %>5")),
        (json!("{{ ctx().lost }}"), json!("{{ ctx().nope }}")),
        (json!("{{ ctx().loop }}"), json!("{{ ctx().loop }}")),
        (json!("{% if ctx().t %}{{ ctx().tmpl }}{% endif %}"), json!("{{ ctx().s }}")),
        // What came out of the first is not what the second stands for.
        (json!("{{ ctx().tmpl }} {{ ctx().s }}"), json!("{{ ctx().s }} hello")),
        (json!("<% ctx().yaql %> <% ctx().s %>"), json!("<% ctx().s %> hello")),
        (json!({"{{ ctx().tmpl }}": ["{{ ctx().tmpl }}"]}), json!({"{{ ctx().s }}": ["{{ ctx().s }}"]})),
        (json!("{% raw %}{{ ctx().n }}{% endraw %} {{ ctx().tmpl }}"), json!("{{ ctx().n }} {{ ctx().s }}")),
        (json!("{{ '{' ~ '{ ctx().n }' ~ '}' }}"), json!("{{ ctx().n }}")),
        (json!("{% raw %}{0}{% endraw %} {0} {{ ctx().n }}"), json!("{0} {0} 5")),
    ] {
        assert_eq!(evaluate(source.clone()), Ok(expected), "{source}");
    }
}

#[test]
fn a_value_that_was_handed_in_is_not_copied() {
    let scope = scope();
    let value = Statement::compile(json!("{{ ctx().d }}")).evaluate(&scope).unwrap();
    assert!(Arc::ptr_eq(&value, scope.variables.get("d").unwrap()));
    let literal = Statement::compile(json!({"a": [1, "{# x #}"]}));
    assert!(literal.is_literal() && Arc::ptr_eq(literal.source(), &literal.evaluate(&scope).unwrap()));
}

#[test]
fn values_that_hold_themselves_come_to_an_end() {
    for source in [
        "{{ ctx().loop }}",
        "{{ ctx().two }}",
        "{% if true %}{{ ctx().two }}{% endif %}",
        &"{{ ctx().big }}".repeat(500),
        &"{{ ctx().big }}{{ ctx().s }}".repeat(80),
        &"{{".repeat(200_000),
    ] {
        let outcome = reevaluate(json!(source));
        assert!(outcome.is_err() || source.len() == 400_000, "{source:.40}");
    }
}

#[derive(Debug)]
struct Known;

impl Tasks for Known {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        (id == "t1" && route == 2).then_some("succeeded")
    }

    fn describe(&self, id: &str, _route: u32) -> Result<Option<Arc<Value>>, String> {
        Ok((id == "t1").then(|| Arc::new(json!({"task_id": id}))))
    }
}

#[test]
fn functions_ask_the_scope() {
    let task = CurrentTask { id: "t1".into(), route: 2, result: Arc::new(json!({"stdout": "out"})) };
    let item = Some(Arc::new(json!({"i": 5})));
    let scope = WorkflowScope { task: Some(task), item, tasks: Some(Arc::new(Known)), ..scope() };
    for (source, expected) in [
        ("{{ succeeded() and result().stdout == 'out' }}", json!(true)),
        ("{{ failed() or not completed() }}", json!(false)),
        ("{{ task_status('t1') }}/{{ task_status('t1', 0) }}", json!("succeeded/null")),
        ("{{ task('t1').task_id ~ task().task_id }}", json!("t1t1")),
        ("{{ item('i') + item().i }}", json!(10)),
        ("{{ st2kv('system.x', default='d') }}", json!("d")),
    ] {
        let value = Statement::compile(json!(source)).evaluate(&scope).map(Arc::unwrap_or_clone);
        assert_eq!(value, Ok(expected), "{source}");
    }
    for source in ["{{ item('x') }}", "{{ task('t2') }}", "{{ st2kv('x') }}", "{{ ctx().get(x) }}"] {
        assert!(Statement::compile(json!(source)).evaluate(&scope).is_err(), "{source}");
    }
}

#[test]
fn inspection_sees_what_is_wrong_and_what_is_read() {
    let value = json!({
        "{{ 1 +/ 2 }}": ["{{ ctx().b + ctx('a') }} {{ * }}", "<% ctx().c %> {{ 1 }}", "{% foo %}", "{{ ctx().a }}"],
    });
    let errors = syntax_errors(&value);
    let told: Vec<_> = errors.iter().map(|error| (error.language, &*error.expression)).collect();
    let jinja = Some(Language::Jinja);
    assert_eq!(
        told,
        [
            (jinja, "{{ 1 +/ 2 }}"),
            (jinja, "{{ ctx().b + ctx('a') }} {{ * }}"),
            (jinja, "{{ * }}"),
            (None, "<% ctx().c %> {{ 1 }}"),
            (jinja, "{% foo %}"),
        ]
    );
    let found = references(&value);
    let names: Vec<_> = found.iter().map(|found| (&*found.name, &*found.expression)).collect();
    let first = "{{ ctx().b + ctx('a') }} {{ * }}";
    assert_eq!(names, [("a", "{{ ctx().a }}"), ("a", first), ("b", first), ("c", "<% ctx().c %> {{ 1 }}")]);
}

#[test]
fn an_expression_that_is_wrong_is_told_once_and_what_is_read_in_a_text_shares_it() {
    let errors = syntax_errors(&json!("<% 1 + %> <% 2 + %> <% 1 + %>"));
    let told: Vec<_> = errors.iter().map(|error| &*error.expression).collect();
    assert_eq!(told, ["<% 1 + %>", "<% 2 + %>"]);
    let found = references(&json!("<% ctx().a %> <% ctx().b %>"));
    assert!(matches!(&found[..], [a, b] if Arc::ptr_eq(&a.expression, &b.expression)), "{found:?}");
}

#[test]
fn a_name_with_a_blank_is_told_with_the_form_that_reads_it() {
    for (text, says) in [
        ("{{ ctx().my key }}", Some("; a name with a blank is read by `ctx('my key')`")),
        ("<% result().my key %>", Some("; a name with a blank is read by `result().get('my key')`")),
        ("<% 1 + %>", None),
    ] {
        let errors = syntax_errors(&json!(text));
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        let message = &errors[0].message;
        assert!(message.ends_with(says.unwrap_or_default()), "{text}: {message}");
        assert_eq!(message.contains("blank"), says.is_some(), "{text}: {message}");
    }
}

#[test]
fn equal_raw_blocks_have_the_number_of_the_first() {
    let (a, b) = ("{% raw %}a{% endraw %}", "{% raw %}b{% endraw %}");
    for (text, body, blocks) in [
        ("plain", "plain", &[][..]),
        (&format!("x{a}y"), "x{0}y", &[a]),
        (&format!("{a}{b}{a} {b}"), "{0}{1}{0} {1}", &[a, b, a, b]),
    ] {
        assert_eq!(
            text::without_raw(text),
            (body.to_owned(), blocks.iter().map(|&block| block.to_owned()).collect())
        );
    }
}

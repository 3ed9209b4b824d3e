//! Whether what came of a case is what it expects, in words.

use petrel_packs::definition::{Expectation, ExpectedError};
use petrel_runners::{End, Outcome};
use serde_json::Value;

/// The most characters of a value in a difference.
const LONGEST: usize = 2000;

/// What is not as expected.
pub(super) fn differences(expected: &Expectation, outcome: &Outcome, output: &[String]) -> Vec<String> {
    let mut found = match (&expected.error, outcome.end) {
        (Some(error), End::Succeeded) => {
            vec![format!("it succeeds with {}, and must fail{}", shown(&outcome.result), of(error))]
        }
        (Some(error), _) => of_error(error, &outcome.result),
        (None, End::Succeeded) => match &expected.result {
            Some(result) if *result != outcome.result => {
                vec![format!("the result is {}, and must be {}", shown(&outcome.result), shown(result))]
            }
            _ => Vec::new(),
        },
        (None, _) => vec![format!("it fails with {}", shown(&outcome.result))],
    };
    for text in &expected.logged {
        if !output.iter().any(|line| line.contains(text)) {
            found.push(format!("its output lacks `{text}`"));
        }
    }
    // Whoever looks for a reason reads what the action has said.
    if !found.is_empty() {
        found.extend(output.iter().map(|line| format!("output: {line}")));
    }
    found
}

fn of(error: &ExpectedError) -> String {
    error.code.as_ref().map_or_else(String::new, |code| format!(" with {code}"))
}

fn of_error(expected: &ExpectedError, result: &Value) -> Vec<String> {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for (name, wanted) in [("kind", &expected.kind), ("code", &expected.code)] {
        if let Some(wanted) = wanted
            && text(name) != wanted
        {
            found.push(format!("the {name} of its error is `{}`, and must be `{wanted}`", text(name)));
        }
    }
    if let Some(says) = &expected.says
        && !text("error").contains(says)
    {
        found.push(format!("its error says `{}`, and must say `{says}`", text("error")));
    }
    found
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_errors_and_lines_are_compared() {
        let ok = |value| Outcome { end: End::Succeeded, result: value };
        let failed = || Outcome {
            end: End::Failed,
            result: json!({"error": "there is nobody", "code": "mine.nobody", "kind": "invalid-input"}),
        };
        let any = Expectation::default;
        let result = |value| Expectation { result: Some(value), ..Expectation::default() };
        let error = |code: &str, says: &str| Expectation {
            error: Some(ExpectedError { kind: None, code: Some(code.into()), says: Some(says.into()) }),
            ..Expectation::default()
        };
        let logged = Expectation { logged: vec!["greeting".into()], ..Expectation::default() };
        for (expected, outcome, output, told) in [
            (any(), ok(json!(1)), "", None),
            (any(), failed(), "", Some("it fails with")),
            (result(json!({"a": 1, "b": 2})), ok(json!({"b": 2, "a": 1})), "", None),
            (result(json!(1)), ok(json!(2)), "", Some("the result is 2, and must be 1")),
            (error("mine.nobody", "nobody"), failed(), "", None),
            (error("mine.other", "nobody"), failed(), "", Some("code of its error is `mine.nobody`")),
            (error("mine.nobody", "all"), failed(), "", Some("must say `all`")),
            (error("mine.nobody", ""), ok(json!(1)), "", Some("must fail with mine.nobody")),
            (logged.clone(), ok(json!(1)), "INFO greeting Ann", None),
            (logged, ok(json!(1)), "hello", Some("lacks `greeting`")),
        ] {
            let found = differences(&expected, &outcome, &[output.to_owned()]);
            match told {
                None => assert_eq!(found, Vec::<String>::new()),
                Some(told) => assert!(found.iter().any(|line| line.contains(told)), "{found:?}"),
            }
        }
    }
}

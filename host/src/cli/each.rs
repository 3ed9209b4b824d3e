//! Applies one verb to each of several names, and goes on when one of them fails.

use serde_json::{Value, json};

use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Calls `act` with each of `names`, and `tell` with each result, for people. For a single name its failure is the
/// outcome; for several each failure is printed with its name, and the exit code is 1. Programs get one document: a
/// single result, or a list.
pub(super) async fn each(
    form: Form,
    names: &[String],
    act: impl AsyncFn(&str) -> Result<Value, Failure>,
    tell: impl Fn(&str, &Value) -> Result<(), Failure>,
) -> Result<Code, Failure> {
    if let [name] = names {
        let given = act(name).await?;
        match form {
            Form::Json => print::json(&given),
            Form::Text => tell(name, &given)?,
        }
        return Ok(Code::Ok);
    }
    let (mut all, mut code) = (Vec::new(), Code::Ok);
    for name in names {
        let done = match (act(name).await, form) {
            (Ok(given), Form::Text) => tell(name, &given),
            (Ok(given), Form::Json) => {
                all.push(given);
                Ok(())
            }
            (Err(failure), _) => Err(failure),
        };
        if let Err(failure) = done {
            code = Code::Failed;
            let failure = Failure { message: format!("{name}: {}", failure.message), ..failure };
            match form {
                Form::Text => print::failure(form, &failure),
                Form::Json => all.push(failure.as_json()),
            }
        }
    }
    if form == Form::Json {
        print::json(&Value::Array(all));
    }
    Ok(code)
}

/// The report of a deletion: an object with the name, for programs.
pub(super) fn deleted(key: &str, name: &str) -> Value {
    json!({key: name, "deleted": true})
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn done(names: &[&str]) -> (Result<Code, String>, Vec<String>) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let told = RefCell::new(Vec::new());
        let act = async |name: &str| match name {
            "bad" => Err(Failure::new(Code::NotFound, "not_found", "no such thing", "")),
            name => Ok(deleted("name", name)),
        };
        let tell = |name: &str, given: &Value| {
            assert_eq!(given["deleted"], true);
            told.borrow_mut().push(name.to_owned());
            if name == "odd" { Err(Failure::usage("not understood", "")) } else { Ok(()) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(each(Form::Text, &names, act, tell));
        (outcome.map_err(|failure| failure.message), told.into_inner())
    }

    #[test]
    fn what_fails_keeps_nothing_else_from_being_done() {
        for (names, code, told) in [
            (&["a"][..], Ok(Code::Ok), &["a"][..]),
            (&["bad"], Err("no such thing".to_owned()), &[]),
            (&["a", "b"], Ok(Code::Ok), &["a", "b"]),
            (&["a", "bad", "b"], Ok(Code::Failed), &["a", "b"]),
            (&["bad", "bad"], Ok(Code::Failed), &[]),
            (&["odd"], Err("not understood".to_owned()), &["odd"]),
            (&["odd", "b"], Ok(Code::Failed), &["odd", "b"]),
        ] {
            let (outcome, said) = done(names);
            assert_eq!(outcome, code, "{names:?}");
            assert_eq!(said, told, "{names:?}");
        }
    }
}

//! `petrel resume-all`: resumes executions that are held since a restore. `restore.rs` has them held.

use clap::Args;
use serde_json::Value;

use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Form, counted};

/// Resume the executions that are held since a restore: those that waited, ran or were delayed at the backup, and
/// workflows. First make sure that they do not go on where the backup comes from. An execution that had begun and
/// must not be run twice becomes `abandoned`; one that should not run at all can be canceled first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petrel resume-all\n  petrel execution cancel 6a1e5c2f9b1d4e5f60718293")]
pub(crate) struct ResumeAll;

impl ResumeAll {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let answer = session.client.delete("/hold").await?;
        match session.form {
            Form::Json => print::json(&answer),
            Form::Text => match told(&answer) {
                None => print::note("nothing is held"),
                Some(told) => print::line(&told),
            },
        }
        Ok(Code::Ok)
    }
}

/// The outcome for people; `None` if nothing was held.
fn told(answer: &Value) -> Option<String> {
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let held = Some(count("held")).filter(|held| *held > 0)?;
    let resumed = count("resumed");
    let verb = if resumed == 1 { "goes" } else { "go" };
    let mut told = format!("of {} in flight at the backup, {resumed} {verb} on", counted(held, "execution"));
    let others = [
        ("abandoned", "abandoned: they had begun, and how far they got is not known"),
        ("canceled", "canceled, as had been asked for"),
    ];
    for (name, words) in others {
        if count(name) > 0 {
            told.push_str(&format!("\n  {} {words}", count(name)));
        }
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_does_not_go_on_is_told_apart() {
        let told = |held, resumed, abandoned, canceled| {
            super::told(
                &json!({"held": held, "resumed": resumed, "abandoned": abandoned, "canceled": canceled}),
            )
        };
        assert_eq!(told(0, 0, 0, 0), None);
        assert_eq!(told(1, 1, 0, 0).as_deref(), Some("of 1 execution in flight at the backup, 1 goes on"));
        let all = told(7, 2, 4, 1).unwrap_or_default();
        let lines: Vec<_> = all.lines().collect();
        assert_eq!(lines.first(), Some(&"of 7 executions in flight at the backup, 2 go on"));
        assert!(lines.get(1).is_some_and(|line| line.starts_with("  4 abandoned: ")), "{all}");
        assert!(lines.get(2).is_some_and(|line| line.starts_with("  1 canceled")), "{all}");
    }
}

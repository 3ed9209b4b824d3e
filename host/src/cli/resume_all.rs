//! `petrel resume-all`: resumes executions that are held since a restore. `restore.rs` has them held.

use clap::Args;
use petrel_api_types::host::Resumed;

use super::execution;
use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, counted};

/// Resume the executions that are held since a restore: those that waited, ran or were delayed at the backup, and
/// workflows. First make sure that they do not go on where the backup comes from. What waited runs, and workflows go on
/// from where they were. An action that had begun is run again if it is idempotent, and otherwise becomes `abandoned`:
/// how far it got is not known, and it must not be run twice unasked. An execution that should not run at all can be
/// canceled first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel resume-all --show\n  petrel resume-all\n  petrel execution cancel 6a1e5c2f9b1d4e5f60718293\n  petrel execution list --all --status abandoned\n  petrel execution rerun 6a1e5c2f9b1d4e5f60718293"
)]
pub(crate) struct ResumeAll {
    /// Only list what is held, with what becomes of each execution; resume nothing
    #[arg(long)]
    show: bool,
}

impl ResumeAll {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        if self.show {
            execution::list_held(session).await?;
            return Ok(Code::Ok);
        }
        let answer = session.client.delete("/hold").await?;
        session.show(&answer, |resumed: Resumed| match told(resumed) {
            None => print::note("nothing is held"),
            Some(told) => print::line(&told),
        })?;
        Ok(Code::Ok)
    }
}

/// The outcome for people; `None` if nothing was held.
fn told(Resumed { held, resumed, abandoned, canceled }: Resumed) -> Option<String> {
    if held == 0 {
        return None;
    }
    let verb = if resumed == 1 { "goes" } else { "go" };
    let held = counted(held as u64, "execution");
    let mut told = format!("of {held} in flight at the backup, {resumed} {verb} on");
    let others = [
        (abandoned, "abandoned: they had begun, and how far they got is not known"),
        (canceled, "canceled, as had been asked for"),
    ];
    for (count, words) in others.into_iter().filter(|(count, _)| *count > 0) {
        told.push_str(&format!("\n  {count} {words}"));
    }
    if abandoned > 0 {
        told.push_str(
            "\nnext: `petrel execution list --all --status abandoned` shows these; where it is safe, run one again with \
             `petrel execution rerun ID`",
        );
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_on_is_told_apart() {
        let told = |held, resumed, abandoned, canceled| told(Resumed { held, resumed, abandoned, canceled });
        assert_eq!(told(0, 0, 0, 0), None);
        assert_eq!(told(1, 1, 0, 0).as_deref(), Some("of 1 execution in flight at the backup, 1 goes on"));
        let all = told(7, 2, 4, 1).unwrap_or_default();
        let lines: Vec<_> = all.lines().collect();
        assert_eq!(lines.first(), Some(&"of 7 executions in flight at the backup, 2 go on"));
        assert!(lines.get(1).is_some_and(|line| line.starts_with("  4 abandoned: ")), "{all}");
        assert!(lines.get(2).is_some_and(|line| line.starts_with("  1 canceled")), "{all}");
        let next = "`petrel execution list --all --status abandoned`";
        assert!(lines.get(3).is_some_and(|line| line.contains(next) && line.contains("rerun ID")), "{all}");
        assert!(told(7, 6, 0, 1).is_some_and(|told| !told.contains("abandoned")));
    }
}

//! What the ledger takes down of the answers of a host.

use petrel_model::Status;

use crate::engine::Answer;
use crate::invariants::CANCELED;
use crate::invariants::events::ANSWERS;
use crate::ledger::Ledger;

/// Takes down an answer, and says so in the trace.
pub(crate) fn hear(ledger: &mut Ledger, answer: &Answer) {
    let told = match answer {
        Answer::Event(id, executions) => {
            ledger.told_events.push((*id, executions.clone()));
            format!("accepted, {} executions", executions.len())
        }
        Answer::Execution(id, status) => {
            ledger.told_executions.insert(*id);
            format!("{} {status}", ledger.name(*id))
        }
        Answer::Canceled(id, status) => {
            if let Some(known) = ledger.executions.get_mut(id) {
                known.is_cancel_told = true;
            }
            let told = format!("{} {status}", ledger.name(*id));
            if !matches!(status, Status::Canceling | Status::Canceled) {
                ledger.violate(CANCELED, format!("a cancel is answered with {told}"));
            }
            told
        }
        Answer::NotCanceled(id, status) => format!("{} stays {status}", ledger.name(*id)),
        Answer::Rule | Answer::Sensor => "done".into(),
        Answer::Responded(id, n) => {
            let told = format!("{} is answered with {n}", ledger.name(*id));
            if ledger.side.told_answers.insert(*id, *n).is_some() {
                ledger.violate(ANSWERS, format!("{told}, a second time"));
            }
            told
        }
        Answer::Refused(code) => format!("refused, {code}"),
    };
    ledger.lines.push(format!("    answer: {told}"));
}

//! Executions that could not be read for the moment, until they are offered again. The [store](crate::store) claims without
//! them.

use std::collections::BTreeSet;

use petrel_model::{ExecutionId, Timestamp};

/// The number of executions of which is remembered that they were told of. When there are more, they are told again.
const TOLD: usize = 10_000;

/// Executions that could not be read for the moment.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    /// With the time at which each is offered again.
    pub(crate) until: Vec<(Timestamp, ExecutionId)>,
    /// The executions that the log has told of.
    told: BTreeSet<ExecutionId>,
}

impl Resting {
    /// Notes that an execution rests until a time. Returns whether that is to be told: once, as it may go on for long.
    pub(crate) fn rest(&mut self, until: Timestamp, id: ExecutionId) -> bool {
        self.until.push((until, id));
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        self.told.insert(id)
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;

    use super::*;

    #[test]
    fn an_execution_that_rests_again_and_again_is_told_of_once() {
        let mut resting = Resting::default();
        let mut rest = |number| resting.rest(Timestamp::from_micros(9), Id::from_parts(1, number).into());
        assert_eq!([rest(1), rest(1), rest(2), rest(1)], [true, false, true, false]);
    }
}

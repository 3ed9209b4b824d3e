//! Waits that never end: an execution waits for the place of a workflow, and what is inside that waits for the place of one
//! that the execution is inside of. Only people can tell which of them is to be canceled.

use std::collections::{HashMap, HashSet};

use petrel_model::ExecutionId;

use super::{Key, Line, Lines, State};

/// Why a wait does not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// The one that has a place in the line, and inside of which somebody waits.
    pub(crate) holder: ExecutionId,
    /// The one for whose place that waits in the end: the waiting execution is inside of it.
    pub(crate) above: ExecutionId,
}

impl Lines {
    /// Why an execution inside the workflows `above` may wait in `line` for ever.
    pub(super) fn stuck(&self, above: &[ExecutionId], line: &Line) -> Option<Stuck> {
        if above.is_empty() {
            return None;
        }
        let mut inside: HashMap<ExecutionId, Vec<&Key>> = HashMap::new();
        for known in self.known.values() {
            if let State::Waiting(key) = &known.state {
                known.asker.above.iter().for_each(|one| inside.entry(*one).or_default().push(key));
            }
        }
        let mut holders: Vec<_> = line.taken.iter().copied().collect();
        holders.sort_unstable();
        let mut seen = HashSet::new();
        holders.into_iter().find_map(|holder| {
            let above = self.leads_to(above, holder, &inside, &mut seen)?;
            Some(Stuck { holder, above })
        })
    }

    /// The first of `above` for which somebody waits inside `holder`, or inside one for which somebody waits there.
    fn leads_to(
        &self,
        above: &[ExecutionId],
        holder: ExecutionId,
        inside: &HashMap<ExecutionId, Vec<&Key>>,
        seen: &mut HashSet<ExecutionId>,
    ) -> Option<ExecutionId> {
        let mut next = vec![holder];
        while let Some(one) = next.pop() {
            if !seen.insert(one) {
                continue;
            }
            for key in inside.get(&one).into_iter().flatten() {
                let Some(line) = self.by_key.get(*key) else { continue };
                if let Some(found) = above.iter().find(|one| line.taken.contains(one)) {
                    return Some(*found);
                }
                next.extend(line.taken.iter().copied());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;
    use petrel_model::policy::effect::Otherwise;

    use super::*;
    use crate::kind::Kind;
    use crate::policies::lines::{Asker, Need};

    fn id(number: u64) -> ExecutionId {
        Id::from_parts(1, number).into()
    }

    /// Lines with these executions, which ask one after the other: number, those above, and the limit of one.
    fn lines(askers: &[(u64, &[u64], &str)]) -> Lines {
        let mut lines = Lines::default();
        for (number, above, key) in askers {
            let need = Need { key: (*key).into(), threshold: 1, otherwise: Otherwise::Delay };
            let above = above.iter().copied().map(id).collect();
            lines.ask(Asker { id: id(*number), kind: Kind::Workflow, above, needs: vec![need] }, true);
        }
        lines
    }

    #[test]
    fn a_wait_for_each_other_is_told_from_one_that_ends() {
        for (askers, stuck) in [
            // Two that call each other.
            (&[(1, &[][..], "a"), (2, &[], "b"), (11, &[1], "b"), (12, &[2], "a")][..], Some((2, 1))),
            // Three in a circle.
            (
                &[
                    (1, &[][..], "a"),
                    (2, &[], "b"),
                    (3, &[], "c"),
                    (11, &[1], "b"),
                    (12, &[2], "c"),
                    (13, &[3], "a"),
                ],
                Some((2, 1)),
            ),
            // The other waits for nobody, or for somebody else.
            (&[(1, &[][..], "a"), (2, &[], "b"), (11, &[1], "b")], None),
            (&[(1, &[][..], "a"), (2, &[], "b"), (3, &[], "c"), (11, &[1], "b"), (12, &[2], "c")], None),
            (&[(2, &[][..], "b"), (11, &[], "b"), (12, &[2], "a")], None),
        ] {
            let wait = lines(askers).wait(id(11)).unwrap();
            let stuck = stuck.map(|(holder, above)| Stuck { holder: id(holder), above: id(above) });
            assert_eq!(wait.stuck, stuck, "{askers:?}");
        }
    }
}

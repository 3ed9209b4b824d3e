//! Strongly connected components of a graph, by Kosaraju's algorithm, without recursion, so that a long chain of tasks
//! cannot exhaust the stack.
//!
//! Nodes are numbers; [`super::graph`] and [`crate::inspection`] know what they stand for.

/// The strongly connected components of a graph, in the form that callers need.
#[derive(Debug)]
pub(crate) struct Components {
    /// All nodes in topological order of their components; within a component by number.
    pub(crate) order: Vec<usize>,
    /// For each node, whether it is on a cycle.
    pub(crate) is_on_cycle: Vec<bool>,
}

impl Components {
    /// Computes the components of a graph. `next` has the successors of each node.
    pub(crate) fn of(next: &[Vec<usize>]) -> Self {
        let mut back = vec![Vec::new(); next.len()];
        for (from, targets) in next.iter().enumerate() {
            for &to in targets {
                if let Some(sources) = back.get_mut(to) {
                    sources.push(from);
                }
            }
        }
        let mut is_on_cycle: Vec<bool> =
            next.iter().enumerate().map(|(node, targets)| targets.contains(&node)).collect();
        let mut order = Vec::with_capacity(next.len());
        let mut is_seen = vec![false; next.len()];
        for root in finished(next).into_iter().rev() {
            let mut members = Vec::new();
            let mut queue = vec![root];
            while let Some(node) = queue.pop() {
                if see(&mut is_seen, node) {
                    members.push(node);
                    queue.extend(back.get(node).into_iter().flatten());
                }
            }
            members.sort_unstable();
            for node in members.iter().filter(|_| members.len() > 1) {
                if let Some(mark) = is_on_cycle.get_mut(*node) {
                    *mark = true;
                }
            }
            order.extend(members);
        }
        Self { order, is_on_cycle }
    }
}

/// Marks an existing node. Returns whether it was unmarked before.
fn see(is_seen: &mut [bool], node: usize) -> bool {
    is_seen.get_mut(node).is_some_and(|is_seen| !std::mem::replace(is_seen, true))
}

/// All nodes in the order in which a depth-first search leaves them.
fn finished(next: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(next.len());
    let mut is_seen = vec![false; next.len()];
    for root in 0..next.len() {
        let mut stack = vec![(root, false)];
        while let Some((node, is_done)) = stack.pop() {
            if is_done {
                order.push(node);
            } else if see(&mut is_seen, node) {
                stack.push((node, true));
                stack.extend(next.get(node).into_iter().flatten().map(|&target| (target, false)));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_comes_after_those_that_lead_to_it() {
        // 0 leads to the cycle of 3, 1 and 2, that to 4, which leads to itself; 5 is isolated.
        let next = [vec![3], vec![2], vec![3, 4], vec![1], vec![4], vec![]];
        let Components { order, is_on_cycle } = Components::of(&next);
        assert_eq!(is_on_cycle, [false, true, true, true, true, false]);
        let order: Vec<_> = order.into_iter().filter(|node| *node != 5).collect();
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_long_way_needs_no_stack() {
        let length = 200_000;
        let next: Vec<Vec<usize>> = (1..=length).map(|target| vec![target % length]).collect();
        let Components { order, is_on_cycle } = Components::of(&next);
        assert!(order.into_iter().eq(0..length) && is_on_cycle.into_iter().all(|is_on_cycle| is_on_cycle));
    }
}

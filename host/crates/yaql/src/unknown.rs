//! Unknown functions and methods of an expression, found in its tree without evaluating it.

use petrel_scope::names::{Role, unknown};

use super::call::receive;
use super::library;
use super::syntax::{Argument, BinaryOperator, Call, Node, NodeKind};

/// The function by which an expression defines functions of its own.
const DEFINE: &str = "def";

/// A sentence on each unknown name, in the order of the text.
pub(super) fn find(root: &Node) -> Vec<String> {
    let mut found: Vec<(usize, Role, &Call)> = Vec::new();
    let mut has_definitions = false;
    // A chain of operators is as deep as it is long, so the tree is walked with a queue and not by recursion.
    let mut queue: Vec<&Node> = vec![root];
    while let Some(node) = queue.pop() {
        match &node.kind {
            NodeKind::Constant(_) | NodeKind::Word(_) | NodeKind::Variable(_) => {}
            NodeKind::Wrapped(inside) | NodeKind::Unary(_, inside) => queue.push(inside),
            NodeKind::Binary(operator, left, right) => {
                queue.push(left);
                let is_dot = matches!(operator, BinaryOperator::Dot | BinaryOperator::ElvisDot);
                match &right.kind {
                    NodeKind::Call(call) if is_dot && receive(call) => {
                        if call.method.is_empty() {
                            found.push((right.position, Role::Method, call));
                        }
                        queue.extend(arguments(call));
                    }
                    _ => queue.push(right),
                }
            }
            NodeKind::Call(call) => {
                has_definitions |= &*call.name == DEFINE;
                if call.function.is_empty() {
                    found.push((node.position, Role::Function, call));
                }
                queue.extend(arguments(call));
            }
        }
    }
    // With a `def`, an unknown function may be one that the expression defines.
    found.retain(|(_, role, _)| !has_definitions || *role == Role::Method);
    found.sort_by_key(|(position, ..)| *position);
    found.into_iter().map(|(_, role, call)| said(role, call)).collect()
}

fn said(role: Role, call: &Call) -> String {
    let name = &call.name;
    match role {
        Role::Function if !call.method.is_empty() => {
            format!("unknown function \"{name}\"; it is a method, so write `value.{name}()`")
        }
        Role::Method if !call.function.is_empty() => {
            format!("unknown method \"{name}\"; it is a function, so write `{name}(value)`")
        }
        _ => unknown(role, name, library::names(role)),
    }
}

fn arguments(call: &Call) -> impl Iterator<Item = &Node> {
    let nodes = call.arguments.iter().flat_map(|argument| match argument {
        Argument::Skipped => [None, None],
        Argument::Value(value) => [Some(&**value), None],
        Argument::Mapping(key, value) => [Some(&**key), Some(&**value)],
    });
    nodes.flatten()
}

#[cfg(test)]
mod tests {
    use crate::Expression;

    #[test]
    fn what_nobody_has_is_found_at_every_depth() {
        for (text, expected) in [
            ("succeeded() and ctx().a.where($.b = 1).select(len($.c)).first(null)", &[][..]),
            ("succeded()", &["unknown function \"succeded\"; did you mean \"succeeded\"?"]),
            ("ctx().a.wher($.b)", &["unknown method \"wher\"; did you mean \"where\"?"]),
            ("[frobnicate(1), {a => (not -frobnicate(2))}]", &["frobnicate", "frobnicate"]),
            ("ctx().a.select(frobnicate($))[0]", &["frobnicate"]),
            ("coalesce(nul(), 1) + lenn(x)", &["nul", "lenn"]),
            ("ctx(a)?.frobnicate()", &["unknown method \"frobnicate\""]),
            // A method is no function, and the other way round.
            ("toUpper(a)", &["unknown function \"toUpper\"; it is a method, so write `value.toUpper()`"]),
            ("$.ctx()", &["unknown method \"ctx\"; it is a function, so write `ctx(value)`"]),
            ("def(twice, $ * 2) -> twice(4)", &[]),
            ("len_([1])", &[]),
            ("a.b.c + words and $variable", &[]),
        ] {
            let found = Expression::compile(text).unwrap().unknown();
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            assert!(
                found.iter().zip(expected).all(|(found, part)| found.contains(part)),
                "{text}: {found:?}"
            );
        }
        let long = "a() + ".repeat(1_900) + "a()";
        assert_eq!(Expression::compile(&long).unwrap().unknown().len(), 1_901);
    }
}

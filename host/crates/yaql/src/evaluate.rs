//! The evaluation of trees. [`super::operators`] applies operators, [`super::call`] calls functions.

use std::rc::Rc;
use std::sync::Arc;

use super::call::{self, receive};
use super::context::Context;
use super::error::{Error, ErrorKind};
use super::library::property;
use super::limits::Run;
use super::operators;
use super::sequence::{Iteration, Sequence};
use super::syntax::{BinaryOperator, Constant, Node, NodeKind, UnaryOperator};
use super::term::Term;

/// Evaluates `node`.
pub(super) fn evaluate(run: &Run<'_>, context: &Rc<Context>, node: &Arc<Node>) -> Result<Term, Error> {
    match &node.kind {
        NodeKind::Constant(constant) => Ok(constant_term(constant)),
        NodeKind::Word(word) => Ok(Term::Text(Arc::clone(word))),
        NodeKind::Variable(name) => {
            // As in the original, an unknown variable is null and not an error.
            Ok(context.get(name).or_else(|| variable(run, name)).unwrap_or(Term::Null))
        }
        _ => {
            let _level = run.enter()?;
            compound(run, context, node).map_err(|error| error.at(node.position + 1))
        }
    }
}

fn compound(run: &Run<'_>, context: &Rc<Context>, node: &Arc<Node>) -> Result<Term, Error> {
    match &node.kind {
        NodeKind::Wrapped(inside) => evaluate(run, context, inside),
        NodeKind::Unary(operator, operand) => {
            let operand = evaluate(run, context, operand)?;
            match operator {
                UnaryOperator::Not => Ok(Term::Bool(!operand.is_true())),
                _ => operators::unary(*operator, &operand),
            }
        }
        NodeKind::Binary(..) => chain(run, context, node),
        NodeKind::Call(call) => call::call(run, context, call, None),
        _ => evaluate(run, context, node),
    }
}

/// Evaluates a chain of operators. Its left sides are walked in a loop, so that a long chain takes no stack.
fn chain(run: &Run<'_>, context: &Rc<Context>, node: &Arc<Node>) -> Result<Term, Error> {
    let mut links = Vec::new();
    let mut first = node;
    while let NodeKind::Binary(operator, left, right) = &first.kind {
        links.push((*operator, right));
        first = left;
    }
    let mut left = evaluate(run, context, first)?;
    for (operator, right) in links.into_iter().rev() {
        run.step()?;
        left = binary(run, context, operator, left, right)?;
    }
    Ok(left)
}

fn binary(
    run: &Run<'_>,
    context: &Rc<Context>,
    operator: BinaryOperator,
    left: Term,
    right: &Arc<Node>,
) -> Result<Term, Error> {
    match operator {
        BinaryOperator::ElvisDot if matches!(left, Term::Null) => Ok(Term::Null),
        BinaryOperator::Dot | BinaryOperator::ElvisDot => dot(run, context, &left, right),
        // As in Python, `and` and `or` return one of their operands, and evaluate the right one only if it decides.
        BinaryOperator::And if !left.is_true() => Ok(left),
        BinaryOperator::Or if left.is_true() => Ok(left),
        BinaryOperator::And | BinaryOperator::Or => evaluate(run, context, right),
        // `->` evaluates its right side in the context that the left side returned, as `let(...) -> ...` does.
        BinaryOperator::Send => match left {
            Term::Context(context) => evaluate(run, &context, right),
            _ => Err(ErrorKind::NoMatchingFunction(operator.function().into()).into()),
        },
        _ => {
            let right = evaluate(run, context, right)?;
            operators::binary(run, operator, &left, &right)
        }
    }
}

fn dot(run: &Run<'_>, context: &Rc<Context>, left: &Term, right: &Arc<Node>) -> Result<Term, Error> {
    match &right.kind {
        NodeKind::Call(call) if receive(call) => {
            call::call(run, context, call, Some(left)).map_err(|error| error.at(right.position + 1))
        }
        NodeKind::Word(name) => field(run, left, name).map_err(|error| error.at(right.position + 1)),
        _ => Err(ErrorKind::NoMatchingFunction(BinaryOperator::Dot.function().into()).into()),
    }
}

/// `term.name`: a key of a mapping, the same key of each element, or a part of a time.
fn field(run: &Run<'_>, term: &Term, name: &Arc<str>) -> Result<Term, Error> {
    match term {
        Term::Dict(dict) => dict.field(name).ok_or_else(|| ErrorKind::UnknownKey(name.to_string()).into()),
        _ if term.is_iterable() => {
            let name = Arc::clone(name);
            // The sequence must not read the collection before its first element is asked for, as in the original.
            let mut elements = Lazily::new(term.clone());
            Sequence::new(term.height(), move |run| match elements.next(run)? {
                Some(element) => field(run, &element, &name).map(Some),
                None => Ok(None),
            })
            .map(Term::Sequence)
        }
        _ => property(run, term, name),
    }
}

fn constant_term(constant: &Constant) -> Term {
    match constant {
        Constant::Null => Term::Null,
        Constant::Bool(value) => Term::Bool(*value),
        Constant::Integer(number) => Term::Integer(*number),
        Constant::Float(number) => Term::Float(*number),
        Constant::Text(text) => Term::Text(Arc::clone(text)),
    }
}

/// A variable of the platform. The names of its own variables begin with two underscores.
fn variable(run: &Run<'_>, name: &super::syntax::Name) -> Option<Term> {
    let super::syntax::Name::Text(name) = name else { return None };
    super::library::engine_variable(run, name)
}

/// A value that is iterated only when its first element is asked for.
#[derive(Debug)]
pub(super) struct Lazily {
    term: Term,
    iteration: Option<Iteration>,
}

impl Lazily {
    pub(super) fn new(term: Term) -> Self {
        Self { term, iteration: None }
    }

    pub(super) fn next(&mut self, run: &Run<'_>) -> Result<Option<Term>, Error> {
        let iteration = match self.iteration.take() {
            Some(iteration) => iteration,
            None => Iteration::new(run, &self.term)?,
        };
        self.iteration.insert(iteration).next(run)
    }
}

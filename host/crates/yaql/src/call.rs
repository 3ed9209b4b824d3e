//! Calls: the choice of the overload, and the binding of arguments to parameters.

use std::rc::Rc;
use std::sync::Arc;

use super::context::{Context, Lambda};
use super::display;
use super::error::{Error, ErrorKind};
use super::evaluate::evaluate;
use super::library::{Arguments, Bound, Family, Function, Type};
use super::limits::Run;
use super::syntax::{Argument, Call, Node, NodeKind};
use super::term::Term;

/// Whether a call can have a receiver. Brackets cannot.
pub(super) fn receive(call: &Call) -> bool {
    !call.name.starts_with('#')
}

/// An argument before it is evaluated.
#[derive(Clone, Copy)]
enum Unevaluated<'a> {
    Skipped,
    Term(&'a Term),
    Node(&'a Arc<Node>),
    Rule(&'a Arc<Node>, &'a Arc<Node>),
}

/// Calls a function, or a method of `receiver`.
pub(super) fn call(
    run: &Run<'_>,
    context: &Rc<Context>,
    call: &Call,
    receiver: Option<&Term>,
) -> Result<Term, Error> {
    if receiver.is_none()
        && run.has_definitions.get()
        && let Some(body) = context.definition(&call.name)
    {
        return call_definition(run, context, &body, call);
    }
    let family = if receiver.is_some() { call.method } else { call.function };
    let takes_rules = family.first().is_some_and(|function| function.takes_rules);
    let mut places: Vec<Unevaluated<'_>> = Vec::with_capacity(call.arguments.len() + 1);
    places.extend(receiver.map(Unevaluated::Term));
    let mut named = Vec::new();
    for argument in &call.arguments {
        match argument {
            Argument::Skipped => places.push(Unevaluated::Skipped),
            Argument::Value(node) => places.push(Unevaluated::Node(node)),
            Argument::Mapping(key, value) if takes_rules => places.push(Unevaluated::Rule(key, value)),
            Argument::Mapping(key, value) if !family.is_empty() => {
                named.push((word(key)?, Unevaluated::Node(value)));
            }
            // An unknown function is reported as such, whatever its arguments are.
            Argument::Mapping(..) => {}
        }
    }
    let target = Target { run, context, name: &call.name, receiver };
    target.dispatch(family, &places, &named)
}

/// Calls a function, or a method of `receiver`, by its name and with values: the function `call`.
pub(super) fn call_by_name(
    run: &Run<'_>,
    context: &Rc<Context>,
    name: &str,
    receiver: Option<&Term>,
    terms: &[Term],
    named: &[(Arc<str>, Term)],
) -> Result<Term, Error> {
    // The original lets a name end in underscores where it would clash with a word of Python.
    let name = name.trim_end_matches('_');
    if receiver.is_none()
        && run.has_definitions.get()
        && let Some(body) = context.definition(name)
    {
        return body.call_named(run, terms, named);
    }
    let (functions, methods) = super::library::find(name);
    let family = if receiver.is_some() { methods } else { functions };
    let places: Vec<_> = receiver.into_iter().chain(terms).map(Unevaluated::Term).collect();
    let named: Vec<_> = named.iter().map(|(name, term)| (&**name, Unevaluated::Term(term))).collect();
    let target = Target { run, context, name, receiver };
    target.dispatch(family, &places, &named)
}

fn word(node: &Node) -> Result<&str, Error> {
    match &node.kind {
        NodeKind::Word(word) => Ok(word),
        _ => Err(ErrorKind::Mapping.into()),
    }
}

fn call_definition(run: &Run<'_>, context: &Rc<Context>, body: &Lambda, call: &Call) -> Result<Term, Error> {
    let mut terms = Vec::new();
    let mut named = Vec::new();
    for argument in &call.arguments {
        match argument {
            // A function by `def` has no defaults, so a skipped argument is null.
            Argument::Skipped => terms.push(Term::Null),
            Argument::Value(node) => terms.push(evaluate(run, context, node)?),
            Argument::Mapping(key, value) => {
                named.push((Arc::from(word(key)?), evaluate(run, context, value)?));
            }
        }
    }
    body.call_named(run, &terms, &named)
}

/// The target of a call, for messages.
struct Target<'a, 'b> {
    run: &'a Run<'b>,
    context: &'a Rc<Context>,
    name: &'a str,
    receiver: Option<&'a Term>,
}

impl Target<'_, '_> {
    fn dispatch(
        &self,
        family: Family,
        places: &[Unevaluated<'_>],
        named: &[(&str, Unevaluated<'_>)],
    ) -> Result<Term, Error> {
        if family.is_empty() {
            return Err(self.unknown());
        }
        let shaped = || family.iter().copied().filter(|function| has_shape(function, places, named));
        let Some(model) = shaped().next() else { return Err(self.no_match()) };
        // Overloads with the same shape agree in the arguments that they evaluate themselves, so each argument is
        // bound only once.
        let mut bound = Vec::with_capacity(places.len());
        for (index, given) in places.iter().enumerate() {
            bound.push(self.bind(*given, model.type_at(index))?);
        }
        let mut bound_named = Vec::with_capacity(named.len());
        for (name, given) in named {
            let parameter = model.parameters.iter().find(|parameter| parameter.name == *name);
            bound_named.push((*name, self.bind(*given, parameter.map(|parameter| parameter.kind))?));
        }
        let mut winner: Option<&Function> = None;
        for function in shaped().filter(|function| takes(function, &bound, &bound_named)) {
            match winner {
                // As in YAQL, two overloads that both fit, neither narrower than the other, are an error of the
                // caller.
                Some(known) if is_narrower(known, function, bound.len()) => {}
                Some(known) if !is_narrower(function, known, bound.len()) => {
                    return Err(ErrorKind::Ambiguous(self.name.to_owned()).into());
                }
                _ => winner = Some(function),
            }
        }
        let Some(function) = winner else { return Err(self.no_match()) };
        (function.body)(self.run, &self.arrange(function, bound, bound_named))
    }

    /// Evaluates an argument, unless the parameter takes the expression itself.
    fn bind(&self, given: Unevaluated<'_>, kind: Option<Type>) -> Result<Bound, Error> {
        let lambda = |node: &Arc<Node>| Lambda { node: Arc::clone(node), context: Rc::clone(self.context) };
        Ok(match (given, kind) {
            (Unevaluated::Skipped, _) => Bound::Absent,
            (Unevaluated::Term(term), Some(Type::Lambda)) => {
                Bound::Lambda(Lambda::constant(self.context, term)?)
            }
            (Unevaluated::Term(term), _) => Bound::Term(term.clone()),
            (Unevaluated::Node(node), Some(Type::Lambda)) => Bound::Lambda(lambda(node)),
            (Unevaluated::Node(node), _) => Bound::Term(evaluate(self.run, self.context, node)?),
            (Unevaluated::Rule(key, value), Some(Type::LazyRule)) => Bound::Rule(lambda(key), lambda(value)),
            (Unevaluated::Rule(key, value), _) => {
                let rule = (evaluate(self.run, self.context, key)?, evaluate(self.run, self.context, value)?);
                Bound::Term(Term::Rule(Rc::new(rule)))
            }
        })
    }

    /// Puts arguments into the order of the parameters.
    fn arrange(&self, function: &Function, bound: Vec<Bound>, named: Vec<(&str, Bound)>) -> Arguments<'_> {
        let mut fixed = bound;
        let rest = fixed.split_off(fixed.len().min(function.parameters.len()));
        fixed.resize(function.parameters.len(), Bound::Absent);
        let mut others = Vec::new();
        for (name, value) in named {
            let index = function.parameters.iter().position(|parameter| parameter.name == name);
            match (index.and_then(|index| fixed.get_mut(index)), value) {
                (Some(place), value) => *place = value,
                (None, Bound::Term(term)) => others.push((Arc::from(name), term)),
                (None, _) => {}
            }
        }
        Arguments { context: self.context, fixed, rest, named: others }
    }

    fn unknown(&self) -> Error {
        let name = self.name.to_owned();
        match self.receiver {
            None => ErrorKind::UnknownFunction(name).into(),
            Some(receiver) => ErrorKind::UnknownMethod { name, receiver: display::short(receiver) }.into(),
        }
    }

    fn no_match(&self) -> Error {
        let name = self.name.to_owned();
        match self.receiver {
            None => ErrorKind::NoMatchingFunction(name).into(),
            Some(receiver) => ErrorKind::NoMatchingMethod { name, receiver: display::short(receiver) }.into(),
        }
    }
}

/// Whether the number and the names of arguments fit the overload.
fn has_shape(function: &Function, places: &[Unevaluated<'_>], named: &[(&str, Unevaluated<'_>)]) -> bool {
    let parameters = function.parameters;
    if places.len() > parameters.len() && function.rest.is_none() {
        return false;
    }
    let is_rule = |index: usize| matches!(places.get(index), Some(Unevaluated::Rule(..)));
    let has_lazy_rules = function.rest == Some(Type::LazyRule);
    if has_lazy_rules && !(0..places.len()).all(is_rule) {
        return false;
    }
    let is_named = |name: &str| named.iter().any(|(known, _)| *known == name);
    let are_filled = parameters.iter().enumerate().all(|(index, parameter)| match places.get(index) {
        Some(Unevaluated::Term(_) | Unevaluated::Node(_) | Unevaluated::Rule(..)) => {
            !is_named(parameter.name)
        }
        Some(Unevaluated::Skipped) | None => parameter.is_optional || is_named(parameter.name),
    });
    are_filled
        && (function.takes_any_name
            || named.iter().all(|(name, _)| parameters.iter().any(|parameter| parameter.name == *name)))
}

/// Whether the types of arguments fit the overload.
fn takes(function: &Function, bound: &[Bound], named: &[(&str, Bound)]) -> bool {
    let are_placed = bound.iter().enumerate().all(|(index, value)| {
        let Bound::Term(term) = value else { return true };
        match function.parameters.get(index) {
            Some(parameter) => parameter.accepts(term),
            None => function.rest.is_some_and(|rest| rest.accepts(term)),
        }
    });
    are_placed
        && named.iter().all(|(name, value)| {
            let Bound::Term(term) = value else { return true };
            let parameter = function.parameters.iter().find(|parameter| parameter.name == *name);
            parameter.is_none_or(|parameter| parameter.accepts(term))
        })
}

/// Whether `function` is more specific than `other`.
fn is_narrower(function: &Function, other: &Function, count: usize) -> bool {
    (0..count).any(|index| match (function.type_at(index), other.type_at(index)) {
        (Some(kind), Some(other)) => kind.is_narrower(other),
        _ => false,
    })
}

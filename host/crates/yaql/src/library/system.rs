//! Variables, definitions, assertions, and calls by name.

use std::sync::Arc;

use super::super::call::call_by_name;
use super::super::context::Context;
use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::sequence::Sequence;
use super::super::syntax::Name;
use super::super::term::Term;
use super::arguments::Arguments;
use super::signature::{Function, Type, function, method, optional, required};

pub(super) const TABLE: &[Function] = &[
    method("unpack", &[required("sequence", Type::Iterable)], unpack).rest(Type::Text),
    function("with", &[], set_variables).rest(Type::Any),
    function("let", &[], set_variables).rest(Type::Any).any_name(),
    function("def", &[required("name", Type::Text), required("func", Type::Lambda)], define),
    method(
        "assert",
        &[required("obj", Type::Any), required("condition", Type::Lambda), optional("message", Type::Text)],
        assert,
    ),
    function(
        "call",
        &[
            required("name", Type::Text),
            required("args", Type::List),
            required("kwargs", Type::Dict),
            optional("receiver", Type::Any),
        ],
        call,
    ),
];

fn unpack(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let context = Context::child(args.context);
    let names = args.rest_terms();
    let mut elements = args.iterate(run, 0)?;
    let mut values = Vec::new();
    // One element more than the names is enough to see that there are too many.
    let most = if names.is_empty() { usize::MAX } else { names.len() + 1 };
    while values.len() < most
        && let Some(value) = elements.next(run)?
    {
        run.allocate(size_of::<Term>())?;
        values.push(value);
    }
    if !names.is_empty() && names.len() != values.len() {
        let (count, wanted) = (values.len(), names.len());
        return Err(Error::value(format!("Cannot unpack {count} elements into {wanted}")));
    }
    for (index, value) in values.into_iter().enumerate() {
        let name = match names.get(index) {
            Some(Term::Text(name)) => variable(name),
            _ => Name::Position(u32::try_from(index + 1).unwrap_or(u32::MAX)),
        };
        context.set(name, value)?;
    }
    Ok(Term::Context(context))
}

/// The variable with a name given as text, with or without `$`.
fn variable(name: &Arc<str>) -> Name {
    Name::new(name.strip_prefix('$').unwrap_or(name))
}

fn set_variables(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let context = Context::child(args.context);
    for (position, value) in (1..).zip(args.rest_terms()) {
        context.set(Name::Position(position), value)?;
    }
    for (name, value) in &args.named {
        context.set(variable(name), value.clone())?;
    }
    Ok(Term::Context(context))
}

fn define(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let context = Context::child(args.context);
    // A function sees its own definition, so that it can recurse.
    context.define(&camel_case(args.text(0)?.trim_end_matches('_')), args.lambda(1)?.node);
    run.has_definitions.set(true);
    Ok(Term::Context(context))
}

/// `name` in camel case, in which functions are registered.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        match chars.peek() {
            Some(next) if char == '_' && !out.is_empty() && (next.is_alphanumeric() || *next == '_') => {
                out.extend(next.to_uppercase());
                chars.next();
            }
            _ => out.push(char),
        }
    }
    out
}

fn assert(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut subject = args.term(0);
    // The condition may read the sequence, which is the result afterwards.
    if let Term::Sequence(_) = subject {
        subject = Term::Sequence(Sequence::kept(args.iterate(run, 0)?, subject.height())?);
    }
    if args.lambda(1)?.call(run, std::slice::from_ref(&subject))?.is_true() {
        return Ok(subject);
    }
    let message = args.optional_text(2).map_or_else(|| "Assertion failed".into(), |text| text.to_string());
    Err(ErrorKind::Assertion(message).into())
}

fn call(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    // Each argument is examined for the choice of the overload.
    run.steps((args.list(1)?.len() + args.dict(2)?.len()) as u64)?;
    let mut named = Vec::new();
    for (name, value) in args.dict(2)?.entries() {
        match name {
            Term::Text(name) => named.push((name, value)),
            other => {
                let message = format!("keywords must be strings, not {}", other.type_name());
                return Err(Error::type_(message));
            }
        }
    }
    let terms: Vec<_> = args.list(1)?.iter().collect();
    call_by_name(run, args.context, &args.text(0)?, args.given(3).as_ref(), &terms, &named)
}

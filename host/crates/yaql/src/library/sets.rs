//! Functions on sets.

use petrel_python::work;

use super::super::error::Error;
use super::super::limits::Run;
use super::super::term::{Key, Keys, Term};
use super::arguments::Arguments;
use super::lists::flat;
use super::signature::{Function, Parameter, Type, both, function, method, required};

const TWO: &[Parameter] = &[required("left", Type::Set), required("right", Type::Set)];

pub(super) const TABLE: &[Function] = &[
    function("set", &[], |run, args| Ok(Term::set(Keys::of(run, flat(run, args.rest_terms())?)?)))
        .rest(Type::Any),
    method("toSet", &[required("collection", Type::Iterable)], to_set),
    both("len", &[required("set", Type::Set)], |_, args| match args.term(0) {
        Term::Pairs(dict) => Ok(Term::Integer(dict.len() as i128)),
        _ => Ok(Term::Integer(args.set(0)?.members.len() as i128)),
    }),
    method("union", TWO, joined),
    method("intersect", TWO, |run, args| filtered(run, args, |key, other| other.contains(key))),
    method("difference", TWO, |run, args| filtered(run, args, |key, other| !other.contains(key))),
    method("symmetricDifference", TWO, symmetric_difference),
    method("add", &[required("set", Type::Set)], |run, args| {
        let mut members = own(args, 0)?;
        // The members were copied.
        work::charge((members.len() as u64).saturating_mul(16))?;
        for term in args.rest_terms() {
            members.insert(run, term)?;
        }
        Ok(Term::set(members))
    })
    .rest(Type::Any),
    method("remove", &[required("set", Type::Set)], |run, args| {
        let gone = Keys::of(run, args.rest_terms())?;
        without(run, &own(args, 0)?, &gone)
    })
    .rest(Type::Any),
];

fn to_set(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut members = Keys::default();
    let mut elements = args.iterate(run, 0)?;
    while let Some(element) = elements.next(run)? {
        members.insert(run, element)?;
    }
    Ok(Term::set(members))
}

/// The members of a set that has methods, which the keys of a mapping have not.
fn own(args: &Arguments<'_>, index: usize) -> Result<Keys, Error> {
    let set = args.set(index)?;
    if set.is_view {
        return Err(Error::type_("the keys of a mapping have no such method; use keys().toSet()"));
    }
    Ok(Keys::clone(&set.members))
}

fn joined(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut members = own(args, 0)?;
    let mut others = args.iterate(run, 1)?;
    run.allocate(members.len() * size_of::<Key>())?;
    while let Some(other) = others.next(run)? {
        members.insert(run, other)?;
    }
    Ok(Term::set(members))
}

fn filtered(run: &Run<'_>, args: &Arguments<'_>, keep: fn(&Key, &Keys) -> bool) -> Result<Term, Error> {
    let members = own(args, 0)?;
    let other = Keys::of(run, args.iterate(run, 1)?.collect(run)?)?;
    Ok(Term::set(kept(run, &members, |key| keep(key, &other))?))
}

fn kept(run: &Run<'_>, members: &Keys, keep: impl Fn(&Key) -> bool) -> Result<Keys, Error> {
    run.steps(members.len() as u64)?;
    work::compare(members.weight())?;
    let mut kept = Keys::default();
    members.iter().filter(|key| keep(key)).for_each(|key| kept.push(key.clone()));
    Ok(kept)
}

fn without(run: &Run<'_>, members: &Keys, gone: &Keys) -> Result<Term, Error> {
    kept(run, members, |key| !gone.contains(key)).map(Term::set)
}

fn symmetric_difference(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let left = own(args, 0)?;
    let right = Keys::of(run, args.iterate(run, 1)?.collect(run)?)?;
    let mut members = kept(run, &left, |key| !right.contains(key))?;
    run.steps(right.len() as u64)?;
    work::compare(right.weight())?;
    right.iter().filter(|key| !left.contains(key)).for_each(|key| members.push(key.clone()));
    Ok(Term::set(members))
}

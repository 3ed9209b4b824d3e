//! Functions on mappings.

use super::super::compare::equal_counted;
use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::operators::merged;
use super::super::sequence::{Iteration, exhausted};
use super::super::term::{Dict, Entries, Key, Keys, Set, Term};
use super::arguments::Arguments;
use super::signature::{Function, Type, both, function, method, optional, required};

pub(super) const TABLE: &[Function] = &[
    function("dict", &[], from_rules).rest(Type::Rule).rules(),
    function("#map", &[], from_rules).rest(Type::Rule).rules(),
    function("dict", &[required("items", Type::Iterable)], from_pairs).rules(),
    method(
        "toDict",
        &[
            required("collection", Type::Iterable),
            required("keySelector", Type::Lambda),
            optional("valueSelector", Type::Lambda),
        ],
        to_dict,
    ),
    function("#indexer", &[required("dict", Type::Dict), required("key", Type::Any)], index),
    function(
        "#indexer",
        &[required("dict", Type::Dict), required("key", Type::Any), required("default", Type::Any)],
        get,
    ),
    method(
        "get",
        &[required("dict", Type::Dict), required("key", Type::Any), optional("default", Type::Any)],
        get,
    ),
    method(
        "set",
        &[required("dict", Type::Dict), required("key", Type::Any), required("value", Type::Any)],
        |run, args| {
            let mut entries = args.dict(0)?.to_entries(run)?;
            entries.insert(run, args.term(1), args.term(2))?;
            Ok(Term::Dict(entries.into_dict()))
        },
    )
    .rules(),
    method("set", &[required("dict", Type::Dict), required("replacements", Type::Dict)], |run, args| {
        merged(run, &args.dict(0)?, &args.dict(1)?).map(Term::Dict)
    })
    .rules(),
    method("set", &[required("dict", Type::Dict)], set_rules).rest(Type::Rule).rules(),
    method("keys", &[required("dict", Type::Dict)], |run, args| {
        let members = Keys::of(run, args.dict(0)?.keys())?;
        Ok(Term::Set(Set { members: members.into(), is_view: true }))
    }),
    method("values", &[required("dict", Type::Dict)], |_, args| args.dict(0).map(Term::Values)),
    method("items", &[required("dict", Type::Dict)], |_, args| args.dict(0).map(Term::Pairs)),
    both("len", &[required("dict", Type::Dict)], |_, args| Ok(Term::Integer(args.dict(0)?.len() as i128))),
    method("containsKey", &[required("dict", Type::Dict), required("key", Type::Any)], |run, args| {
        Ok(Term::Bool(args.dict(0)?.get(run, &args.term(1))?.is_some()))
    }),
    method("containsValue", &[required("dict", Type::Dict), required("value", Type::Any)], contains_value),
    method("delete", &[required("dict", Type::Dict)], |run, args| {
        without(run, &args.dict(0)?, args.rest_terms())
    })
    .rest(Type::Any),
    method("deleteAll", &[required("dict", Type::Dict), required("keys", Type::Iterable)], |run, args| {
        let keys = args.iterate(run, 1)?.collect(run)?;
        without(run, &args.dict(0)?, keys)
    }),
];

fn insert_rules(run: &Run<'_>, entries: &mut Entries, rules: Vec<Term>) -> Result<(), Error> {
    for rule in rules {
        if let Term::Rule(rule) = rule {
            entries.insert(run, rule.0.clone(), rule.1.clone())?;
        }
    }
    Ok(())
}

fn from_rules(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut entries = Entries::default();
    insert_rules(run, &mut entries, args.rest_terms())?;
    Ok(Term::Dict(entries.into_dict()))
}

fn set_rules(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut entries = args.dict(0)?.to_entries(run)?;
    insert_rules(run, &mut entries, args.rest_terms())?;
    Ok(Term::Dict(entries.into_dict()))
}

fn from_pairs(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut entries = Entries::default();
    let mut pairs = args.iterate(run, 0)?;
    while let Some(pair) = pairs.next(run)? {
        let mut parts = Iteration::new(run, &pair)?;
        let key = parts.next(run)?.ok_or_else(exhausted)?;
        let value = parts.next(run)?.ok_or_else(exhausted)?;
        entries.insert(run, key, value)?;
    }
    Ok(Term::Dict(entries.into_dict()))
}

fn to_dict(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut entries = Entries::mutable();
    let (key, value) = (args.lambda(1)?, args.optional_lambda(2));
    let mut elements = args.iterate(run, 0)?;
    while let Some(element) = elements.next(run)? {
        let element = [element];
        let key = key.call(run, &element)?;
        let [element] = match &value {
            Some(value) => [value.call(run, &element)?],
            None => element,
        };
        entries.insert(run, key, element)?;
    }
    Ok(Term::Dict(entries.into_dict()))
}

fn index(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let key = args.term(1);
    let value = args.dict(0)?.get(run, &key)?;
    value.ok_or_else(|| ErrorKind::UnknownKey(super::super::display::short(&key)).into())
}

fn get(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let value = args.dict(0)?.get(run, &args.term(1))?;
    Ok(value.unwrap_or_else(|| args.term(2)))
}

fn contains_value(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let wanted = args.term(1);
    for (_, value) in args.dict(0)?.entries() {
        if equal_counted(run, &value, &wanted)? {
            return Ok(Term::Bool(true));
        }
    }
    Ok(Term::Bool(false))
}

fn without(run: &Run<'_>, dict: &Dict, keys: Vec<Term>) -> Result<Term, Error> {
    let mut entries = dict.to_entries(run)?;
    // In YAQL, too, `delete` makes a plain `dict` of a frozen one.
    entries.is_mutable = true;
    for key in keys {
        // Removing an entry moves those behind it.
        run.steps(entries.len() as u64 / 64)?;
        entries.remove(&Key::new(run, key)?);
    }
    Ok(Term::Dict(entries.into_dict()))
}

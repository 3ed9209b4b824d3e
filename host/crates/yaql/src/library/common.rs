//! The types of values.

use super::super::term::Term;
use super::signature::{Function, Type, function, required};

pub(super) const TABLE: &[Function] = &[
    function("isString", &[required("arg", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::Text(_))))
    }),
    function("isInteger", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::Integer(_))))
    }),
    function("isNumber", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(args.term(0).as_number().is_some()))
    }),
    function("isList", &[required("arg", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::List(_))))
    }),
    function("isDict", &[required("arg", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::Dict(_))))
    }),
    function("isSet", &[required("arg", Type::Any)], |_, args| {
        Ok(Term::Bool(Type::Set.accepts(&args.term(0))))
    }),
    function("isIterable", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(args.term(0).is_iterable()))
    }),
    function("isRegex", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::Pattern(_))))
    }),
    function("isDatetime", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::DateTime(_))))
    }),
    function("isTimespan", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::TimeSpan(_))))
    }),
];

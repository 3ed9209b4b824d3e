//! Functions on booleans.

use super::super::term::Term;
use super::signature::{Function, Type, function, required};

pub(super) const TABLE: &[Function] = &[
    function("bool", &[required("value", Type::Any)], |_, args| Ok(Term::Bool(args.term(0).is_true()))),
    function("isBoolean", &[required("value", Type::Any)], |_, args| {
        Ok(Term::Bool(matches!(args.term(0), Term::Bool(_))))
    }),
];

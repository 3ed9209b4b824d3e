//! The library: YAQL's standard functions and methods and the platform's own, with a table for each area.
//! [`signature`] defines the rows of the tables; [`super::call`] chooses an overload and calls it.

mod arguments;
mod boolean;
mod branching;
mod collections;
mod common;
mod datetime;
mod dictionaries;
mod grouping;
mod lists;
mod math;
mod platform;
mod queries;
mod reductions;
mod regex;
mod sets;
mod signature;
mod splitting;
mod strings;
mod system;
mod texts;
mod workflow;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use petrel_scope::names::Role;

pub(super) use arguments::{Arguments, Bound};
pub(super) use datetime::property;
pub(super) use signature::{Function, Type};
pub(super) use workflow::engine_variable;

use signature::Kind;

/// The overloads of one name.
pub(super) type Family = &'static [&'static Function];

const TABLES: [&[Function]; 17] = [
    workflow::TABLE,
    platform::TABLE,
    boolean::TABLE,
    branching::TABLE,
    collections::TABLE,
    common::TABLE,
    datetime::TABLE,
    dictionaries::TABLE,
    grouping::TABLE,
    lists::TABLE,
    math::TABLE,
    queries::TABLE,
    reductions::TABLE,
    regex::TABLE,
    sets::TABLE,
    splitting::TABLE,
    strings::TABLE,
];

type Families = BTreeMap<&'static str, Vec<&'static Function>>;

static FUNCTIONS: LazyLock<Families> = LazyLock::new(|| families(Kind::is_function));
static METHODS: LazyLock<Families> = LazyLock::new(|| families(Kind::is_method));

fn families(belongs: fn(Kind) -> bool) -> Families {
    let mut families = Families::new();
    for function in TABLES.into_iter().chain([system::TABLE]).flatten() {
        if belongs(function.kind) {
            families.entry(function.name).or_default().push(function);
        }
    }
    families
}

/// The functions and the methods with this name.
pub(super) fn find(name: &str) -> (Family, Family) {
    let family = |families: &'static Families| families.get(name).map_or(&[][..], Vec::as_slice);
    (family(&FUNCTIONS), family(&METHODS))
}

/// The names of all methods or of all functions, except operators, which nobody writes by name.
pub(super) fn names(role: Role) -> impl Iterator<Item = &'static str> {
    let families: &'static Families = if role == Role::Method { &METHODS } else { &FUNCTIONS };
    families.keys().copied().filter(|name| name.starts_with(char::is_alphabetic))
}

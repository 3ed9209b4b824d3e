//! Functions for operators in which Python and the library differ. [`crate::rewrite`] puts them in the place of the
//! operators; nobody writes their names.

mod arithmetic;
mod slice;

pub(crate) use arithmetic::add;

use indexmap::IndexMap;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use crate::display;
use crate::filters::{CallArguments, defined, items, order, wrong};
use crate::missing;
use crate::mutable;
use crate::sequence;
use crate::weight::weigh;
use crate::work;

/// A chain of comparisons: `a < b <= c`.
pub(crate) const COMPARE: &str = "petrel__compare";
/// A chain of `+`, `-`, `*`, `/`, `//` and `%`.
pub(crate) const ARITHMETIC: &str = "petrel__arithmetic";
/// `value[start:stop:step]`.
pub(crate) const SLICE: &str = "petrel__slice";
/// The value that a loop iterates over.
pub(crate) const EACH: &str = "petrel__each";
/// A mutable list.
pub(crate) const LIST: &str = "petrel__list";
/// A mutable mapping.
pub(crate) const MAPPING: &str = "petrel__mapping";
/// A key of a mapping, which is weighed because the engine hashes it without counting.
pub(crate) const KEY: &str = "petrel__key";
/// A lookup by key: the value, the key, and the expression as it was written.
pub(crate) const ITEM: &str = "petrel__item";
/// A value that the engine is about to index. A text must be charged, because its characters are counted.
pub(crate) const INDEXED: &str = "petrel__indexed";
/// A chain of `~`.
pub(crate) const CONCATENATE: &str = "petrel__concatenate";

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function(COMPARE, compare);
    environment.add_function(ARITHMETIC, arithmetic::row);
    environment.add_function(SLICE, slice::slice);
    add_tests(environment);
    environment.add_function(EACH, each);
    environment.add_function(LIST, |value: Value| items(value).map(mutable::list));
    environment.add_function(MAPPING, mapping);
    environment.add_function(KEY, |value: Value| weigh(&value).map(|()| value).map_err(Error::from));
    environment.add_function(ITEM, item);
    environment.add_function(INDEXED, indexed);
    environment.add_function(CONCATENATE, concatenate);
    environment.add_function("cycler", |given: Rest<Value>| minijinja_contrib::globals::cycler(given.0));
    environment.add_function("dict", dict);
    environment.add_function("joiner", minijinja_contrib::globals::joiner);
    environment.add_function("range", sequence::range);
}

/// Adds the tests that are operators.
fn add_tests(environment: &mut Environment<'static>) {
    const ORDERS: [(&str, &[&str]); 4] = [
        ("<", &["lt", "lessthan", "<"]),
        ("<=", &["le", "<="]),
        (">", &["gt", "greaterthan", ">"]),
        (">=", &["ge", ">="]),
    ];
    for (operator, names) in ORDERS {
        for name in names {
            environment.add_test(*name, move |left: &Value, right: &Value| ordered(left, right, operator));
        }
    }
    for name in ["eq", "equalto", "=="] {
        environment.add_test(name, |left: &Value, right: &Value| equal(left, right));
    }
    for name in ["ne", "!="] {
        environment.add_test(name, |left: &Value, right: &Value| equal(left, right).map(|equal| !equal));
    }
    environment.add_test("in", |value: &Value, container: &Value| contains(container, value));
    environment.add_test("odd", |value: &Value| arithmetic::leaves(value, 2, 1));
    environment.add_test("even", |value: &Value| arithmetic::leaves(value, 2, 0));
    environment.add_test("divisibleby", |value: &Value, by: i64| arithmetic::leaves(value, by, 0));
}

fn equal(left: &Value, right: &Value) -> Result<bool, Error> {
    Ok(order::equal(&defined(left.clone())?, &defined(right.clone())?)?)
}

/// Compares values, with the names of operators between them.
#[expect(clippy::needless_pass_by_value, reason = "the library hands arguments over by value")]
fn compare(given: Rest<Value>) -> Result<bool, Error> {
    for triple in given.windows(3).step_by(2) {
        let [left, operator, right] = triple else { break };
        let (left, right) = (defined(left.clone())?, defined(right.clone())?);
        let holds = match operator.as_str().unwrap_or_default() {
            "==" => order::equal(&left, &right)?,
            "!=" => !order::equal(&left, &right)?,
            "in" => contains(&right, &left)?,
            "not in" => !contains(&right, &left)?,
            ordering => ordered(&left, &right, ordering)?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two values are in an order.
fn ordered(left: &Value, right: &Value, operator: &str) -> Result<bool, Error> {
    // Nothing is ordered beside NaN: as in Python, each comparison is then false, and none is an error.
    let order = order::compare(left, right)?;
    Ok(order.is_some_and(|order| match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn contains(container: &Value, value: &Value) -> Result<bool, Error> {
    match (container.as_str(), value.as_str()) {
        (Some(text), Some(part)) => {
            work::scan(text.len().saturating_add(part.len().min(text.len())))?;
            Ok(text.contains(part))
        }
        (Some(_), None) => {
            Err(wrong(format!("a text can only hold texts, not a value of type {}", value.kind())))
        }
        // Jinja's `in` asks a mapping for its keys, not for its values.
        (None, _) if container.kind() == ValueKind::Map => {
            weigh(value)?;
            Ok(!container.get_item(value)?.is_undefined())
        }
        (None, _) => {
            for item in items(container.clone())? {
                if order::equal(&item, value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn indexed(value: Value) -> Result<Value, Error> {
    // Twice, because an index from the end counts the characters first.
    work::scan(value.as_str().map_or(0, str::len).saturating_mul(2))?;
    Ok(value)
}

fn item(value: Value, key: Value, expression: Value) -> Result<Value, Error> {
    weigh(&key)?;
    let value = indexed(value)?;
    if value.kind() == ValueKind::Iterable {
        // A sequence is walked from its start.
        work::visit(value.len().unwrap_or(0))?;
    }
    let item = value.get_item(&key)?;
    work::check()?;
    if item.is_undefined() && (value.kind() == ValueKind::Map || !key.is_undefined()) {
        // As in the original, an undefined value is not a key.
        missing::note(expression, defined(key)?);
    }
    Ok(item)
}

fn each(value: Value) -> Result<Value, Error> {
    if defined(value.clone())?.is_none() {
        return Err(wrong("a loop cannot go through null; use `| default([], true)` where it may be null"));
    }
    // A text is iterated by characters, of which the library would not know the last one, as for `loop.last`.
    Ok(match value.as_str() {
        Some(text) => {
            work::make_list(text.len())?;
            text.chars().map(Value::from).collect()
        }
        None => value,
    })
}

/// The function `dict`: a mapping of a mapping or of pairs, and of named arguments.
fn dict(given: CallArguments) -> Result<Value, Error> {
    let mut entries = IndexMap::new();
    for value in given.into_values() {
        let is_mapping = value.kind() == ValueKind::Map;
        for item in items(value.clone())? {
            let (key, own) = if is_mapping {
                weigh(&item)?;
                let own = value.get_item(&item)?;
                (item, own)
            } else {
                let pair = <[Value; 2]>::try_from(items(item)?);
                let [key, own] = pair.map_err(|_other| wrong("dict needs a mapping or a list of pairs"))?;
                (key, own)
            };
            weigh(&key)?;
            entries.insert(key, own);
        }
    }
    Ok(Value::from_pairs(entries))
}

/// The texts of values, joined.
#[expect(clippy::needless_pass_by_value, reason = "the library hands arguments over by value")]
fn concatenate(given: Rest<Value>) -> Result<Value, Error> {
    let mut text = work::Text::default();
    for value in given.iter() {
        display::write(&mut text, &defined(value.clone())?)?;
    }
    Ok(Value::from(text.0))
}

fn mapping(value: &Value) -> Result<Value, Error> {
    let entry = |key: Value| {
        weigh(&key)?;
        value.get_item(&key).map(|item| (key, item))
    };
    work::make_list(value.len().unwrap_or(0).saturating_mul(4))?;
    let entries = value.try_iter()?.map(entry).collect::<Result<Vec<_>, Error>>()?;
    Ok(mutable::mapping(entries))
}

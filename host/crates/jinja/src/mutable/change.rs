//! The methods that change lists and mappings.
//!
//! A list is locked only while it is read or replaced. Values are compared without the lock, since they may be the
//! list itself.

use std::sync::Arc;

use minijinja::value::{Kwargs, Tuple, from_args};
use minijinja::{Error, ErrorKind, Value};
use petrel_model::quoted::quoted;

use super::{List, Mapping, holds, is_key, lock};
use crate::display;
use crate::filters::{defined, items, order, wrong};
use crate::weight::weigh;
use crate::work::{self, Exceeded};

/// The number of lists and mappings that are searched for a value within itself.
const LOOKS: u32 = 10_000;

/// Returns `value`, unless it contains the object into which it is to be put.
fn apart(value: Value, address: usize) -> Result<Value, Error> {
    let value = defined(value)?;
    let mut left = LOOKS;
    let is_held = holds(&value, address, &mut left)?;
    if left == 0 {
        return Err(wrong(format!("more than {LOOKS} lists and mappings would be in it; put less together")));
    }
    if is_held {
        return Err(wrong("a list or mapping cannot hold itself; put a copy into it"));
    }
    Ok(value)
}

/// The place of an index, which counts from the end if it is negative.
fn place(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(index).ok().filter(|place| *place < length)
}

/// The first place of `value` in `items`.
fn first(items: &[Value], value: &Value) -> Result<Option<usize>, Exceeded> {
    for (place, item) in items.iter().enumerate() {
        if order::equal(item, value)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

pub(super) fn list(list: &Arc<List>, method: &str, args: &[Value]) -> Result<Value, Error> {
    let address = Arc::as_ptr(list).addr();
    work::visit(lock(&list.0).len() / 16 + 1)?;
    work::make_list(1)?;
    match method {
        "append" => {
            let (value,): (Value,) = from_args(args)?;
            // Looked at before the lock is taken: the value may hold this very list.
            let value = apart(value, address)?;
            lock(&list.0).push(value);
        }
        "extend" => {
            let (more,): (Value,) = from_args(args)?;
            let more =
                items(more)?.into_iter().map(|item| apart(item, address)).collect::<Result<Vec<_>, _>>()?;
            lock(&list.0).extend(more);
        }
        "insert" => {
            let (index, value): (i64, Value) = from_args(args)?;
            let value = apart(value, address)?;
            let mut items = lock(&list.0);
            let length = items.len();
            let at = if index < 0 {
                place(index, length).unwrap_or(0)
            } else {
                place(index, length).unwrap_or(length)
            };
            items.insert(at, value);
        }
        "pop" => {
            let (index,): (Option<i64>,) = from_args(args)?;
            let mut items = lock(&list.0);
            let at = place(index.unwrap_or(-1), items.len());
            return at.map(|at| items.remove(at)).ok_or_else(|| wrong("pop index out of range"));
        }
        "remove" => {
            let (value,): (Value,) = from_args(args)?;
            work::make_list(lock(&list.0).len())?;
            // Compared without the lock, since the value may be this very list.
            let items = lock(&list.0).clone();
            let at = first(&items, &value)?.ok_or_else(|| wrong("list.remove(x): x not in list"))?;
            lock(&list.0).remove(at);
        }
        "reverse" => lock(&list.0).reverse(),
        "clear" => lock(&list.0).clear(),
        "sort" => {
            let named: Kwargs = from_args::<(Kwargs,)>(args)?.0;
            let reverse = named.get::<Option<bool>>("reverse")?.unwrap_or(false);
            named.assert_all_used()?;
            work::make_list(lock(&list.0).len().saturating_mul(2))?;
            let keyed = lock(&list.0).iter().map(|item| (item.clone(), item.clone())).collect();
            let sorted = order::sorted(keyed, reverse)?;
            *lock(&list.0) = sorted.into_iter().map(|(_, item)| item).collect();
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    }
    Ok(Value::from(()))
}

pub(super) fn mapping(mapping: &Arc<Mapping>, method: &str, args: &[Value]) -> Result<Value, Error> {
    let address = Arc::as_ptr(mapping).addr();
    work::make_list(4)?;
    match method {
        "update" => {
            let (other, named): (Option<Value>, Kwargs) = from_args(args)?;
            let mut more = other.as_ref().map(entries).transpose()?.unwrap_or_default();
            let named = named.args().map(|name| Ok((Value::from(name), named.get(name)?)));
            more.extend(named.collect::<Result<Vec<(Value, Value)>, Error>>()?);
            for (key, value) in more {
                check_key(&key)?;
                let value = apart(value, address)?;
                lock(&mapping.0).insert(key, value);
            }
            Ok(Value::from(()))
        }
        "setdefault" => {
            let (key, value): (Value, Option<Value>) = from_args(args)?;
            check_key(&key)?;
            let value = apart(value.unwrap_or_else(|| Value::from(())), address)?;
            Ok(lock(&mapping.0).entry(key).or_insert(value).clone())
        }
        "pop" => {
            let (key, default): (Value, Option<Value>) = from_args(args)?;
            check_key(&key)?;
            // The entries behind a removed one move.
            work::visit(lock(&mapping.0).len() / 4)?;
            let removed = lock(&mapping.0).shift_remove(&key);
            match removed.or(default) {
                Some(value) => Ok(value),
                None => Err(wrong(format!("KeyError: {}", quoted(&display::to_text(&key)?)))),
            }
        }
        "popitem" => {
            let () = from_args(args)?;
            let (key, value) =
                lock(&mapping.0).pop().ok_or_else(|| wrong("popitem(): dictionary is empty"))?;
            Ok(Value::from(Tuple::from([key, value])))
        }
        "clear" => {
            lock(&mapping.0).clear();
            Ok(Value::from(()))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// Refuses a value that cannot be a key.
fn check_key(key: &Value) -> Result<(), Error> {
    weigh(key)?;
    if is_key(key) {
        return Ok(());
    }
    Err(wrong(format!("TypeError: unhashable type: a {} cannot be a key; take its text", key.kind())))
}

/// The entries of a mapping, or of a list of pairs.
fn entries(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let is_mapping = value.kind() == minijinja::value::ValueKind::Map;
    let entry = |item: Value| {
        if is_mapping {
            weigh(&item)?;
            let own = value.get_item(&item)?;
            return Ok((item, own));
        }
        let pair = <[Value; 2]>::try_from(items(item)?);
        let [key, own] = pair.map_err(|_other| wrong("update needs a mapping or a list of pairs"))?;
        Ok((key, own))
    };
    items(value.clone())?.into_iter().map(entry).collect()
}

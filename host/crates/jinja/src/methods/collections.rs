//! Methods of lists and mappings. [`crate::mutable`] has those that change them.

use minijinja::value::{Tuple, from_args};
use minijinja::{Error, Value};

use crate::filters::{items, order, wrong};
use crate::sequence::MappingView;
use crate::weight::weigh;
use crate::work;

/// `None` for a method that this file does not have.
pub(super) fn call_on_list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "copy" => {
            let () = from_args(args)?;
            crate::mutable::list(items(value.clone())?)
        }
        "index" => {
            let (wanted, start, stop): (&Value, Option<usize>, Option<usize>) = from_args(args)?;
            let list = items(value.clone())?;
            let within = list.iter().enumerate().take(stop.unwrap_or(list.len())).skip(start.unwrap_or(0));
            for (place, item) in within {
                if order::equal(item, wanted)? {
                    return Ok(Some(Value::from(place)));
                }
            }
            return Err(wrong("the value is not in list"));
        }
        "count" => {
            let (wanted,): (&Value,) = from_args(args)?;
            let mut count = 0;
            for item in items(value.clone())? {
                count += i64::from(order::equal(&item, wanted)?);
            }
            Value::from(count)
        }
        "append" | "clear" | "extend" | "insert" | "pop" | "remove" | "reverse" | "sort" => {
            return Err(wrong(format!(
                "this list cannot be changed by {method}(); take a copy with `| list` and + first"
            )));
        }
        _ => return Ok(None),
    }))
}

/// `None` for a method that this file does not have.
pub(super) fn call_on_mapping(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let entries = || {
        work::make_list(value.len().unwrap_or(0).saturating_mul(4))?;
        let entry = |key: Value| {
            weigh(&key)?;
            Ok::<_, Error>((key.clone(), value.get_item(&key)?))
        };
        value.try_iter()?.map(entry).collect::<Result<Vec<_>, Error>>()
    };
    Ok(Some(match method {
        "keys" => {
            let () = from_args(args)?;
            MappingView::value("dict_keys", value.try_iter()?.collect())
        }
        "values" => {
            let () = from_args(args)?;
            MappingView::value("dict_values", entries()?.into_iter().map(|(_, item)| item).collect())
        }
        "items" => {
            let () = from_args(args)?;
            let pairs = entries()?.into_iter().map(|(key, item)| Value::from(Tuple::from([key, item])));
            MappingView::value("dict_items", pairs.collect())
        }
        "copy" => {
            let () = from_args(args)?;
            crate::mutable::mapping(entries()?)
        }
        "clear" | "pop" | "popitem" | "setdefault" | "update" => {
            return Err(wrong(format!("this mapping cannot be changed by {method}(); build a new one")));
        }
        _ => return Ok(None),
    }))
}

//! `value[start:stop:step]` of texts and lists, in both directions.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use crate::filters::{defined, items, wrong};
use crate::sequence;
use crate::work;

pub(super) fn slice(value: Value, start: Value, stop: Value, step: Value) -> Result<Value, Error> {
    let value = defined(value)?;
    let bound = |bound: Value| {
        let bound = defined(bound)?;
        if bound.is_none() { Ok(None) } else { i64::try_from(bound).map(Some) }
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if step == 0 {
        return Err(wrong("slice step cannot be zero"));
    }
    if let Some(text) = value.as_str() {
        // Once for all characters, and once for the chosen ones.
        work::make(text.len().saturating_mul(2 * size_of::<char>()))?;
        let chars: Vec<char> = text.chars().collect();
        return Ok(Value::from(chosen(&chars, start, stop, step).into_iter().collect::<String>()));
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) || sequence::is_mapping_view(&value) {
        return Err(wrong(format!("a value of type {} has no slices", value.kind())));
    }
    let is_tuple = value.is_tuple();
    let all = items(value)?;
    work::make_list(all.len())?;
    let list = chosen(&all, start, stop, step);
    Ok(if is_tuple { Value::from(Tuple::from(list)) } else { Value::from(list) })
}

/// The items of a slice, in its direction.
fn chosen<T: Clone>(items: &[T], start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<T> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    // Backwards, -1 stands for the place before the first item.
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp =
        |bound: i64| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(least, most);
    let (first, last) = if step > 0 { (least, most) } else { (most, least) };
    let (mut at, stop) = (start.map_or(first, clamp), stop.map_or(last, clamp));
    let mut chosen = Vec::new();
    while if step > 0 { at < stop } else { at > stop } {
        chosen.extend(usize::try_from(at).ok().and_then(|place| items.get(place)).cloned());
        at = at.saturating_add(step);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn slices_are_those_of_python() {
        let items = [0, 1, 2, 3, 4];
        for (start, stop, step, expected) in [
            (None, None, 1, &[0, 1, 2, 3, 4][..]),
            (Some(1), Some(3), 1, &[1, 2]),
            (Some(-2), None, 1, &[3, 4]),
            (None, None, -1, &[4, 3, 2, 1, 0]),
            (Some(3), Some(0), -2, &[3, 1]),
            (Some(9), None, -2, &[4, 2, 0]),
            (Some(-9), Some(9), 3, &[0, 3]),
            (Some(3), Some(1), 1, &[]),
            (None, Some(-9), -1, &[4, 3, 2, 1, 0]),
            (None, None, i64::MIN, &[4]),
        ] {
            assert_eq!(chosen(&items, start, stop, step), expected, "{start:?}:{stop:?}:{step}");
        }
        assert_eq!(chosen::<i32>(&[], None, None, -1), [0; 0]);
    }
}

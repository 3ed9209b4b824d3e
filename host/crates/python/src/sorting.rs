//! A stable sort whose comparison may fail, as in Python.
//!
//! The sort of the standard library requires a total order and may panic without one. Python's values have none: NaN
//! neither precedes nor follows a number, and comparing a number with a text is an error.

/// Sorts `items`; two of which neither precedes the other keep their order. `precedes` tells whether its first argument
/// comes strictly before its second. Both are mutable, so that it can cache computed keys in them.
///
/// # Errors
/// The first failure of `precedes`.
pub fn merge_sort<T, E>(
    items: Vec<T>,
    precedes: &mut impl FnMut(&mut T, &mut T) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let mut left = items;
    if left.len() < 2 {
        return Ok(left);
    }
    let right = left.split_off(left.len() / 2);
    let mut left = merge_sort(left, precedes)?.into_iter();
    let mut right = merge_sort(right, precedes)?.into_iter();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut first, mut second) = (left.next(), right.next());
    loop {
        match (first, second) {
            (Some(mut one), Some(mut other)) => {
                // The right one goes first only if it is strictly smaller, which keeps equal items in their order.
                if precedes(&mut other, &mut one)? {
                    merged.push(other);
                    (first, second) = (Some(one), right.next());
                } else {
                    merged.push(one);
                    (first, second) = (left.next(), Some(other));
                }
            }
            (one, other) => {
                merged.extend(one.into_iter().chain(left));
                merged.extend(other.into_iter().chain(right));
                return Ok(merged);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_keep_their_order_and_no_order_is_too_odd() {
        let pairs: Vec<_> = (0..100).map(|n| (n * 7 % 5, n)).collect();
        let mut expected = pairs.clone();
        expected.sort();
        let sorted = merge_sort(pairs, &mut |one: &mut (i32, i32), other| Ok::<_, ()>(one.0 < other.0));
        assert_eq!(sorted, Ok(expected));
        // Each precedes each: the standard library would panic.
        let odd = merge_sort((0..100).collect(), &mut |_: &mut i32, _: &mut i32| Ok::<_, ()>(true));
        assert_eq!(odd.map(|items| items.len()), Ok(100));
    }

    #[test]
    fn the_first_failure_is_the_answer() {
        let mut asked = 0;
        let failed = merge_sort((0..100).collect(), &mut |_: &mut i32, _: &mut i32| {
            asked += 1;
            if asked == 7 { Err("no order") } else { Ok(false) }
        });
        assert_eq!((failed, asked), (Err("no order"), 7));
    }
}

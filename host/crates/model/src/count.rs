//! Numbers of things, in messages and in rows.

use std::fmt::Display;

/// A number of things, `what` being the word for one: `1 rule`, `2 rules`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    format!("{count} {what}{}", if count == N::from(1_u8) { "" } else { "s" })
}

/// Whether a number is left out where it is stored.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        for (count, told) in [(0_u64, "0 rows"), (1, "1 row"), (2, "2 rows")] {
            assert_eq!(counted(count, "row"), told);
        }
        assert_eq!(counted(1_usize, "more problem"), "1 more problem");
    }
}

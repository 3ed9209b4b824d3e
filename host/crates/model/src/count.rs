//! Numbers of things in messages.

use std::fmt::Display;

/// A number of things, `what` being the word for one: `1 rule`, `2 rules`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    format!("{count} {what}{}", if count == N::from(1_u8) { "" } else { "s" })
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

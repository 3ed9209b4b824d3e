//! The visible outcome of a simulation, line by line, and the first difference between two simulations of one seed.

/// The number of lines that are shown before the first difference.
const BEFORE: usize = 12;

/// The first difference of two traces, with what came before it; nothing when they are the same.
pub(crate) fn difference(first: &[String], second: &[String]) -> Option<String> {
    let same = first.iter().zip(second).take_while(|(one, other)| one == other).count();
    if same == first.len() && same == second.len() {
        return None;
    }
    let end = || "(the end)".to_owned();
    let before: String =
        first.iter().take(same).skip(same.saturating_sub(BEFORE)).map(|line| format!("{line}\n")).collect();
    let (one, other) =
        (first.get(same).cloned().unwrap_or_else(end), second.get(same).cloned().unwrap_or_else(end));
    Some(format!("line {} differs\n{before}first:  {one}\nsecond: {other}", same + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_what_came_before() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(difference(&lines("a b"), &lines("a b")), None);
        for (second, shown) in [
            ("a x", "line 2 differs\na\nfirst:  b\nsecond: x"),
            ("a", "line 2 differs\na\nfirst:  b\nsecond: (the end)"),
            ("a b c", "line 3 differs\na\nb\nfirst:  (the end)\nsecond: c"),
        ] {
            assert_eq!(difference(&lines("a b"), &lines(second)).as_deref(), Some(shown));
        }
    }
}

//! Refusals of words that are not among the known ones, with the near one.

use petrel_model::nearest::nearest;

use crate::ApiError;
use crate::page::lists::List;

/// A name from a query, made fit for a message.
pub(crate) fn shown(name: &str) -> String {
    // A name from outside may be long and hold control characters.
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

/// The hint about a word that is none of `words`: the near one, and behind `lead` all of them.
pub(crate) fn known(word: &str, lead: &str, words: &[&str]) -> String {
    let all = format!("{lead} {}", words.join(", "));
    match nearest(word, words.iter().copied()) {
        Some(near) => format!("did you mean {near}? {all}"),
        None => all,
    }
}

/// The refusal of a parameter that `list` does not know.
pub(super) fn unknown(list: &List, name: &str) -> ApiError {
    let message = format!("the list at {} knows no `{}`", list.path, shown(name));
    let names = list.names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let known = known(name, "it knows", &names);
    // StackStorm's executions take several conditions in one `filter`: `status:failed action:core.local`.
    let hint = if name == "filter" {
        format!("say each by its own name, as in ?{}; {known}", example(list))
    } else {
        known
    };
    ApiError::invalid(message, hint)
}

/// A query with two filters of the list, as an example.
fn example(list: &List) -> String {
    let names = list.columns.iter().map(|column| format!("{}=VALUE", column.name)).take(2);
    names.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_knows_is_told_the_near_one_and_all() {
        for (word, hint) in [
            ("failled", "did you mean failed? it is one of succeeded, failed"),
            ("done", "it is one of succeeded, failed"),
        ] {
            assert_eq!(known(word, "it is one of", &["succeeded", "failed"]), hint);
        }
    }
}

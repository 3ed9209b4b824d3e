//! The refusal of a parameter that a list does not know.

use crate::ApiError;
use crate::page::lists::List;
use crate::words::{known, shown};

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

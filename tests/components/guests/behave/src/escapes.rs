//! Attempts to escape, by the functions of WASI themselves: no library of a language stands between.

mod files;
mod floods;
mod requests;

use petrel_pack_sdk::{Context, Error};

use crate::attempt::Attempt;

/// Makes one attempt, and says what the host answered.
pub(crate) fn make(ctx: &Context, attempt: &Attempt) -> Result<String, Error> {
    match attempt.what.split_once(' ') {
        Some(("file", what)) => files::make(what, attempt),
        Some(("send", what)) => requests::make(ctx, what, attempt),
        Some(("flood", what)) => floods::make(ctx, what, attempt),
        _ => Err(Error::invalid_input(format!("there is no attempt {}", attempt.what))),
    }
}

//! The keys for secrets of a host that is not running: a new one, or those of another file.

use std::path::Path;

use serde_json::json;

use crate::config::{Configuration, Flags};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::vault_file;

/// Makes a new key for secrets.
pub(super) fn rotate(form: Form, is_lost: bool, flags: &Flags) -> Result<Code, Failure> {
    let settings = Configuration::load(flags)?.settings;
    let file = vault_file::path(&settings);
    let count = vault_file::rotate(&file, is_lost)?;
    match form {
        Form::Json => print::json(&json!({"file": file, "keys": count})),
        Form::Text => {
            let older = print::counted(count.saturating_sub(1), "older key");
            print::line(&format!("{}: a new key, before {older}", file.display()));
            print::line("next: start the host again; it encrypts with the new key from then on");
        }
    }
    Ok(Code::Ok)
}

/// Adds the keys of another file to those for secrets.
pub(super) fn add(form: Form, from: &Path, flags: &Flags) -> Result<Code, Failure> {
    let settings = Configuration::load(flags)?.settings;
    let file = vault_file::path(&settings);
    let (added, count) = vault_file::add(&file, from)?;
    match form {
        Form::Json => print::json(&json!({"file": file, "added": added, "keys": count})),
        Form::Text => {
            let new = print::counted(added, "new key");
            print::line(&format!("{}: {new}, {count} in all", file.display()));
            if added > 0 {
                print::line("next: start the host again; it reads what was encrypted with them from then on");
            }
        }
    }
    Ok(Code::Ok)
}

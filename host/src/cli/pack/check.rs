//! `petrel pack check`: what the host would say of the pack in a directory. No host is needed.

use std::path::Path;

use petrel_catalog::content::{Content, Runners};
use petrel_catalog::registration::look_at;
use petrel_packs::{Embedded, read_pack};
use serde_json::json;

use crate::bundled;
use crate::config::Configuration;
use crate::exit::{Code, Failure};
use crate::print::{self, Form, counted};
use crate::server::runners;

/// Prints all problems and warnings of a pack.
pub(super) async fn check(form: Form, directory: &Path) -> Result<Code, Failure> {
    if let Some(mistaken) = super::typed::mistaken("check", directory) {
        return Err(mistaken);
    }
    let directory =
        directory.canonicalize().map_err(|error| super::wanted::unreadable("check", directory, &error))?;
    // The host's own packs are known wherever the pack is registered, so its references to them can be checked.
    let own = bundled::PACKS.iter().filter(|pack| pack.is_own());
    let own = own.filter_map(|pack| read_pack(&Embedded(pack.files)).ok()).collect();
    let content = Content::of_packs(runners()?, own);
    let (problems, warnings) = match look_at(&directory, content).await {
        Ok(contents) => {
            let refused = contents.refused.into_values().chain(contents.refused_rules.into_values());
            (refused.flatten().collect(), contents.notes)
        }
        Err(problems) => (problems, Vec::new()),
    };
    let code = if problems.is_empty() { Code::Ok } else { Code::Failed };
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    if form == Form::Json {
        print::json(&json!({"problems": problems, "warnings": warnings}));
        return Ok(code);
    }
    problems.iter().for_each(|problem| print::line(&format!("error: {problem}")));
    warnings.iter().for_each(|warning| print::line(&format!("warning: {warning}")));
    let (errors, warnings) =
        (counted(problems.len() as u64, "error"), counted(warnings.len() as u64, "warning"));
    print::note(&format!("{errors}, {warnings}"));
    Ok(code)
}

/// The runners for the check: by the settings of this machine, or by the defaults if these are invalid.
fn runners() -> Result<Runners, Failure> {
    let of_machine = Configuration::of_client().and_then(|settings| runners::to_look(&settings));
    of_machine.or_else(|failure| {
        let reason = failure.message;
        print::note(&format!(
            "checked with the default settings, since those of this machine are not valid: {reason}"
        ));
        runners::to_look(&Configuration::of_nobody()?)
    })
}

//! `petrel pack new`: the directory of a new pack, which can be built at once. No host is needed.

use std::path::PathBuf;

use clap::Args;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_pack_build::{Error, Language, template};
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// The new pack.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The name of the pack
    name: String,
    /// The language of its component: rust, python, js, go or c
    #[arg(long, value_name = "LANGUAGE")]
    lang: String,
    /// The directory to make, if it is not to have the name of the pack
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

impl New {
    pub(super) fn run(self, form: Form) -> Result<Code, Failure> {
        let language = Language::of_word(&self.lang).ok_or_else(|| unknown(&self.lang))?;
        let directory = self.directory.unwrap_or_else(|| PathBuf::from(&self.name));
        let files = template::create(language, &self.name, &directory).map_err(|error| failed(&error))?;
        let shown: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        if form == Form::Json {
            print::json(&json!({"pack": self.name, "language": language.word(), "files": shown}));
            return Ok(Code::Ok);
        }
        shown.iter().for_each(|file| print::line(&format!("wrote {file}")));
        let place = directory.display();
        print::note(&format!("{place}/README.md says how to go on: `petrel pack build {place}` is next"));
        Ok(Code::Ok)
    }
}

/// The failure for a language that there is none of.
fn unknown(word: &str) -> Failure {
    let words = Language::ALL.map(Language::word);
    let near = nearest(word, words).map_or_else(String::new, |near| format!("did you mean {near}? "));
    Failure::usage(
        format!("there is no template for the language `{}`", quoted(word)),
        format!(
            "{near}there are {}; a component in any other can be built against wit/ by hand",
            words.join(", ")
        ),
    )
}

/// The failure for a pack that cannot be made or built.
pub(super) fn failed(error: &Error) -> Failure {
    let (code, kind) = match error {
        Error::NoTool { .. } => (Code::Failed, "build.tool"),
        Error::Failed { .. } => (Code::Failed, "build.failed"),
        Error::NotAdapted { .. } => (Code::Failed, "component.world"),
        Error::Exists(_) => (Code::Conflict, "conflict"),
        Error::Name { .. } | Error::NoSources(_) | Error::Mixed(..) | Error::File { .. } => {
            (Code::Usage, "usage")
        }
    };
    Failure::new(code, kind, error.to_string(), error.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pack_is_made_in_a_directory_of_its_name_or_another() {
        let place = tempfile::tempdir().unwrap();
        let new = |lang: &str, directory: &str| {
            let directory = Some(place.path().join(directory));
            New { name: "mine".to_owned(), lang: lang.to_owned(), directory }.run(Form::Text)
        };
        assert_eq!(new("python", "one").unwrap(), Code::Ok);
        assert!(place.path().join("one/component/actions.py").is_file());
        let refused = new("python", "one").unwrap_err();
        assert_eq!(refused.code, Code::Conflict);
        let refused = new("pyton", "two").unwrap_err();
        assert!(refused.code == Code::Usage && refused.hint.contains("did you mean python?"), "{refused}");
        assert!(!place.path().join("two").exists());
    }
}

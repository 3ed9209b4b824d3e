//! `petrel pack build`: the component of a pack from its sources, and the metadata of what it describes. No host is needed.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use petrel_pack_build::{Language, building, places};
use petrel_packs::definition::read_pack_definition;
use petrel_packs::limits::{LARGEST_ENTRY_POINT, LARGEST_METADATA};
use petrel_packs::{Directory, Source as _};
use serde_json::json;

use super::describe;
use super::new::failed;
use crate::exit::{Code, Failure};
use crate::print::{self, Form, counted};

/// The pack to build.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The directory with pack.yaml
    #[arg(default_value = ".")]
    directory: PathBuf,
}

/// A pack that was built.
#[derive(Debug)]
pub(super) struct Built {
    /// The component.
    component: PathBuf,
    /// The language of its sources.
    language: Language,
    /// Its size in bytes.
    size: u64,
    /// The files with metadata.
    pub(super) metadata: Vec<PathBuf>,
}

impl Build {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let built = built(&self.directory).await?;
        let metadata: Vec<_> = built.metadata.iter().map(|file| file.display().to_string()).collect();
        if form == Form::Json {
            let (component, language) = (built.component.display().to_string(), built.language.word());
            print::json(
                &json!({"component": component, "language": language, "size": built.size, "metadata": metadata}),
            );
            return Ok(Code::Ok);
        }
        print::line(&built.told());
        metadata.iter().for_each(|file| print::line(&format!("wrote {file}")));
        let place = self.directory.display();
        print::note(&format!(
            "`petrel pack test {place}` runs its cases, `petrel pack register {place}` registers it"
        ));
        Ok(Code::Ok)
    }
}

impl Built {
    /// One line on it.
    pub(super) fn told(&self) -> String {
        let kib = self.size.div_ceil(1024);
        format!("built {} from {} ({kib} KiB)", self.component.display(), self.language.title())
    }
}

/// Builds the pack in a directory.
pub(super) async fn built(directory: &Path) -> Result<Built, Failure> {
    if let Some(mistaken) = super::typed::mistaken("build", directory) {
        return Err(mistaken);
    }
    let pack =
        directory.canonicalize().map_err(|error| super::wanted::unreadable("build", directory, &error))?;
    let within = component_of(&pack)?;
    let language = building::language_of(&pack).map_err(|error| failed(&error))?;
    print::progress(&format!("building {} from {}", within.display(), language.title()));
    petrel_pack_build::build(&pack, language, &within).map_err(|error| failed(&error))?;
    let component = pack.join(&within);
    let size = component.metadata().map(|file| file.len()).unwrap_or_default();
    refuse_large(&component, size)?;
    // It is compiled and linked for this, so that one for another host is told here.
    let metadata = describe::write_metadata(&component, &pack).await?;
    Ok(Built { component, language, size, metadata })
}

/// The file of the component within the pack, as `pack.yaml` says it.
fn component_of(pack: &Path) -> Result<PathBuf, Failure> {
    let text = Directory::open(pack).and_then(|files| files.read("pack.yaml", LARGEST_METADATA));
    let text = text.map_err(|error| {
        Failure::usage(
            format!("{}/pack.yaml cannot be read: {error}", pack.display()),
            "give the directory of a pack; `petrel pack new --lang LANGUAGE NAME` makes one",
        )
    })?;
    let definition = read_pack_definition("pack.yaml", &text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"), "correct pack.yaml and build again")
    })?;
    match definition.components.as_slice() {
        [] => Ok(places::usual_component(&definition.pack.reference)),
        [component] => file_within(&component.path),
        several => Err(Failure::usage(
            format!(
                "pack.yaml has {}, and `petrel pack build` builds the one of `component/`",
                counted(several.len() as u64, "component")
            ),
            "build them by their own tools, and write their metadata by `petrel pack describe COMPONENT --write`",
        )),
    }
}

/// The path of a component, which is one to write to: a file of the pack, and none of its own sources.
fn file_within(path: &str) -> Result<PathBuf, Failure> {
    let file = PathBuf::from(path);
    let is_within = file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if is_within && file.extension().is_some_and(|end| end == "wasm") {
        return Ok(file);
    }
    Err(Failure::usage(
        format!("the path `{path}` of the component in pack.yaml is no file NAME.wasm in the pack"),
        "write it as wasm/NAME.wasm, and build again",
    ))
}

/// Refuses a component that no host would take.
fn refuse_large(component: &Path, size: u64) -> Result<(), Failure> {
    if size <= LARGEST_ENTRY_POINT {
        return Ok(());
    }
    let most = LARGEST_ENTRY_POINT >> 20;
    Err(Failure::new(
        Code::Failed,
        "component.invalid",
        format!("{} has {} MiB, and a component has at most {most}", component.display(), size >> 20),
        "leave out libraries and data that its actions do not need",
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PACK: &str =
        "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

    #[test]
    fn the_component_is_where_pack_yaml_says() {
        let place = tempfile::tempdir().unwrap();
        let component = |more: &str| {
            fs::write(place.path().join("pack.yaml"), format!("{PACK}{more}")).unwrap();
            component_of(place.path())
        };
        assert_eq!(component("").unwrap(), Path::new("wasm/mine.wasm"));
        let one = "wasm:\n  components:\n    - {name: other, path: wasm/other.wasm}\n";
        assert_eq!(component(one).unwrap(), Path::new("wasm/other.wasm"));
        for path in ["/tmp/other.wasm", "../other.wasm", "component/actions.py"] {
            let refused = component(&one.replace("wasm/other.wasm", path)).unwrap_err();
            assert!(refused.message.contains(path), "{refused}");
        }
        let two = format!("{one}    - {{name: more, path: wasm/more.wasm}}\n");
        assert!(component(&two).unwrap_err().message.contains("2 components"));
        fs::write(place.path().join("pack.yaml"), "ref: mine\n").unwrap();
        assert!(component_of(place.path()).unwrap_err().message.contains("pack.yaml:1:1"));
    }

    #[tokio::test]
    async fn a_directory_without_sources_is_told_what_could_be_there() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("pack.yaml"), PACK).unwrap();
        let refused = built(place.path()).await.unwrap_err();
        assert!(refused.hint.contains("actions.py") && refused.hint.contains("go.mod"), "{refused}");
    }

    #[test]
    fn a_component_has_its_largest_size() {
        assert!(refuse_large(Path::new("a.wasm"), LARGEST_ENTRY_POINT).is_ok());
        let refused = refuse_large(Path::new("a.wasm"), 200 << 20).unwrap_err();
        assert!(refused.message.contains("200 MiB"), "{refused}");
    }
}

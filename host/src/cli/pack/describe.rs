//! `petrel pack describe`: the metadata of actions and sensors from their component's own description. The component is asked
//! here, in the sandbox; no host is needed.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_model::names::check_item;
use petrel_pack_runtime::DescribeError;
use petrel_packs::{Directory, write_action_metadata, write_yaml};
use serde_json::{Value, json};

use super::sandbox;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// The metadata of an action or a sensor.
struct Metadata {
    /// The name of the action or sensor.
    name: String,
    /// The folder of its file: `actions` or `sensors`.
    folder: &'static str,
    /// The text of its file.
    text: String,
}

/// Prints the metadata of what is in `component`, or writes it into the component's pack.
pub(super) async fn describe(form: Form, component: &Path, write: bool) -> Result<Code, Failure> {
    let component = std::path::absolute(component).unwrap_or_else(|_unknown| component.to_owned());
    if component.is_dir() {
        let name = component.display();
        let hint = match compiled_in(&component) {
            Some(found) => format!("name the component in it: `petrel pack describe {}`", found.display()),
            None => format!(
                "name the compiled component, {name}/wasm/NAME.wasm for example; `petrel pack check {name}` looks at a pack"
            ),
        };
        return Err(Failure::usage(format!("{name} is a directory and not a component"), hint));
    }
    let pack = component.ancestors().skip(1).find(|directory| directory.join("pack.yaml").is_file());
    let items = asked(&component, &entry_point(&component, pack)).await?;
    let files = if write { written(&component, pack, &items)? } else { Vec::new() };
    if form == Form::Json {
        let shown = items.iter().enumerate().map(|(index, Metadata { name, text, .. })| {
            let file = files.get(index).map(|file| file.display().to_string());
            json!({"name": name, "metadata": text, "file": file})
        });
        print::json(&Value::Array(shown.collect()));
    } else if write {
        files.iter().for_each(|file| print::line(&format!("wrote {}", file.display())));
    } else {
        items.iter().for_each(|item| print::text(&item.text));
    }
    Ok(Code::Ok)
}

/// Writes the metadata of what is in `component` into the pack that it lies in, and returns the files.
pub(super) async fn write_metadata(component: &Path, pack: &Path) -> Result<Vec<PathBuf>, Failure> {
    let items = asked(component, &entry_point(component, Some(pack))).await?;
    written(component, Some(pack), &items)
}

/// The first component in a directory, or in its `wasm`.
fn compiled_in(directory: &Path) -> Option<PathBuf> {
    let within = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
    let entries = within(directory.to_path_buf()).chain(within(directory.join("wasm")));
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "wasm"));
    files.min()
}

/// The path of the component within its pack, for the metadata.
fn entry_point(component: &Path, pack: Option<&Path>) -> String {
    let within = pack.and_then(|pack| component.strip_prefix(pack).ok());
    let name = || Path::new("wasm").join(component.file_name().unwrap_or_default());
    within.map_or_else(name, Path::to_path_buf).display().to_string()
}

/// Asks the component for its description.
async fn asked(component: &Path, entry_point: &str) -> Result<Vec<Metadata>, Failure> {
    let runtime = sandbox::runtime(None)?;
    let described = runtime.describe(component).await.map_err(|error| {
        let (kind, hint) = match &error {
            DescribeError::Load(error) => (error.code(), error.hint()),
            _ => ("component.description", ""),
        };
        let code = if kind == "component.missing" { Code::Usage } else { Code::Failed };
        Failure::new(code, kind, error.to_string(), hint)
    })?;
    let described = described.ok_or_else(|| {
        Failure::new(
            Code::Failed,
            "component.description",
            format!("the component {} says nothing about itself", component.display()),
            "build it with petrel-pack-sdk, or write the metadata of its actions and sensors by hand",
        )
    })?;
    let mut items = Vec::new();
    for action in described.actions {
        let name = as_file("an action", &action.name)?;
        // The pack follows from the place of the file, so it is not written.
        let text = write_action_metadata(&action.into_action("", entry_point));
        items.push(Metadata { name, folder: "actions", text });
    }
    for sensor in described.sensors {
        let name = as_file("a sensor", &sensor.name)?;
        let text = format!("---\n{}", write_yaml(&sensor.into_metadata(entry_point)));
        items.push(Metadata { name, folder: "sensors", text });
    }
    Ok(items)
}

/// The name, which becomes that of a file.
fn as_file(what: &'static str, name: &str) -> Result<String, Failure> {
    check_item(what, "", name).map_err(|error| {
        Failure::new(Code::Failed, "component.description", error.to_string(), error.remedy)
    })?;
    Ok(name.to_owned())
}

/// Writes the metadata into the files, and returns their paths.
fn written(component: &Path, pack: Option<&Path>, items: &[Metadata]) -> Result<Vec<PathBuf>, Failure> {
    let pack = pack.ok_or_else(|| {
        Failure::usage(
            format!("{} lies in no pack: there is no pack.yaml above it", component.display()),
            "copy the component into its pack, as wasm/NAME.wasm, or leave out --write",
        )
    })?;
    let failed = |file: &Path, error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", file.display());
        let hint = "make its directory one of the pack that can be written, and no link out of it, or leave out --write";
        Failure::usage(message, hint)
    };
    // Nothing is written through a link of the pack, which may be somebody else's.
    let within = Directory::open(pack).map_err(|error| failed(pack, error))?;
    let mut files = Vec::new();
    for Metadata { name, folder, text } in items {
        let path = format!("{folder}/{name}.yaml");
        let file = pack.join(&path);
        within.write(&path, text).map_err(|error| failed(&file, error))?;
        files.push(file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_directory_is_told_from_a_component() {
        let place = tempfile::tempdir().unwrap();
        let refused = describe(Form::Text, place.path(), false).await.unwrap_err();
        assert!(refused.message.contains("is a directory") && refused.hint.contains("wasm/NAME.wasm"));
        fs::create_dir(place.path().join("wasm")).unwrap();
        fs::write(place.path().join("wasm/mine.wasm"), "").unwrap();
        let refused = describe(Form::Text, place.path(), false).await.unwrap_err();
        assert!(refused.hint.contains("wasm/mine.wasm"), "{refused}");
    }

    #[test]
    fn metadata_is_written_into_the_pack_and_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let (pack, outside) = (place.path().join("pack"), place.path().join("outside"));
        fs::create_dir_all(pack.join("actions")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("own"), "mine").unwrap();
        std::os::unix::fs::symlink(outside.join("own"), pack.join("actions/greet.yaml")).unwrap();
        std::os::unix::fs::symlink(&outside, pack.join("sensors")).unwrap();
        let item = |folder| Metadata { name: "greet".to_owned(), folder, text: "name: greet\n".to_owned() };
        let component = pack.join("wasm/mine.wasm");
        let files = written(&component, Some(&pack), &[item("actions")]).unwrap();
        assert_eq!(files, [pack.join("actions/greet.yaml")]);
        assert_eq!(fs::read_to_string(&files[0]).unwrap(), "name: greet\n");
        let refused = written(&component, Some(&pack), &[item("sensors")]).unwrap_err();
        assert!(refused.message.ends_with("sensors/greet.yaml cannot be written: it is outside the pack"));
        assert_eq!(fs::read_to_string(outside.join("own")).unwrap(), "mine");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }

    #[test]
    fn a_component_is_named_by_its_place_in_the_pack() {
        for (component, pack, expected) in [
            ("/p/wasm/a.wasm", Some("/p"), "wasm/a.wasm"),
            ("/p/built/x/a.wasm", Some("/p"), "built/x/a.wasm"),
            ("/target/release/a.wasm", None, "wasm/a.wasm"),
        ] {
            assert_eq!(entry_point(Path::new(component), pack.map(Path::new)), expected);
        }
    }
}

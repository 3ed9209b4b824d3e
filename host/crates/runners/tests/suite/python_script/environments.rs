//! Virtual environments of packs, made from a directory of wheels: nothing is fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use petrel_model::Pack;
use petrel_runners::python_script::environments::EnvironmentOptions;
use petrel_runners::python_script::{Environments, PythonScript};
use petrel_runners::{End, OutputSink, Runner as _};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Place, act};
use crate::call_of;

/// Makes a wheel of a module `NAME.py` with this text.
const MAKE_WHEEL: &str = r#"
import sys, zipfile
name, version, text, folder = sys.argv[1:]
info = "%s-%s.dist-info" % (name, version)
files = {
    name + ".py": text,
    info + "/METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version),
    info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[info + "/RECORD"] = "".join("%s,,\n" % file for file in list(files) + [info + "/RECORD"])
with zipfile.ZipFile("%s/%s-%s-py3-none-any.whl" % (folder, name, version), "w") as wheel:
    for file, content in files.items():
        wheel.writestr(file, content)
"#;

struct House {
    place: Place,
    data: TempDir,
    environments: Environments,
    runner: PythonScript,
}

impl House {
    fn new() -> Self {
        let (place, data) = (Place::new(), TempDir::new().unwrap());
        let wheels = data.path().join("wheels");
        fs::create_dir(&wheels).unwrap();
        let environments = Environments::new(EnvironmentOptions {
            are_made: true,
            directory: data.path().join("virtualenvs"),
            constraints: data.path().join("constraints"),
            timeout: Duration::from_secs(300),
            index_url: None,
            wheels: Some(wheels),
            proxy: None,
            common: vec!["beside".to_owned()],
        });
        let runner = PythonScript::new(place.options()).in_environments(environments.clone());
        Self { place, data, environments, runner }
    }

    fn wheel(&self, name: &str, version: &str) {
        let text = format!("VERSION = {version:?}\n");
        let wheels = self.data.path().join("wheels");
        let made =
            Command::new("python3").args(["-c", MAKE_WHEEL, name, version, &text]).arg(wheels).status();
        assert!(made.unwrap().success());
    }

    async fn equip(&self, requirements: &str) -> Result<Vec<String>, String> {
        self.place.write("requirements.txt", requirements);
        let pack = json!({"ref": "mine", "name": "mine", "description": "", "version": "1.0.0", "author": "a",
            "other": {"python_versions": ["2"]}});
        let pack: Pack = serde_json::from_value(pack).unwrap();
        let equipped = self.runner.equip(&pack, self.place.pack.path()).await;
        equipped.map_err(|error| format!("{}; {}", error.reason, error.hint))
    }

    /// What an action sees.
    async fn seen(&self) -> serde_json::Value {
        let body = "import needed, shutil; return [needed.VERSION, sys.prefix, shutil.which('python')]";
        self.place.write("actions/act.py", &act(body));
        let action = json!({"ref": "mine.act", "runner_type": "python-script", "entry_point": "act.py"});
        let call = call_of(action, json!({}), self.place.pack.path());
        let outcome = self.runner.run(call, OutputSink::new(2000), CancellationToken::new()).await;
        assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
        outcome.result.get("result").cloned().unwrap_or_default()
    }

    fn whole(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.data.path().join("virtualenvs/mine")).into_iter().flatten().flatten();
        found.map(|entry| entry.path()).collect()
    }
}

#[tokio::test]
async fn an_action_imports_what_its_pack_lists() {
    let house = House::new();
    house.wheel("needed", "1.0");
    house.wheel("needed", "2.0");
    let notes = house.equip("needed==1.0\n").await.unwrap();
    assert!(notes.iter().any(|note| note.contains("is for Python 2, and")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("virtualenvs.common: beside")), "{notes:?}");
    let seen = house.seen().await;
    let (prefix, python) = (seen[1].as_str().unwrap(), seen[2].as_str().unwrap());
    assert_eq!(seen[0], "1.0");
    assert!(Path::new(prefix).starts_with(house.data.path()) && python.starts_with(prefix), "{seen}");
    assert!(house.environments.progress(0).iter().any(|line| line.text == "it is whole"));
    // A constraint of the operator.
    fs::create_dir_all(house.data.path().join("constraints")).unwrap();
    fs::write(house.data.path().join("constraints/mine.txt"), "needed<2\n").unwrap();
    house.equip("needed\n").await.unwrap();
    assert_eq!(house.seen().await[0], "1.0");
    house.equip("needed>1\n").await.unwrap_err();
    fs::remove_file(house.data.path().join("constraints/mine.txt")).unwrap();
    house.equip("needed>1\n").await.unwrap();
    assert_eq!((house.seen().await[0].clone(), house.whole().len()), (json!("2.0"), 3));
}

#[tokio::test]
async fn a_list_that_cannot_be_installed_names_the_line_and_changes_nothing() {
    let house = House::new();
    house.wheel("needed", "1.0");
    house.equip("needed\n").await.unwrap();
    let before = house.seen().await;
    for (requirements, says) in [
        ("needed\nabsent==9.9\n", "requirements.txt:2: `absent==9.9`"),
        ("needed\nneeded=1\n", "requirements.txt:2: `needed=1`"),
        ("-r none.txt\n", "none.txt"),
    ] {
        let refused = house.equip(requirements).await.unwrap_err();
        assert!(refused.contains(says), "{refused}");
        assert!(refused.contains("the virtual environment of the pack `mine` cannot be made"), "{refused}");
        assert_eq!((house.seen().await, house.whole().len()), (before.clone(), 1), "{requirements}");
    }
    house.runner.removed("mine");
    for _ in 0..600 {
        if house.whole().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?} is still there", house.whole());
}

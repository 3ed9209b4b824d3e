//! The Python files that actions and sensors need: the wrappers that run them, the interpreter that is kept warm, the client of the API,
//! and the modules of `st2common`, `st2actions`, `st2client`, `st2reactor` and `st2tests` that packs import. They are embedded in the binary
//! and laid out in a directory at the start.

use std::fs;
use std::io;
use std::path::Path;

/// The wrapper that runs an action.
pub(super) const WRAPPER: &str = "petrel_action.py";
/// The wrapper that runs a sensor.
pub(crate) const SENSOR_WRAPPER: &str = "petrel_sensor.py";

/// The program of an interpreter that is kept warm.
pub(super) const WARM: &str = "petrel_warm.py";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../python/", $name)))),*]
    };
}

const FILES: [(&str, &str); 66] = files![
    "petrel_action.py",
    "petrel_api.py",
    "petrel_pack_test.py",
    "petrel_sensor.py",
    "petrel_warm.py",
    "st2actions/__init__.py",
    "st2actions/runners/__init__.py",
    "st2actions/runners/pythonrunner.py",
    "st2client/__init__.py",
    "st2client/base.py",
    "st2client/client.py",
    "st2client/commands/__init__.py",
    "st2client/commands/action.py",
    "st2client/commands/resource.py",
    "st2client/exceptions/__init__.py",
    "st2client/exceptions/operations.py",
    "st2client/models/__init__.py",
    "st2client/models/action.py",
    "st2client/models/action_alias.py",
    "st2client/models/aliasexecution.py",
    "st2client/models/core.py",
    "st2client/models/keyvalue.py",
    "st2common/__init__.py",
    "st2common/constants/__init__.py",
    "st2common/constants/action.py",
    "st2common/constants/keyvalue.py",
    "st2common/constants/pack.py",
    "st2common/content/__init__.py",
    "st2common/content/utils.py",
    "st2common/exceptions/__init__.py",
    "st2common/exceptions/action.py",
    "st2common/exceptions/connection.py",
    "st2common/exceptions/content.py",
    "st2common/exceptions/db.py",
    "st2common/exceptions/keyvalue.py",
    "st2common/log.py",
    "st2common/runners/__init__.py",
    "st2common/runners/base_action.py",
    "st2common/runners/utils.py",
    "st2common/services/__init__.py",
    "st2common/services/datastore.py",
    "st2common/services/keyvalues.py",
    "st2common/util/__init__.py",
    "st2common/util/compat.py",
    "st2common/util/date.py",
    "st2common/util/green/__init__.py",
    "st2common/util/green/shell.py",
    "st2common/util/isotime.py",
    "st2common/util/jinja.py",
    "st2common/util/jsonify.py",
    "st2common/util/misc.py",
    "st2common/util/monkey_patch.py",
    "st2common/util/pack.py",
    "st2common/util/shell.py",
    "st2reactor/__init__.py",
    "st2reactor/container/__init__.py",
    "st2reactor/container/sensor_wrapper.py",
    "st2reactor/sensor/__init__.py",
    "st2reactor/sensor/base.py",
    "st2tests/__init__.py",
    "st2tests/base.py",
    "st2tests/fixturesloader.py",
    "st2tests/mocks/__init__.py",
    "st2tests/mocks/action.py",
    "st2tests/mocks/datastore.py",
    "st2tests/mocks/sensor.py",
];

/// Whether all files of the library are in `directory`.
pub fn is_whole(directory: &Path) -> bool {
    FILES.iter().all(|(name, _)| directory.join(name).is_file())
}

/// Writes the library to `directory`, unless it is there already.
///
/// # Errors
/// If a file cannot be written.
pub fn lay_out(directory: &Path) -> io::Result<()> {
    for (name, content) in FILES {
        let file = directory.join(name);
        if fs::read_to_string(&file).is_ok_and(|there| there == content) {
            continue;
        }
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        // Renamed into place, so that an action which starts meanwhile imports no half of a file.
        let temporary = file.with_extension("new");
        fs::write(&temporary, content)?;
        fs::rename(temporary, file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_laid_out_whole_and_mended() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_whole(directory.path()));
        lay_out(directory.path()).unwrap();
        fs::write(directory.path().join(WRAPPER), "cut sho").unwrap();
        fs::remove_dir_all(directory.path().join("st2common/util")).unwrap();
        assert!(!is_whole(directory.path()));
        lay_out(directory.path()).unwrap();
        assert!(is_whole(directory.path()));
        for (name, content) in FILES {
            assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), content, "{name}");
        }
    }
}

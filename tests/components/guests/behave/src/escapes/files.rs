//! Attempts to leave a directory.

use std::collections::BTreeSet;

use petrel_pack_sdk::{Error, ErrorKind};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

use crate::attempt::Attempt;

/// Does `what` to `name` in the directory `at`, and says what the host answered: a text, or the name of an error. With `again`
/// before it, that is done until the answer is another one.
pub(super) fn make(what: &str, attempt: &Attempt) -> Result<String, Error> {
    let Some(what) = what.strip_prefix("again ") else { return once(what, attempt) };
    let first = once(what, attempt)?;
    // The test waits for it.
    let begun = directory(&attempt.at)?.create_directory_at("begun");
    begun.map_err(|code| Error::invalid_input(code.name().to_owned()))?;
    loop {
        let next = once(what, attempt)?;
        if next != first {
            return Ok(format!("{first}, then {next}"));
        }
    }
}

fn once(what: &str, attempt: &Attempt) -> Result<String, Error> {
    let Attempt { at, name, to, value, count, .. } = attempt;
    let here = directory(at)?;
    let there = || directory(if to.is_empty() { at } else { to });
    let done = match what {
        "read" => read(&here, name),
        "write" => write(&here, name, value),
        "race to read" => return Ok(raced(*count, || read(&here, name))),
        "race to write" => return Ok(raced(*count, || write(&here, name, value))),
        "link" => here.link_at(PathFlags::empty(), name, &there()?, value).map(said),
        "link what it leads to" => here.link_at(PathFlags::SYMLINK_FOLLOW, name, &there()?, value).map(said),
        "symlink" => here.symlink_at(value, name).map(said),
        "rename" => here.rename_at(name, &there()?, value).map(said),
        "make" => here.create_directory_at(name).map(said),
        "remove" => here.remove_directory_at(name).map(said),
        "unlink" => here.unlink_file_at(name).map(said),
        "stat" => here.stat_at(PathFlags::SYMLINK_FOLLOW, name).map(|found| format!("{:?}", found.type_)),
        "touch" => {
            here.set_times_at(PathFlags::SYMLINK_FOLLOW, name, NewTimestamp::Now, NewTimestamp::Now).map(said)
        }
        "where" => here.readlink_at(name),
        "hash" => here.metadata_hash_at(PathFlags::SYMLINK_FOLLOW, name).map(|_hash| "hashed".to_owned()),
        "up" => up(&here),
        other => return Err(Error::invalid_input(format!("there is no way {other}"))),
    };
    Ok(done.unwrap_or_else(|code| code.name().to_owned()))
}

fn said((): ()) -> String {
    "done".to_owned()
}

fn directory(path: &str) -> Result<Descriptor, Error> {
    let found = get_directories().into_iter().find(|(_, mounted)| mounted == path);
    let missing = || Error::new(ErrorKind::NotFound, format!("{path} is not mounted"));
    found.map(|(directory, _)| directory).ok_or_else(missing)
}

fn read(here: &Descriptor, name: &str) -> Result<String, ErrorCode> {
    let file = here.open_at(PathFlags::SYMLINK_FOLLOW, name, OpenFlags::empty(), DescriptorFlags::READ)?;
    // More than there is, and more than the host has.
    let (bytes, _) = file.read(u64::MAX, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(here: &Descriptor, name: &str, text: &str) -> Result<String, ErrorCode> {
    let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = here.open_at(PathFlags::SYMLINK_FOLLOW, name, how, DescriptorFlags::WRITE)?;
    file.write(text.as_bytes(), 0).map(|_| "written".to_owned())
}

/// Goes up by one directory at a time, as deep as there may be any.
fn up(here: &Descriptor) -> Result<String, ErrorCode> {
    let open = |from: &Descriptor| {
        from.open_at(PathFlags::empty(), "..", OpenFlags::DIRECTORY, DescriptorFlags::READ)
    };
    let mut above = open(here)?;
    for _ in 0..16 {
        above = open(&above)?;
    }
    read(&above, "etc/passwd")
}

/// All that came of so many tries.
fn raced(count: u64, one: impl Fn() -> Result<String, ErrorCode>) -> String {
    let tried = (0..count).map(|_| one().unwrap_or_else(|code| code.name().to_owned()));
    tried.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

//! Directories that were taken back while a call goes on: its descriptors stay, so that the functions of WASI which name
//! something in a directory are wrapped here, as the one that opens files is in `linker`. What a call has open stays so.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, ErrorCode, HostDescriptor, MetadataHashValue, NewTimestamp, PathFlags,
};

use super::CallState;

type Done<T> = (Result<T, ErrorCode>,);

/// Wraps one function, which is about a directory and these arguments.
macro_rules! bar {
    ($files:ident, $name:literal, $what:literal, $method:ident($($argument:ident: $kind:ty),+) -> $answer:ty) => {
        $files.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, CallState>,
             (directory, $($argument),+): (Resource<Descriptor>, $($kind),+)| {
                Box::new(async move {
                    let state = store.data_mut();
                    if state.has_lost_directories($what) {
                        return Ok::<Done<$answer>, wasmtime::Error>((Err(ErrorCode::NotPermitted),));
                    }
                    answer(state.filesystem().$method(directory, $($argument),+).await)
                })
            },
        )?;
    };
}

/// Wraps the functions that change what is in a directory, or look at it.
pub(super) fn bar_names(files: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    type To = Resource<Descriptor>;
    bar!(files, "create-directory-at", "make a directory", create_directory_at(path: String) -> ());
    bar!(files, "remove-directory-at", "remove a directory", remove_directory_at(path: String) -> ());
    bar!(files, "unlink-file-at", "remove a file", unlink_file_at(path: String) -> ());
    bar!(files, "symlink-at", "make a link", symlink_at(old: String, new: String) -> ());
    bar!(files, "rename-at", "rename a file", rename_at(old: String, to: To, new: String) -> ());
    bar!(files, "link-at", "make a link", link_at(flags: PathFlags, old: String, to: To, new: String) -> ());
    bar!(
        files, "set-times-at", "set the times of a file",
        set_times_at(flags: PathFlags, path: String, read: NewTimestamp, written: NewTimestamp) -> ()
    );
    bar!(files, "readlink-at", "read a link", readlink_at(path: String) -> String);
    bar!(files, "stat-at", "look at a file", stat_at(flags: PathFlags, path: String) -> DescriptorStat);
    bar!(
        files, "metadata-hash-at", "look at a file",
        metadata_hash_at(flags: PathFlags, path: String) -> MetadataHashValue
    );
    Ok(())
}

/// The answer of a function of WASI to the component, or the trap that it stands for.
fn answer<T>(done: FsResult<T>) -> wasmtime::Result<Done<T>> {
    match done {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

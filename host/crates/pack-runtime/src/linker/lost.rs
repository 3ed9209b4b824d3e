//! Changes in directories that were taken back while a call goes on: its descriptors stay, so that the functions of WASI
//! which change what is in a directory are wrapped here, as the one that opens files is in `linker`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, HostDescriptor, PathFlags};

use super::CallState;

type Done = (Result<(), ErrorCode>,);

/// Wraps one function, which is about a directory and these arguments.
macro_rules! bar {
    ($files:ident, $name:literal, $what:literal, $method:ident($($argument:ident: $kind:ty),+)) => {
        $files.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, CallState>,
             (directory, $($argument),+): (Resource<Descriptor>, $($kind),+)| {
                Box::new(async move {
                    let state = store.data_mut();
                    if state.has_lost_directories($what) {
                        return Ok::<Done, wasmtime::Error>((Err(ErrorCode::NotPermitted),));
                    }
                    answer(state.filesystem().$method(directory, $($argument),+).await)
                })
            },
        )?;
    };
}

/// Wraps the functions that make, rename and remove what is in a directory.
pub(super) fn bar_changes(files: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    type To = Resource<Descriptor>;
    bar!(files, "create-directory-at", "make a directory", create_directory_at(path: String));
    bar!(files, "remove-directory-at", "remove a directory", remove_directory_at(path: String));
    bar!(files, "unlink-file-at", "remove a file", unlink_file_at(path: String));
    bar!(files, "symlink-at", "make a link", symlink_at(old: String, new: String));
    bar!(files, "rename-at", "rename a file", rename_at(old: String, to: To, new: String));
    bar!(files, "link-at", "make a link", link_at(flags: PathFlags, old: String, to: To, new: String));
    Ok(())
}

/// The answer of a function of WASI to the component, or the trap that it stands for.
fn answer(done: FsResult<()>) -> wasmtime::Result<Done> {
    match done {
        Ok(()) => Ok((Ok(()),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

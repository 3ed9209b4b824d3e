//! `petrel`: server and client in one binary. This file is its table of contents.
//!
//! * [`cli`] is the command line, with one file for each verb; [`client`] talks to a running host, and [`mod@print`]
//!   shows its answers.
//! * [`server`] builds the host from its parts, runs it and drains it: the composition root. [`greeting`] is its
//!   output at the start.
//! * [`archive_file`] writes and reads the files of backups and exports; [`backup_files`] are the files of the data
//!   directory that belong to a backup.
//! * [`config`] has the settings of the host; [`data_directory`] is the place of everything that it stores, and
//!   [`laid_out`] restores files of the binary that are deleted there.
//! * [`logins`] keeps the tokens of `petrel login`; [`registries`] are those that packs are pushed to and fetched from.
//! * [`log`] is the log of the host; [`notify`] reports its state to systemd; [`signals`] stop it.
//! * [`grants`] are the directories that the operator lets components reach; [`bundled`] are the packs inside the
//!   binary.

use std::process::ExitCode;

mod archive_file;
mod backup_files;
mod bundled;
mod cli;
mod client;
mod config;
mod data_directory;
mod exit;
mod grants;
mod greeting;
mod laid_out;
mod log;
mod logins;
mod notify;
mod parameters;
mod prerequisites;
mod print;
mod registries;
mod server;
mod signals;
mod vault_file;

/// A host mostly creates and drops small values on several threads at once, which mimalloc does faster than the
/// allocator of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}

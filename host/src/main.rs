//! `petrel`: server and client in one binary. This file is its table of contents.
//!
//! * [`cli`] is the command line: a file a verb, [`client`] to talk to a running host, [`mod@print`] to show
//!   what it said.
//! * [`server`] builds the host from its parts, runs it and drains it: the composition root; [`greeting`] is what it prints.
//! * [`archive_file`] is where a backup or an export is written to and read from; [`backup_files`] are the files
//!   of the data directory that belong to a backup.
//! * [`config`] are the settings of the host; [`data_directory`] is where it keeps what it keeps; [`laid_out`] lays out
//!   again what is deleted there.
//! * [`logins`] are the tokens that the client has got by signing in.
//! * [`log`] is what it logs; [`notify`] tells systemd how it is; [`signals`] are what stops it.
//! * [`grants`] is what the operator lets components reach; [`bundled`] are the packs inside the binary.

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
mod server;
mod signals;

/// Most of what a host does is making and dropping small values, on several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}

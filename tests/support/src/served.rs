//! Registries that others wrote, each in a process of its own, for tests that push packs to them: `docker-registry` of Debian,
//! and `django-oci`, a library in Python, which share no code. [`Registry`](crate::Registry) is our own, with faults.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::log::Log;
use crate::process::Process;
use crate::python::python;
use crate::wait::{PATIENCE, skip, until};

/// The program of `django-oci`, which is a library.
const DJANGO_OCI: &str = include_str!("django_oci.py");

/// A registry that others wrote, on loopback, without logins. It is killed on drop, and its files go.
#[derive(Debug)]
pub struct Served {
    /// The host with its port, as references have it.
    pub host: String,
    _process: Process,
    _place: TempDir,
}

impl Served {
    /// Debian's `docker-registry`. `None`, reported by [`skip`], where it is not installed.
    ///
    /// # Errors
    /// When it does not come up, with its log.
    ///
    /// # Panics
    /// With `PETREL_TEST_ALL=1` where it is not installed.
    pub fn docker_registry() -> anyhow::Result<Option<Self>> {
        let Some(program) = docker_registry() else {
            skip("there is no docker-registry; PETREL_TEST_REGISTRY may name one");
            return Ok(None);
        };
        let (place, port) = (tempfile::tempdir()?, free_port()?);
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:{port}', secret: tests}}\n",
            place.path().join("blobs").display()
        );
        let file = place.path().join("registry.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        command.arg("serve").arg(file);
        Self::start(command, place, port).map(Some)
    }

    /// The `django-oci` of the Python for tests. `None`, reported by [`skip`], where that lacks it.
    ///
    /// # Errors
    /// When it does not come up, with its log.
    ///
    /// # Panics
    /// With `PETREL_TEST_ALL=1` where it is not installed.
    pub fn django_oci() -> anyhow::Result<Option<Self>> {
        let Some(program) = python("django_oci") else { return Ok(None) };
        let (place, port) = (tempfile::tempdir()?, free_port()?);
        let file = place.path().join("serve.py");
        std::fs::write(&file, DJANGO_OCI)?;
        let mut command = Command::new(program);
        command.arg(file).arg(port.to_string());
        Self::start(command, place, port).map(Some)
    }

    fn start(mut command: Command, place: TempDir, port: u16) -> anyhow::Result<Self> {
        let log = Log::open(None).context("making a log")?;
        let mut process = Process::start(command.current_dir(place.path()), log)?;
        until("a registry listens", PATIENCE, || {
            let ended = process.ended()?;
            ensure!(ended.is_none(), "the registry has ended ({ended:?}); its log:\n{}", process.log());
            Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })?;
        Ok(Self { host: format!("localhost:{port}"), _process: process, _place: place })
    }
}

/// The program `docker-registry`: on PATH, or named by `PETREL_TEST_REGISTRY`.
pub fn docker_registry() -> Option<PathBuf> {
    let named = std::env::var_os("PETREL_TEST_REGISTRY").map(PathBuf::from);
    named.or_else(|| on_path("docker-registry"))
}

/// The program with this name on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("a port for a registry")?.local_addr()?.port())
}

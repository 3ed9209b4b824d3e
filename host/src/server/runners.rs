//! The runners of the host, built from its settings: what runs processes, requests, components and workflows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use petrel_catalog::content::Runners;
use petrel_engine::triggers::{Injection, SensorRunners};
use petrel_engine::workflows::{action_chain, orquesta};
use petrel_pack_runtime::{ComponentRunner, ComponentSensors, PackRuntime};
use petrel_runners::http_request::{HttpRequest, Options as HttpOptions};
use petrel_runners::inquirer::Inquirer;
use petrel_runners::local_shell::{LocalScript, LocalShell, Options as ShellOptions};
use petrel_runners::noop::Noop;
use petrel_runners::python_script::environments::EnvironmentOptions;
use petrel_runners::python_script::{self, Environments, PythonScript};
use petrel_runners::python_sensors::PythonSensors;
use petrel_runners::remote_shell::{Options as RemoteOptions, RemoteScript, RemoteShell};
use petrel_runners::sensors::SensorRunner;
use petrel_runners::{Runs, Upkeep};

use crate::config::Settings;
use crate::data_directory;
use crate::exit::Failure;
use crate::prerequisites;

/// The variables of the host's environment that its processes inherit.
const INHERITED: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
];

/// Bytes of each stream of a process that are kept.
const OUTPUT_LIMIT: usize = 16 << 20;

/// The runners of actions and of sensors of the host, with their files laid out.
pub(super) fn laid_out(
    settings: &Settings,
    data_dir: &Path,
    url: &str,
    upkeep: Upkeep,
) -> Result<(Runners, SensorRunners), Failure> {
    data_directory::make_private(&data_directory::work(data_dir))?;
    let library = data_directory::python(data_dir);
    python_script::library::lay_out(&library)
        .with_context(|| format!("failed to lay out the library for Python in {}", library.display()))?;
    all(settings, data_dir, url, (Some(data_directory::components(data_dir)), upkeep))
}

/// The runners for checking packs without a host: nothing is run by them, and nothing is stored.
pub(crate) fn to_look(settings: &Settings) -> Result<Runners, Failure> {
    let (runners, _sensors) = all(settings, &settings.data_dir(), "", (None, Upkeep::default()))?;
    Ok(runners)
}

/// The variables of every process.
fn inherited() -> Vec<(String, String)> {
    INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}

/// The settings of Python on this machine, without a host.
pub(crate) fn python_options(settings: &Settings, data_dir: &Path) -> python_script::Options {
    python_script::Options {
        environment: inherited(),
        working_directory: data_directory::work(data_dir),
        api_url: String::new(),
        output_limit: OUTPUT_LIMIT,
        result_limit: 16 << 20,
        interpreter: settings.runners.python.clone(),
        library: data_directory::python(data_dir),
        upkeep: Upkeep::default(),
    }
}

fn all(
    settings: &Settings,
    data_dir: &Path,
    url: &str,
    (cache_directory, upkeep): (Option<PathBuf>, Upkeep),
) -> Result<(Runners, SensorRunners), Failure> {
    let shell = ShellOptions {
        environment: inherited(),
        working_directory: data_directory::work(data_dir),
        api_url: format!("{url}/api/v1"),
        output_limit: OUTPUT_LIMIT,
        run_as: settings.runners.run_as.clone(),
        decode_scalars: settings.runners.decode_scalars,
        upkeep: upkeep.clone(),
    };
    let python = python_script::Options {
        api_url: shell.api_url.clone(),
        upkeep: upkeep.clone(),
        ..python_options(settings, data_dir)
    };
    let remote = remote(settings, &shell);
    // Without a directory for compiled components nothing will be run.
    if cache_directory.is_some() {
        prerequisites::warn_of_python(&python);
    }
    let environments = Environments::new(EnvironmentOptions {
        // Nothing is made for a pack that is only looked at.
        are_made: settings.virtualenvs.enabled && cache_directory.is_some(),
        ..settings.environments_in(data_dir)
    });
    let runtime = PackRuntime::new(petrel_pack_runtime::Options {
        cache_directory,
        limits: settings.component_limits(),
        engine: settings.component_engine(),
    })
    .context("components cannot be run")?;
    let sensors: [Arc<dyn SensorRunner>; 2] = [
        Arc::new(ComponentSensors::new(runtime.clone(), upkeep.clone())),
        Arc::new(PythonSensors::new(python.clone()).in_environments(environments.clone())),
    ];
    let runners = [
        Runs::by(LocalShell::new(shell.clone())),
        Runs::by(LocalScript::new(shell)),
        Runs::by(RemoteShell::new(remote.clone())),
        Runs::by(RemoteScript::new(remote)),
        Runs::by(HttpRequest::new(HttpOptions { body_limit: 16 << 20 })),
        Runs::by(PythonScript::new(python).kept_warm(settings.warm()).in_environments(environments)),
        Runs::by(ComponentRunner::new(runtime).kept_by(upkeep)),
        Runs::by(Noop::default()),
        Runs::by(Inquirer::default()),
        orquesta(),
        action_chain(),
        // For packs that are checked without a host; the engine of a host has its own.
        Injection::default().runs(),
    ];
    Ok((runners.map(Runs::named).into(), sensors.into()))
}

/// The settings of what runs on other hosts, beside those of what runs here.
fn remote(settings: &Settings, shell: &ShellOptions) -> RemoteOptions {
    let ssh = &settings.ssh;
    RemoteOptions {
        environment: shell.environment.clone(),
        agent: std::env::var("SSH_AUTH_SOCK").ok(),
        working_directory: shell.working_directory.clone(),
        api_url: shell.api_url.clone(),
        output_limit: shell.output_limit,
        decode_scalars: shell.decode_scalars,
        upkeep: shell.upkeep.clone(),
        user: ssh.user.clone(),
        private_key: ssh.private_key.as_ref().map(|path| path.display().to_string()),
        config: ssh.config.clone(),
        is_strict: ssh.strict,
        allows_partial_failure: ssh.allow_partial_failure,
        most_at_once: ssh.max_parallel,
        connect_seconds: ssh.connect_timeout,
        remote_directory: ssh.remote_dir.clone(),
    }
}

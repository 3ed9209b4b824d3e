//! The making of a virtual environment: an empty one, then what the pack lists, then what all packs are offered. By `uv` where
//! it is on `PATH`, else by the interpreter's own `venv` and `pip`. Each step is a process with a cleaned environment and
//! bounds of time and output, whose lines are told as they come.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use petrel_model::quoted::quoted;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::options::Options;
use super::{Environments, REQUIREMENTS, remove, told};
use crate::output::OutputSink;
use crate::process::{self, Exit, Input, Spec};
use crate::{NotPrepared, program};

/// The time between two looks at what a step has written.
const LOOK: Duration = Duration::from_millis(250);
/// The bytes of output of a step that are kept.
const OUTPUT_LIMIT: usize = 1 << 20;
/// The longest time in which an interpreter says its version.
const VERSION: Duration = Duration::from_secs(20);
/// The longest line of progress, in characters.
const LONGEST_LINE: usize = 300;

/// An environment that is being made.
pub(super) struct Job<'a> {
    pub(super) environments: &'a Environments,
    pub(super) base: &'a Options,
    pub(super) pack: &'a str,
    /// The directory of the pack.
    pub(super) directory: &'a Path,
    /// The place of the environment.
    pub(super) place: &'a Path,
}

/// A step that has ended.
struct Step {
    is_done: bool,
    is_late: bool,
    output: String,
}

impl Job<'_> {
    /// Makes it, and returns notes. What was begun of it is removed if it fails.
    pub(super) async fn make(
        &self,
        interpreter: &Path,
        constraints: &[PathBuf],
    ) -> Result<Vec<String>, NotPrepared> {
        let made = self.make_at(interpreter, constraints).await;
        if made.is_err() {
            remove(self.place);
        }
        made
    }

    async fn make_at(&self, interpreter: &Path, constraints: &[PathBuf]) -> Result<Vec<String>, NotPrepared> {
        let options = &self.environments.0.options;
        let until = Instant::now() + options.timeout;
        // Half of one, from a host that has gone.
        remove(self.place);
        fs::create_dir_all(self.place)
            .map_err(|error| self.failed(&error.to_string(), "make room for it"))?;
        let uv = program::find("uv", program::folders(&self.base.environment));
        let tool = if uv.is_some() { "uv" } else { "pip" };
        let path = self.place.display();
        self.environments.tell(self.pack, &format!("made by {tool} in {path}"));
        let step = self.step(empty(interpreter, uv.as_deref(), self.place), until).await?;
        if !step.is_done {
            return Err(self.not_made(&step));
        }
        let mut words = self.installing(uv.as_deref());
        words.extend(["-r".into(), self.directory.join(REQUIREMENTS).into_os_string()]);
        let limits = constraints.iter().flat_map(|file| ["-c".into(), file.clone().into_os_string()]);
        let limits: Vec<OsString> = limits.collect();
        words.extend(limits.iter().cloned());
        let step = self.step(words, until).await?;
        if !step.is_done {
            return Err(self.not_installed(&step));
        }
        let notes = self.add_common(uv.as_deref(), limits, until).await;
        self.environments.tell(self.pack, "it is whole");
        // The files are as durable as the statement that they are there.
        let place = self.place.to_owned();
        let synced = tokio::task::spawn_blocking(move || {
            fs::File::open(place).map(|opened| rustix::fs::syncfs(opened).map_err(std::io::Error::from))
        });
        match synced.await {
            Ok(Ok(Ok(()))) => Ok(notes),
            Ok(Ok(Err(error)) | Err(error)) => Err(self.failed(&error.to_string(), "check the disk")),
            Err(gone) => Err(self.failed(&gone.to_string(), "try again")),
        }
    }

    /// Installs what all packs are offered, apart from what this one says itself. Without it most packs run.
    async fn add_common(&self, uv: Option<&Path>, limits: Vec<OsString>, until: Instant) -> Vec<String> {
        let options = &self.environments.0.options;
        if options.common.is_empty() {
            return Vec::new();
        }
        let mut words = self.installing(uv);
        words.extend(options.common.iter().map(Into::into));
        words.extend(limits);
        match self.step(words, until).await {
            Ok(step) if step.is_done => Vec::new(),
            Ok(_) | Err(_) => vec![format!(
                "of what every pack is offered (virtualenvs.common: {}) not all could be installed for the pack `{}`; its \
                 actions run without",
                options.common.join(", "),
                self.pack
            )],
        }
    }

    /// The words that install packages, which follow.
    fn installing(&self, uv: Option<&Path>) -> Vec<OsString> {
        let python = self.place.join("bin/python").into_os_string();
        let mut words: Vec<OsString> = match uv {
            Some(uv) => vec![uv.into(), "pip".into(), "install".into(), "--python".into(), python],
            None => vec![
                python,
                "-m".into(),
                "pip".into(),
                "install".into(),
                "--progress-bar".into(),
                "off".into(),
            ],
        };
        if let Some(wheels) = &self.environments.0.options.wheels {
            words.extend(["--no-index".into(), "--find-links".into(), wheels.into()]);
        }
        words
    }

    /// Carries out one step, and tells its lines.
    async fn step(&self, mut words: Vec<OsString>, until: Instant) -> Result<Step, NotPrepared> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let program = words.remove(0);
        let shown = program.display().to_string();
        let spec = Spec {
            // No execution, and a name of its own: whoever ends it by its mark must not end another.
            execution: format!("equip-{}-{number}", std::process::id()),
            program,
            arguments: words,
            environment: self.environment(),
            // Relative paths in the list are those of the pack.
            working_directory: self.directory.to_owned(),
            input: Input::default(),
            timeout: until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1)),
            output_limit: OUTPUT_LIMIT,
            upkeep: self.base.upkeep.clone(),
        };
        let (sink, never) = (OutputSink::new(OUTPUT_LIMIT), CancellationToken::new());
        let finished = {
            let running = process::run(spec, &sink, &never);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    finished = &mut running => break finished,
                    () = tokio::time::sleep(LOOK) => self.tell(&sink),
                }
            }
        };
        self.tell(&sink);
        let finished = finished.map_err(|error| self.failed(&format!("{shown}: {error}"), "install it"))?;
        let is_done = matches!(finished.exit, Exit::Ended(status) if status.success());
        let is_late = matches!(finished.exit, Exit::TimedOut);
        let output = format!("{}\n{}", finished.stdout.text(), finished.stderr.text());
        Ok(Step { is_done, is_late, output })
    }

    fn tell(&self, sink: &OutputSink) {
        for line in sink.take() {
            let text: String = line.text.trim_end().chars().take(LONGEST_LINE).collect();
            if !text.is_empty() {
                self.environments.tell(self.pack, &text);
            }
        }
    }

    /// The environment of the tools: that of all processes, and what the settings say. Credentials in the address of an index
    /// are not on any command line.
    fn environment(&self) -> Vec<(String, String)> {
        let options = &self.environments.0.options;
        let mut environment = self.base.environment.clone();
        let mut set = |names: &[&str], value: &str| {
            environment.retain(|(name, _)| !names.contains(&name.as_str()));
            environment.extend(names.iter().map(|name| ((*name).to_owned(), value.to_owned())));
        };
        set(
            &[
                "PIP_NO_INPUT",
                "PIP_DISABLE_PIP_VERSION_CHECK",
                "UV_NO_PROGRESS",
                "UV_NATIVE_TLS",
                "UV_SYSTEM_CERTS",
            ],
            "1",
        );
        set(&["UV_PYTHON_DOWNLOADS"], "never");
        if let Some(url) = &options.index_url {
            set(&["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"], url);
        }
        if let Some(proxy) = &options.proxy {
            set(&["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"], proxy);
        }
        environment
    }

    fn not_made(&self, step: &Step) -> NotPrepared {
        if step.is_late {
            return self.late();
        }
        if step.output.contains("ensurepip") {
            let reason = "the interpreter comes without the module venv, or without ensurepip".to_owned();
            return self
                .failed(&reason, "install it (on Debian the package python3-venv), or put uv on PATH");
        }
        let reason = quoted(told::last_line(&step.output)).to_string();
        self.failed(&reason, "check the interpreter in runners.python")
    }

    fn not_installed(&self, step: &Step) -> NotPrepared {
        if step.is_late {
            return self.late();
        }
        let requirements = fs::read_to_string(self.directory.join(REQUIREMENTS)).unwrap_or_default();
        let told::Blamed { reason, hint } = told::blamed(&step.output, &requirements);
        self.failed(&reason, &hint)
    }

    fn late(&self) -> NotPrepared {
        let seconds = self.environments.0.options.timeout.as_secs();
        self.failed(
            &format!("it took more than {seconds} s"),
            "raise virtualenvs.timeout_seconds, and try again",
        )
    }

    fn failed(&self, reason: &str, hint: &str) -> NotPrepared {
        let reason = format!("the virtual environment of the pack `{}` cannot be made: {reason}", self.pack);
        NotPrepared { reason, hint: hint.to_owned() }
    }
}

/// The words that make an empty environment. It sees what is installed for the interpreter, as in StackStorm.
fn empty(interpreter: &Path, uv: Option<&Path>, place: &Path) -> Vec<OsString> {
    let place = place.as_os_str().to_owned();
    match uv {
        Some(uv) => vec![
            uv.into(),
            "venv".into(),
            "--allow-existing".into(),
            "--system-site-packages".into(),
            "--python".into(),
            interpreter.into(),
            place,
        ],
        None => {
            vec![interpreter.into(), "-m".into(), "venv".into(), "--system-site-packages".into(), place]
        }
    }
}

/// The version of an interpreter, as `3.11.2`. `None` if it does not say it.
pub(super) async fn version_of(base: &Options, interpreter: &Path) -> Option<String> {
    let spec = Spec {
        execution: format!("version-{}", std::process::id()),
        program: interpreter.into(),
        arguments: ["-I", "-S", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
            .map(OsString::from)
            .to_vec(),
        environment: base.environment.clone(),
        working_directory: base.working_directory.clone(),
        input: Input::default(),
        timeout: VERSION,
        output_limit: 100,
        upkeep: base.upkeep.clone(),
    };
    let finished = process::run(spec, &OutputSink::new(0), &CancellationToken::new()).await.ok()?;
    let said = finished.stdout.text().trim().to_owned();
    said.starts_with(|first: char| first.is_ascii_digit()).then_some(said)
}

//! The configuration of the host: a table of settings, from which flags, variables, the file and the reference
//! follow.
//!
//! [`table`] has the settings, [`value`] their types, [`layers`] the sources of values, [`mod@file`] the file, [`webhooks`] its
//! tables of single webhooks, [`registries`] those of single registries, [`trust`] those of trust in packs,
//! [`flags`] the command line, [`check`](mod@check) refuses harmful combinations, [`show`] prints the settings in
//! force and the reference. To add a setting, add a line to the table and a row to the README, and regenerate the
//! reference: `cargo run -- config reference > host/petrel.toml`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod check;
mod file;
mod flags;
mod layers;
mod registries;
pub(crate) mod show;
mod table;
mod trust;
mod value;
mod webhooks;

pub(crate) use flags::Flags;
pub(crate) use table::Settings;
#[cfg(test)]
pub(crate) use table::TABLE;
pub(crate) use value::{LogFormat, Misfire};

use petrel_model::capabilities::Given;
use petrel_pack_runtime::{EngineOptions, Limits};
use petrel_persistence_embedded::{Engine as StoreEngine, Options as StoreOptions};
use petrel_runners::python_script::WarmOptions;
use petrel_runners::python_script::environments::EnvironmentOptions;

use crate::data_directory;
use crate::exit::Failure;
use crate::grants;
use value::Raw;

/// The settings in force, with their sources.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The settings.
    pub(crate) settings: Settings,
    layers: layers::Layers,
}

impl Configuration {
    /// Merges flags, variables and the file.
    ///
    /// # Errors
    /// When the file cannot be read, or a value is invalid or harmful.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Failure> {
        let flags = Flags { config: file::find(flags.config.clone().or_else(named)), ..flags.clone() };
        Self::with(&flags, layers::from_environment())
    }

    /// The settings for an existing store, whose own engine is the default of `store.engine`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn load_for_store(flags: &Flags) -> Result<Settings, Failure> {
        let Self { mut settings, layers } = Self::load(flags)?;
        // Whoever opens the store reports its faults.
        if !layers.gives("store.engine")
            && let Ok(Some(engine)) = StoreEngine::of(&settings.store_directory())
        {
            settings.store.engine = engine;
        }
        Ok(settings)
    }

    /// The settings for a client on the host's machine: variables and the file, as the host reads them. Harmful
    /// values are for the host to refuse, and a file that only the host may read counts as absent.
    ///
    /// # Errors
    /// When the file cannot be parsed, or a value is invalid.
    pub(crate) fn of_client() -> Result<Settings, Failure> {
        let flags = Flags { config: file::find_readable(named()), ..Flags::default() };
        Ok(Self::taken(&flags, layers::from_environment())?.settings)
    }

    /// The settings for a client that was told nothing: those of the file, without variables. `None` if they are
    /// invalid.
    pub(crate) fn of_untold_client() -> Option<Settings> {
        let flags = Flags { config: file::find_readable(None), ..Flags::default() };
        Some(Self::taken(&flags, BTreeMap::new()).ok()?.settings)
    }

    /// The defaults.
    ///
    /// # Errors
    /// When a default is invalid.
    pub(crate) fn of_nobody() -> Result<Settings, Failure> {
        Ok(Self::taken(&Flags::default(), BTreeMap::new())?.settings)
    }

    fn with(flags: &Flags, variables: BTreeMap<&'static str, Raw>) -> Result<Self, Failure> {
        let configuration = Self::taken(flags, variables)?;
        check::check(&configuration.settings)?;
        Ok(configuration)
    }

    fn taken(flags: &Flags, variables: BTreeMap<&'static str, Raw>) -> Result<Self, Failure> {
        let file = flags.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let layers = layers::Layers { flags: flags.given.clone(), variables, file };
        let mut problems = Vec::new();
        match Settings::take(&layers, &mut problems) {
            Some(settings) if problems.is_empty() => Ok(Self { settings, layers }),
            _ => Err(Failure::usage(
                problems.join("\n"),
                "`petrel config reference` shows every setting with its type and default",
            )),
        }
    }
}

/// Warns of variables that look like settings and that nobody reads. Their values are not shown.
pub(crate) fn warn_of_unknown_variables() {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (variable, near) in layers::strangers(names) {
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "`petrel config reference` shows every setting with its variable".to_owned(),
        };
        tracing::warn!(variable, hint, "nobody reads this variable");
    }
}

/// The file in `PETREL_CONFIG`.
fn named() -> Option<PathBuf> {
    std::env::var_os("PETREL_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl Settings {
    /// The URL for clients on the host's machine.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.server.listen)
    }

    /// The URL for clients on the machine of a host that listens on `address`.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        // A host that listens on all addresses is reached on the local one.
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("{}://{}", self.scheme(), SocketAddr::new(ip, address.port()))
    }

    /// The scheme of the host's URLs: `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.certificate.is_some() { "https" } else { "http" }
    }

    /// The data directory as an absolute path, because processes start in other directories and find their files in
    /// it.
    pub(crate) fn data_dir(&self) -> PathBuf {
        let named = self.server.data_dir.clone().unwrap_or_else(data_directory::default);
        // Without a current directory the path stays relative, and opening it will fail with a clear error.
        std::path::absolute(&named).unwrap_or(named)
    }

    /// The file that was read, if it has something on registries; else empty.
    pub(crate) fn file_with_registries(&self) -> &Path {
        let is_special = !self.registry_tables.is_empty() || self.registries.lock_file.is_some();
        if is_special { &self.file } else { Path::new("") }
    }

    /// The file with the digests of the packs that are installed.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.registries.lock_file.clone().unwrap_or_else(|| self.data_dir().join("packs.lock"))
    }

    /// The directory of the store.
    pub(crate) fn store_directory(&self) -> PathBuf {
        data_directory::store(&self.data_dir())
    }

    /// What these settings grant to packs, and the most that any pack may be granted.
    pub(crate) fn given(&self) -> Result<Given, Failure> {
        let (runners, most) = (&self.runners, &self.capabilities);
        grants::parse(
            [&runners.grant_directories, &runners.grant_urls],
            [&most.max_http, &most.max_directories, &most.max_env, &most.never],
        )
    }

    /// The limits of one call of a component.
    pub(crate) fn component_limits(&self) -> Limits {
        Limits {
            memory: self.components.max_memory_mib.saturating_mul(1 << 20),
            cpu: Duration::from_secs(self.components.max_cpu_seconds),
            ..Limits::default()
        }
    }

    /// The limits of all components together. A single memory may be as large as one call's limit.
    pub(crate) fn component_engine(&self) -> EngineOptions {
        let room = EngineOptions::default();
        EngineOptions {
            memory_of_all: self.components.memory_mib.saturating_mul(1 << 20),
            largest_memory: room.largest_memory.max(self.component_limits().memory),
            ..room
        }
    }

    /// The interpreters that are kept ready for Python actions.
    pub(crate) fn warm(&self) -> WarmOptions {
        let idle = Duration::from_secs(self.runners.warm_idle_seconds);
        WarmOptions { most: self.runners.warm_interpreters, idle }
    }

    /// How the virtual environments of packs are made.
    pub(crate) fn environments_in(&self, data_dir: &Path) -> EnvironmentOptions {
        let made = &self.virtualenvs;
        EnvironmentOptions {
            are_made: made.enabled,
            directory: data_directory::virtualenvs(data_dir),
            constraints: data_directory::constraints(data_dir),
            timeout: Duration::from_secs(made.timeout_seconds),
            index_url: made.index_url.clone(),
            wheels: made.wheels.clone(),
            proxy: made.proxy.clone(),
            common: made.common.clone(),
        }
    }

    /// The options of the store.
    pub(crate) fn store_options(&self) -> StoreOptions {
        let store = &self.store;
        StoreOptions {
            engine: store.engine,
            cache_bytes: store.cache_mib << 20,
            layer_bytes: usize::try_from(store.checkpoint_kib << 10).unwrap_or(usize::MAX),
            reserve_bytes: store.reserve_mib << 20,
            ..StoreOptions::default()
        }
    }

    /// The time that running work has when the host stops.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.engine.drain_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("petrel.toml");
        std::fs::write(&path, "[engine]\nprocess_slots = 2\ncomponent_slots = 3\nwaiting_limit = 4\n")
            .unwrap();
        let written = |text: &str| Raw::Written(text.to_owned());
        let given = BTreeMap::from([("engine.process_slots", written("20"))]);
        let variables = BTreeMap::from([
            ("engine.process_slots", written("10")),
            ("engine.component_slots", written("30")),
        ]);
        let configuration =
            Configuration::with(&Flags { config: Some(path.clone()), given }, variables).unwrap();
        let engine = &configuration.settings.engine;
        assert_eq!((engine.process_slots, engine.component_slots, engine.waiting_limit), (20, 30, 4));
        assert_eq!(engine.drain_seconds, 30);
        let origin = |key: &str| show::as_json(&configuration)[key]["origin"].as_str().unwrap().to_owned();
        assert_eq!(origin("engine.process_slots"), "flag --process-slots");
        assert_eq!(origin("engine.component_slots"), "env PETREL_COMPONENT_SLOTS");
        assert_eq!(origin("engine.waiting_limit"), format!("{}:4", path.display()));
        assert_eq!(origin("engine.drain_seconds"), "default");
    }

    #[test]
    fn what_is_not_of_the_type_is_told_with_where_it_stands_all_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("petrel.toml");
        std::fs::write(&path, "[store]\nengine = \"rocks\"\n[log]\nformat = 7\n").unwrap();
        let variables = BTreeMap::from([("engine.process_slots", Raw::Written("few".into()))]);
        let flags = Flags { config: Some(path.clone()), ..Flags::default() };
        let failure = Configuration::with(&flags, variables).unwrap_err();
        let file = path.display();
        for says in [
            "env PETREL_PROCESS_SLOTS: engine.process_slots is \"few\", and must be a whole number"
                .to_owned(),
            format!("{file}:2: store.engine is \"rocks\", and must be \"sled\" or \"redb\""),
            format!("{file}:4: log.format is 7, and must be \"text\" or \"json\""),
        ] {
            assert!(failure.message.contains(&says), "{says}\nis not in\n{}", failure.message);
        }
    }

    #[test]
    fn a_relative_data_directory_is_found_from_everywhere() {
        let given = BTreeMap::from([("server.data_dir", Raw::Written("here/data".to_owned()))]);
        let configuration = Configuration::with(&Flags { config: None, given }, BTreeMap::new()).unwrap();
        let expected = std::env::current_dir().unwrap().join("here/data");
        assert_eq!(configuration.settings.data_dir(), expected);
        assert_eq!(configuration.settings.store_directory(), expected.join("store"));
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let flags = Flags { config: Some("missing.toml".into()), ..Flags::default() };
        let failure = Configuration::with(&flags, BTreeMap::new()).unwrap_err();
        assert!(failure.message.contains("missing.toml"), "{failure}");
    }

    #[test]
    fn clients_of_this_machine_find_the_host_where_it_listens() {
        for (listen, certificate, url) in [
            ("", "", "http://127.0.0.1:9101"),
            ("127.0.0.1:80", "", "http://127.0.0.1:80"),
            ("0.0.0.0:9200", "", "http://127.0.0.1:9200"),
            ("[::]:9200", "", "http://[::1]:9200"),
            ("10.0.0.5:9200", "/etc/petrel/host.crt", "https://10.0.0.5:9200"),
        ] {
            let given = [("server.listen", listen), ("tls.certificate", certificate)];
            let given = given.into_iter().filter(|(_, value)| !value.is_empty());
            let given = given.map(|(key, value)| (key, Raw::Written(value.to_owned()))).collect();
            // That tokens would travel in clear text, or that a key is missing, is for the host to say.
            let configuration =
                Configuration::taken(&Flags { config: None, given }, BTreeMap::new()).unwrap();
            assert_eq!(configuration.settings.url(), url, "{listen}");
        }
    }
}

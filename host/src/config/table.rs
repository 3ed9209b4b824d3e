//! The table of settings: name, type, default, variable and flag of each, once. Flags, the file, the
//! reference and what `petrel config show` prints all follow from it. How values are read is in `value.rs`,
//! what makes no sense together in `check.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use petrel_persistence_embedded::Engine as StoreEngine;

use super::layers::Layers;
use super::value::{Kind, LogFormat, Raw, Span, Value};

/// A section of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name, as in `[server]`.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: &'static [&'static str],
    /// What is in it.
    pub(crate) rows: &'static [Row],
}

/// A setting.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its full name, as in `server.listen`.
    pub(crate) key: &'static str,
    /// Its name within its section.
    pub(crate) name: &'static str,
    /// What it does, in lines.
    pub(crate) about: &'static [&'static str],
    /// What it must be.
    pub(crate) expected: &'static str,
    /// The form of its value.
    pub(crate) kind: Kind,
    /// What it is when nobody says anything.
    pub(crate) default: &'static str,
    /// The variable that sets it.
    pub(crate) variable: &'static str,
    /// The flag that sets it, without its dashes.
    pub(crate) flag: &'static str,
    /// What stands for the value in the help.
    pub(crate) placeholder: &'static str,
}

macro_rules! settings {
    ($(
        $(#[doc = $section_about:literal])+
        $section:ident: $Section:ident {$(
            $(#[doc = $about:literal])+
            $name:ident: $kind:ty = $default:literal, $variable:literal, $flag:literal, $placeholder:literal;
        )+}
    )+) => {
        /// All sections with all settings.
        pub(crate) static TABLE: &[Section] = &[$(Section {
            name: stringify!($section),
            about: &[$($section_about),+],
            rows: &[$(Row {
                key: concat!(stringify!($section), ".", stringify!($name)),
                name: stringify!($name),
                about: &[$($about),+],
                expected: <$kind as Value>::EXPECTED,
                kind: <$kind as Value>::KIND,
                default: $default,
                variable: $variable,
                flag: $flag,
                placeholder: $placeholder,
            }),+],
        }),+];

        /// The settings of a host.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct Settings {$(
            $(#[doc = $section_about])+
            pub(crate) $section: $Section,
        )+}

        impl Settings {
            /// The settings that `layers` give; every problem goes to `problems`.
            pub(super) fn take(layers: &Layers, problems: &mut Vec<String>) -> Option<Self> {
                $(let $section = $Section::take(layers, problems);)+
                Some(Self { $($section: $section?),+ })
            }

            /// All values, in the order of the table.
            pub(crate) fn values(&self) -> Vec<Raw> {
                let mut values = Vec::new();
                $(values.extend(self.$section.values());)+
                values
            }
        }

        $(
            $(#[doc = $section_about])+
            #[derive(Debug, Clone, PartialEq)]
            pub(crate) struct $Section {$(
                $(#[doc = $about])+
                pub(crate) $name: $kind,
            )+}

            impl $Section {
                fn take(layers: &Layers, problems: &mut Vec<String>) -> Option<Self> {
                    $(let $name = layers.take(concat!(stringify!($section), ".", stringify!($name)), problems);)+
                    Some(Self { $($name: $name?),+ })
                }

                fn values(&self) -> Vec<Raw> {
                    vec![$(self.$name.write()),+]
                }
            }
        )+
    };
}

settings! {
    /// Where the host is reached and where it keeps what it keeps.
    server: Server {
        /// The directory in which the host keeps everything; empty: petrel in the XDG data home.
        data_dir: Option<PathBuf> = "", "PETREL_DATA_DIR", "data-dir", "DIR";
        /// The address that the host listens on; clients on its machine find it in the file, all others by `PETREL_URL`.
        listen: SocketAddr = "127.0.0.1:9101", "PETREL_LISTEN", "listen", "ADDRESS";
        /// Listen beyond this machine although passwords and tokens then travel in clear text.
        allow_plain_http: bool = "false", "PETREL_ALLOW_PLAIN_HTTP", "allow-plain-http", "BOOLEAN";
        /// Seconds until a connection that sends no request is closed.
        idle_seconds: u64 = "30", "PETREL_IDLE_SECONDS", "idle-seconds", "N";
        /// How many connections there may be; beyond it only how the host is can be asked.
        max_connections: usize = "4096", "PETREL_MAX_CONNECTIONS", "max-connections", "N";
        /// How many connections may come from one address.
        max_connections_per_address: usize = "1024", "PETREL_MAX_CONNECTIONS_PER_ADDRESS", "max-connections-per-address", "N";
        /// How much memory requests may take while they are taken in, in MiB; more are answered with 503 and `Retry-After`.
        max_in_flight_mib: usize = "256", "PETREL_MAX_IN_FLIGHT_MIB", "max-in-flight-mib", "N";
    }

    /// Encryption of connections. Both empty: none.
    tls: TlsFiles {
        /// The certificates in PEM with which connections are encrypted, the host's own first.
        certificate: Option<PathBuf> = "", "PETREL_TLS_CERTIFICATE", "tls-certificate", "FILE";
        /// The private key of the certificate, in PEM.
        key: Option<PathBuf> = "", "PETREL_TLS_KEY", "tls-key", "FILE";
    }

    /// What runs and what waits.
    engine: Engine {
        /// How many processes run at once.
        process_slots: usize = "16", "PETREL_PROCESS_SLOTS", "process-slots", "N";
        /// How many components run at once.
        component_slots: usize = "64", "PETREL_COMPONENT_SLOTS", "component-slots", "N";
        /// How many executions may wait; more are answered with 503 and `Retry-After`.
        waiting_limit: usize = "100000", "PETREL_WAITING_LIMIT", "waiting-limit", "N";
        /// How many percent of the executions that may wait one rule, one user or the inside of one workflow may hold.
        waiting_share: usize = "50", "PETREL_WAITING_SHARE", "waiting-share", "PERCENT";
        /// How much memory the results of all that runs may take together until they are stored, in MiB; what is beyond is cut, or fails.
        results_mib: usize = "128", "PETREL_RESULTS_MIB", "results-mib", "N";
        /// Seconds that what runs may go on after SIGTERM.
        drain_seconds: u64 = "30", "PETREL_DRAIN_SECONDS", "drain-seconds", "N";
    }

    /// What workflows may take. One that exceeds a limit fails, and its error names the setting.
    workflows: Workflows {
        /// How deep workflows may be inside each other.
        max_depth: usize = "32", "PETREL_WORKFLOWS_MAX_DEPTH", "workflows-max-depth", "N";
        /// How many executions that have not ended may be inside a workflow, at any depth.
        max_descendants: usize = "100000", "PETREL_WORKFLOWS_MAX_DESCENDANTS", "workflows-max-descendants", "N";
        /// How many items of a workflow's task are done at once at most; a larger concurrency is cut to it.
        items_window: usize = "1000", "PETREL_WORKFLOWS_ITEMS_WINDOW", "workflows-items-window", "N";
        /// How many tasks of a workflow may start because of one event.
        max_tasks_in_step: usize = "10000", "PETREL_WORKFLOWS_MAX_TASKS_IN_STEP", "workflows-max-tasks-in-step", "N";
        /// How many tasks of a workflow may start in all.
        max_tasks: usize = "1000000", "PETREL_WORKFLOWS_MAX_TASKS", "workflows-max-tasks", "N";
        /// How much memory what a workflow was given and what its tasks gave and published may take, in MiB.
        max_variables_mib: usize = "128", "PETREL_WORKFLOWS_MAX_VARIABLES_MIB", "workflows-max-variables-mib", "N";
    }

    /// The expressions of rules, parameters and workflows.
    expressions: Expressions {
        /// Seconds that the expressions of one event, request or execution may take together.
        max_seconds: u64 = "5", "PETREL_EXPRESSIONS_MAX_SECONDS", "expressions-max-seconds", "N";
        /// Evaluate again what expressions in workflows give, as StackStorm does; else it is data.
        reevaluate: bool = "false", "PETREL_EXPRESSIONS_REEVALUATE", "expressions-reevaluate", "BOOLEAN";
    }

    /// What runs actions.
    runners: Runners {
        /// The user as whom shell commands and scripts run, by sudo without a password; empty: the host's own.
        run_as: Option<String> = "", "PETREL_RUN_AS", "run-as", "USER";
        /// Decode what shell commands print also where it is JSON but no object and no array, as StackStorm does.
        decode_scalars: bool = "true", "PETREL_DECODE_SCALARS", "decode-scalars", "BOOLEAN";
        /// The interpreter of Python actions, 3.8 or newer: a path, or a name on PATH.
        python: String = "python3", "PETREL_PYTHON", "python", "PROGRAM";
        /// Directories for the components of packs: `PACK=HOST-DIR:GUEST-PATH[:rw]`.
        grant_directories: Vec<String> = "", "PETREL_GRANT_DIRECTORY", "grant-directory", "GRANT";
    }

    /// Components of packs.
    components: Components {
        /// How much memory all that run may take together, in MiB; they begin as it gets free, and what grows beyond it fails.
        memory_mib: usize = "192", "PETREL_COMPONENTS_MEMORY_MIB", "components-memory-mib", "N";
        /// How much memory one call of a component may take, in MiB, at most 4096; one that needs more fails.
        max_memory_mib: usize = "128", "PETREL_COMPONENTS_MAX_MEMORY_MIB", "components-max-memory-mib", "N";
        /// Seconds on a processor that one call of a component may take; one that needs more fails.
        max_cpu_seconds: u64 = "30", "PETREL_COMPONENTS_MAX_CPU_SECONDS", "components-max-cpu-seconds", "N";
    }

    /// Packs.
    packs: Packs {
        /// Where configurations of packs are, as `packs/NAME.yaml`; empty: configs in the data directory.
        config_dir: Option<PathBuf> = "", "PETREL_CONFIG_DIR", "config-dir", "DIR";
    }

    /// The embedded store.
    store: Store {
        /// The engine that keeps the rows of the store.
        engine: StoreEngine = "sled", "PETREL_STORE_ENGINE", "store-engine", "NAME";
        /// How much memory the store's cache may take, in MiB.
        cache_mib: u64 = "64", "PETREL_STORE_CACHE_MIB", "store-cache-mib", "N";
        /// How much of the store is kept in memory before it is brought to its engine, in KiB: the journal is as long.
        checkpoint_kib: u64 = "16384", "PETREL_STORE_CHECKPOINT_KIB", "store-checkpoint-kib", "N";
        /// Nothing new is taken in when so many MiB are left on the disk of the store, or 4.
        reserve_mib: u64 = "64", "PETREL_STORE_RESERVE_MIB", "store-reserve-mib", "N";
    }

    /// How long what has happened is kept.
    retention: Retention {
        /// How long executions are kept with their output, counted from their end.
        executions: Span = "30d", "PETREL_RETENTION_EXECUTIONS", "retention-executions", "SPAN";
        /// How long events are kept with their enforcements.
        trigger_instances: Span = "30d", "PETREL_RETENTION_TRIGGER_INSTANCES", "retention-trigger-instances", "SPAN";
    }

    /// Who may come in.
    auth: Auth {
        /// Seconds that a token is good for after `petrel login`; nobody can ask for more.
        token_seconds: u64 = "86400", "PETREL_TOKEN_SECONDS", "token-seconds", "N";
        /// The users who may act as others, but not as the admin. Only the admin can make users of these names.
        may_impersonate: Vec<String> = "", "PETREL_MAY_IMPERSONATE", "may-impersonate", "USER";
    }

    /// Figures for Prometheus, at `/metrics`.
    metrics: Metrics {
        /// Show the figures at `/metrics` to everybody; else a token is needed.
        open: bool = "false", "PETREL_METRICS_OPEN", "metrics-open", "BOOLEAN";
    }

    /// The log, on standard error.
    log: Log {
        /// What is logged: a level, or levels by part, as in `warn,petrel_engine=debug`.
        level: String = "info", "PETREL_LOG", "log-level", "LEVEL";
        /// How the log is written: `text` for people, `json` for programs.
        format: LogFormat = "text", "PETREL_LOG_FORMAT", "log-format", "FORMAT";
    }
}

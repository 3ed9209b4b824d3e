//! The table of settings, with name, type, default, variable and flag of each. Flags, the file, the reference and the
//! output of `petrel config show` follow from it. `value.rs` parses values, and `check.rs` refuses harmful
//! combinations.

use std::net::SocketAddr;
use std::path::PathBuf;

use petrel_api::guard::Guard;
use petrel_persistence_embedded::Engine as StoreEngine;
use petrel_registry::RegistrySettings;
use petrel_registry::trust::{Policy, Rule};

use super::layers::Layers;
use super::value::{Breaker, Kind, LogFormat, Misfire, Raw, Span, Statuses, Value};

/// A section of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// The name, as in `[server]`.
    pub(crate) name: &'static str,
    /// The description, in lines.
    pub(crate) about: &'static [&'static str],
    /// The settings of the section.
    pub(crate) rows: &'static [Row],
}

/// A setting.
#[derive(Debug)]
pub(crate) struct Row {
    /// The full name, as in `server.listen`.
    pub(crate) key: &'static str,
    /// The name within the section.
    pub(crate) name: &'static str,
    /// The description, in lines.
    pub(crate) about: &'static [&'static str],
    /// The description of valid values, for messages.
    pub(crate) expected: &'static str,
    /// The form of its value.
    pub(crate) kind: Kind,
    /// The default, as text.
    pub(crate) default: &'static str,
    /// The variable that sets it.
    pub(crate) variable: &'static str,
    /// The flag that sets it, without dashes.
    pub(crate) flag: &'static str,
    /// The placeholder of the value in the help.
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
        )+
            /// The settings of single webhooks.
            pub(crate) guards: Vec<Guard>,
            /// The settings of single registries.
            pub(crate) registry_tables: Vec<RegistrySettings>,
            /// The trust in packs of some repositories.
            pub(crate) trust_tables: Vec<Rule>,
            /// The file that was read; empty for none.
            pub(crate) file: PathBuf,
        }

        impl Settings {
            /// Parses the values in `layers`. Problems go to `problems`.
            pub(super) fn take(layers: &Layers, problems: &mut Vec<String>) -> Option<Self> {
                $(let $section = $Section::take(layers, problems);)+
                let (guards, registry_tables, trust_tables) = (layers.guards(), layers.registries(), layers.trust());
                let file = layers.file.path.clone();
                Some(Self { $($section: $section?,)+ guards, registry_tables, trust_tables, file })
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
    /// The address of the host and the place of its data.
    server: Server {
        /// The directory of all data of the host; empty: petrel in the XDG data home.
        data_dir: Option<PathBuf> = "", "PETREL_DATA_DIR", "data-dir", "DIR";
        /// The address that the host listens on; clients on its machine read it in the file, others need `PETREL_URL`.
        listen: SocketAddr = "127.0.0.1:9101", "PETREL_LISTEN", "listen", "ADDRESS";
        /// Listen beyond this machine without TLS, although passwords and tokens then travel in clear text.
        allow_plain_http: bool = "false", "PETREL_ALLOW_PLAIN_HTTP", "allow-plain-http", "BOOLEAN";
        /// Seconds until a connection that sends no request is closed.
        idle_seconds: u64 = "30", "PETREL_IDLE_SECONDS", "idle-seconds", "N";
        /// The greatest number of connections; beyond it only the health of the host can be asked.
        max_connections: usize = "4096", "PETREL_MAX_CONNECTIONS", "max-connections", "N";
        /// The greatest number of connections from one address.
        max_connections_per_address: usize = "1024", "PETREL_MAX_CONNECTIONS_PER_ADDRESS", "max-connections-per-address", "N";
        /// The memory that requests may take together while they are accepted, in MiB; further ones get 503 and `Retry-After`.
        max_in_flight_mib: usize = "256", "PETREL_MAX_IN_FLIGHT_MIB", "max-in-flight-mib", "N";
    }

    /// Encryption of connections; none if both settings are empty.
    tls: TlsFiles {
        /// The certificates in PEM, the host's own first.
        certificate: Option<PathBuf> = "", "PETREL_TLS_CERTIFICATE", "tls-certificate", "FILE";
        /// The private key of the certificate, in PEM.
        key: Option<PathBuf> = "", "PETREL_TLS_KEY", "tls-key", "FILE";
    }

    /// Running and waiting executions.
    engine: Engine {
        /// The number of processes that run at once.
        process_slots: usize = "16", "PETREL_PROCESS_SLOTS", "process-slots", "N";
        /// The number of components that run at once.
        component_slots: usize = "64", "PETREL_COMPONENT_SLOTS", "component-slots", "N";
        /// The greatest number of waiting executions; requests for more get 503 and `Retry-After`.
        waiting_limit: usize = "100000", "PETREL_WAITING_LIMIT", "waiting-limit", "N";
        /// The share of these, in percent, that one rule, one user or the inside of one workflow may have.
        waiting_share: usize = "50", "PETREL_WAITING_SHARE", "waiting-share", "PERCENT";
        /// The memory that results of running executions may take together until they are stored, in MiB; beyond it output is cut, or the execution fails.
        results_mib: usize = "128", "PETREL_RESULTS_MIB", "results-mib", "N";
        /// Seconds that running executions have to finish after SIGTERM.
        drain_seconds: u64 = "30", "PETREL_DRAIN_SECONDS", "drain-seconds", "N";
    }

    /// Limits of workflows. A workflow that exceeds one fails, and its error names the setting.
    workflows: Workflows {
        /// The greatest depth of workflows inside each other.
        max_depth: usize = "32", "PETREL_WORKFLOWS_MAX_DEPTH", "workflows-max-depth", "N";
        /// The greatest number of unfinished executions inside a workflow, at any depth.
        max_descendants: usize = "100000", "PETREL_WORKFLOWS_MAX_DESCENDANTS", "workflows-max-descendants", "N";
        /// The greatest number of a task's items that run at once; a larger concurrency is cut to it.
        items_window: usize = "1000", "PETREL_WORKFLOWS_ITEMS_WINDOW", "workflows-items-window", "N";
        /// The greatest number of a workflow's tasks that may start because of one event.
        max_tasks_in_step: usize = "10000", "PETREL_WORKFLOWS_MAX_TASKS_IN_STEP", "workflows-max-tasks-in-step", "N";
        /// The greatest number of tasks that a workflow may start in all.
        max_tasks: usize = "1000000", "PETREL_WORKFLOWS_MAX_TASKS", "workflows-max-tasks", "N";
        /// The memory that the input of a workflow and the results and variables of its tasks may take, in MiB.
        max_variables_mib: usize = "128", "PETREL_WORKFLOWS_MAX_VARIABLES_MIB", "workflows-max-variables-mib", "N";
    }

    /// Timers, which are due at certain times.
    timers: Timers {
        /// What becomes of times at which a timer was due and could not fire: it fires once, for the last one (`fire-once`); not at all for times while the host was down (`skip`); once for each (`catch-up`).
        misfire: Misfire = "fire-once", "PETREL_TIMERS_MISFIRE", "timers-misfire", "POLICY";
        /// The greatest number of such times for which `catch-up` fires a timer, the last ones; at most 1000.
        max_catch_up: usize = "100", "PETREL_TIMERS_MAX_CATCH_UP", "timers-max-catch-up", "N";
    }

    /// Events of the platform itself, and of actions.
    triggers: Triggers {
        /// The final statuses of executions whose end makes an event, `core.st2.generic.actiontrigger`; empty: none. It costs nothing where no rule listens.
        action_trigger_when: Statuses = "succeeded,failed,timeout,canceled,abandoned", "PETREL_TRIGGERS_ACTION_TRIGGER_WHEN", "triggers-action-trigger-when", "STATUS";
        /// The greatest number of events of actions that lead to one, one after the other: a rule whose action sets it off again is stopped there.
        max_depth: usize = "32", "PETREL_TRIGGERS_MAX_DEPTH", "triggers-max-depth", "N";
        /// The greatest number of events of one trace; further ones to which others led are refused.
        max_events_per_trace: usize = "100000", "PETREL_TRIGGERS_MAX_EVENTS_PER_TRACE", "triggers-max-events-per-trace", "N";
        /// The circuit breaker of rules without one: after so many failures of its action within a time a rule is paused, as `5 in 10m, 15m`; off if empty.
        circuit_breaker: Breaker = "", "PETREL_TRIGGERS_CIRCUIT_BREAKER", "triggers-circuit-breaker", "BREAKER";
    }

    /// Webhooks. A table of its own for a webhook, which has no variables and no flags, says who may send to it, and how often:
    /// `[webhooks."URL"]` with the keys `auth` ("token", "signature" or "open"), `signature` ("github", "slack", "stripe" or a
    /// table), `secret` ("{{ st2kv.system.KEY }}"), `tolerance` ("5m"), `rate_limit` ("100/min") and `delivery_header`.
    webhooks: Webhooks {
        /// The least time for which the keys of deliveries are remembered, so that one that comes again is taken in once.
        dedup_window: Span = "24h", "PETREL_WEBHOOKS_DEDUP_WINDOW", "webhooks-dedup-window", "SPAN";
    }

    /// Sensors, which notice things outside.
    sensors: Sensors {
        /// The number of sensors that poll at once, and of requests to sensors that are answered at once.
        concurrency: usize = "8", "PETREL_SENSORS_CONCURRENCY", "sensors-concurrency", "N";
        /// Seconds that one poll of a sensor, or one request to it, may take; at most 86400.
        poll_timeout: u64 = "60", "PETREL_SENSORS_POLL_TIMEOUT", "sensors-poll-timeout", "N";
    }

    /// The expressions of rules, parameters and workflows.
    expressions: Expressions {
        /// Seconds that the expressions of one event, request or execution may take together.
        max_seconds: u64 = "5", "PETREL_EXPRESSIONS_MAX_SECONDS", "expressions-max-seconds", "N";
        /// Evaluate expressions in the results of expressions in workflows again, as StackStorm does; otherwise results are data.
        reevaluate: bool = "false", "PETREL_EXPRESSIONS_REEVALUATE", "expressions-reevaluate", "BOOLEAN";
    }

    /// Runners of actions.
    runners: Runners {
        /// The user as whom shell commands and scripts run, by sudo without a password; empty: the host's own.
        run_as: Option<String> = "", "PETREL_RUN_AS", "run-as", "USER";
        /// Decode the output of shell commands also if it is JSON other than an object or array, as StackStorm does.
        decode_scalars: bool = "true", "PETREL_DECODE_SCALARS", "decode-scalars", "BOOLEAN";
        /// The interpreter of actions and sensors in Python, 3.8 or newer: a path, or a name on PATH.
        python: String = "python3", "PETREL_PYTHON", "python", "PROGRAM";
        /// The greatest number of interpreters that are kept ready for Python actions that run again and again; 0: none.
        warm_interpreters: usize = "16", "PETREL_WARM_INTERPRETERS", "warm-interpreters", "N";
        /// Seconds without use after which such an interpreter ends.
        warm_idle_seconds: u64 = "300", "PETREL_WARM_IDLE_SECONDS", "warm-idle-seconds", "N";
        /// Directories for the components of packs, beside what `petrel pack grant` grants: `PACK=HOST-DIR:GUEST-PATH[:rw]`.
        grant_directories: Vec<String> = "", "PETREL_GRANT_DIRECTORY", "grant-directory", "GRANT";
        /// Addresses to which the components of packs may make requests, beside what `petrel pack grant` grants: `PACK=https://HOST[:PORT][/PATH]`, or `PACK=private+https://...` for a name that leads into a private network.
        grant_urls: Vec<String> = "", "PETREL_GRANT_URL", "grant-url", "GRANT";
    }

    /// Commands and scripts on other hosts, by SSH: `[ssh_runner]` and `[system_user]` of StackStorm.
    ssh: Ssh {
        /// The user to sign in as where an action names none; empty: what the configuration of ssh says, else the user of the host.
        user: Option<String> = "", "PETREL_SSH_USER", "ssh-user", "USER";
        /// The private key for actions that bring none, beside the keys of an agent; empty: only the agent's, and the usual files of ssh.
        private_key: Option<PathBuf> = "", "PETREL_SSH_PRIVATE_KEY", "ssh-private-key", "FILE";
        /// The configuration of ssh to read, as ~/.ssh/config, by its whole path; empty: none.
        config: Option<PathBuf> = "", "PETREL_SSH_CONFIG", "ssh-config", "FILE";
        /// Refuse hosts whose keys are not pinned; otherwise the key of the first contact is pinned.
        strict: bool = "false", "PETREL_SSH_STRICT", "ssh-strict", "BOOLEAN";
        /// Seconds until a connection must stand.
        connect_timeout: u64 = "60", "PETREL_SSH_CONNECT_TIMEOUT", "ssh-connect-timeout", "N";
        /// The number of hosts of one action that work at the same time.
        max_parallel: usize = "50", "PETREL_SSH_MAX_PARALLEL", "ssh-max-parallel", "N";
        /// Take an action for succeeded if it did on some of its hosts.
        allow_partial_failure: bool = "false", "PETREL_SSH_ALLOW_PARTIAL_FAILURE", "ssh-allow-partial-failure", "BOOLEAN";
        /// The directory of other hosts below which scripts are copied.
        remote_dir: String = "/tmp", "PETREL_SSH_REMOTE_DIR", "ssh-remote-dir", "DIR";
    }

    /// Virtual environments of packs, in which what their `requirements.txt` lists is installed when they are registered.
    virtualenvs: Virtualenvs {
        /// Make them; otherwise what packs need is installed for the interpreter by somebody else.
        enabled: bool = "true", "PETREL_VIRTUALENVS_ENABLED", "virtualenvs-enabled", "BOOLEAN";
        /// Seconds that one may take; clients wait 300 for an answer.
        timeout_seconds: u64 = "270", "PETREL_VIRTUALENVS_TIMEOUT_SECONDS", "virtualenvs-timeout-seconds", "N";
        /// The index that packages come from; empty: that of the configuration of pip or uv.
        index_url: Option<String> = "", "PETREL_VIRTUALENVS_INDEX_URL", "virtualenvs-index-url", "URL";
        /// A directory of wheels that packages come from, and nothing from any index.
        wheels: Option<PathBuf> = "", "PETREL_VIRTUALENVS_WHEELS", "virtualenvs-wheels", "DIR";
        /// The proxy through which packages are fetched; empty: that of the host's environment.
        proxy: Option<String> = "", "PETREL_VIRTUALENVS_PROXY", "virtualenvs-proxy", "URL";
        /// What each has besides, as packs find it in StackStorm without listing it, as far as it can be installed.
        common: Vec<String> = "six,requests,PyYAML,Jinja2", "PETREL_VIRTUALENVS_COMMON", "virtualenvs-common", "PACKAGE";
    }

    /// Components of packs.
    components: Components {
        /// The memory that running components may take together, in MiB; further ones wait for it, and one that grows beyond it fails.
        memory_mib: usize = "192", "PETREL_COMPONENTS_MEMORY_MIB", "components-memory-mib", "N";
        /// The memory that one call of a component may take, in MiB, at most 4096; one that needs more fails.
        max_memory_mib: usize = "128", "PETREL_COMPONENTS_MAX_MEMORY_MIB", "components-max-memory-mib", "N";
        /// Seconds on a processor that one call of a component may take; one that needs more fails.
        max_cpu_seconds: u64 = "30", "PETREL_COMPONENTS_MAX_CPU_SECONDS", "components-max-cpu-seconds", "N";
    }

    /// The most that any pack may do, whatever it is granted. An empty list is without bounds, and `none` allows nothing.
    capabilities: Capabilities {
        /// The addresses to which components may make requests: `[METHODS ][private+]https://HOST[:PORT][/PATH]`, as `GET+POST https://*.example.com/api`.
        max_http: Vec<String> = "", "PETREL_CAPABILITIES_MAX_HTTP", "capabilities-max-http", "ADDRESS";
        /// The directories of the host, each with all that is below it, that may be mounted for components: `HOST-DIR[:rw]`.
        max_directories: Vec<String> = "", "PETREL_CAPABILITIES_MAX_DIRECTORIES", "capabilities-max-directories", "DIR";
        /// The variables of the host's environment that components may have.
        max_env: Vec<String> = "", "PETREL_CAPABILITIES_MAX_ENV", "capabilities-max-env", "NAME";
        /// The kinds of capabilities that no pack has: `call`, `datastore_read`, `datastore_write`, `kv`, `reveal` or `secrets`.
        never: Vec<String> = "", "PETREL_CAPABILITIES_NEVER", "capabilities-never", "KIND";
    }

    /// Packs.
    packs: Packs {
        /// The directory with configurations of packs, as `packs/NAME.yaml`; empty: configs in the data directory.
        config_dir: Option<PathBuf> = "", "PETREL_CONFIG_DIR", "config-dir", "DIR";
    }

    /// Registries of packs. A table of its own for a registry, which has no variables and no flags, says how it is reached:
    /// `[registries."HOST"]` with the keys `plain_http`, `ca_file`, `skip_tls_verify`, `proxy`, `mirror` and `token_host`.
    registries: Registries {
        /// The size that the artifact of a pack may have, in MiB; unpacked it may have twice as much.
        max_pack_mib: u64 = "512", "PETREL_REGISTRIES_MAX_PACK_MIB", "registries-max-pack-mib", "N";
        /// Seconds for a connection to a registry, and that a registry may be silent.
        timeout_seconds: u64 = "30", "PETREL_REGISTRIES_TIMEOUT_SECONDS", "registries-timeout-seconds", "N";
        /// The number of parts of a pack that are fetched at once.
        downloads: usize = "4", "PETREL_REGISTRIES_DOWNLOADS", "registries-downloads", "N";
        /// The file with the digests of the packs that are installed; empty: packs.lock in the data directory.
        lock_file: Option<PathBuf> = "", "PETREL_REGISTRIES_LOCK_FILE", "registries-lock-file", "FILE";
    }

    /// Trust in packs by their signatures. A table of its own for some repositories, which has no variables and no flags, says what
    /// they need: `[trust."registry.example.com/packs/*"]` with the keys `policy` and `keys`, a list of files with public keys.
    trust: Trust {
        /// The policy for packs of other repositories: only with a signature by a known key (`deny`), with a note on what lacks (`warn`), or as it comes the first time, and from then on by the same key (`first-use`).
        policy: Policy = "first-use", "PETREL_TRUST_POLICY", "trust-policy", "POLICY";
    }

    /// The datastore, with keys that expressions and actions read.
    datastore: Datastore {
        /// The memory that all keys may take together with their values, in MiB.
        max_mib: usize = "64", "PETREL_DATASTORE_MAX_MIB", "datastore-max-mib", "N";
        /// The file with the keys by which secret values are encrypted; empty: the credential petrel-key of systemd if it is there, else vault-key in the data directory.
        key_file: Option<PathBuf> = "", "PETREL_DATASTORE_KEY_FILE", "datastore-key-file", "FILE";
        /// The key file of a StackStorm whose encrypted values are taken over by `encrypted`; none if empty.
        st2_key: Option<PathBuf> = "", "PETREL_DATASTORE_ST2_KEY", "datastore-st2-key", "FILE";
    }

    /// The embedded store.
    store: Store {
        /// The engine that keeps the rows of the store.
        engine: StoreEngine = "sled", "PETREL_STORE_ENGINE", "store-engine", "NAME";
        /// The memory of the store's cache, in MiB.
        cache_mib: u64 = "64", "PETREL_STORE_CACHE_MIB", "store-cache-mib", "N";
        /// The changes that are kept in memory and in the journal before they are written to the engine, in KiB.
        checkpoint_kib: u64 = "16384", "PETREL_STORE_CHECKPOINT_KIB", "store-checkpoint-kib", "N";
        /// The free space on the disk of the store below which new work is refused, in MiB; at least 4.
        reserve_mib: u64 = "64", "PETREL_STORE_RESERVE_MIB", "store-reserve-mib", "N";
    }

    /// The time for which the past is kept.
    retention: Retention {
        /// The time for which executions are kept with their output, from their end on.
        executions: Span = "30d", "PETREL_RETENTION_EXECUTIONS", "retention-executions", "SPAN";
        /// The time for which events are kept with their enforcements.
        trigger_instances: Span = "30d", "PETREL_RETENTION_TRIGGER_INSTANCES", "retention-trigger-instances", "SPAN";
        /// The least time for which events are kept on which a rule failed and that were not replayed, with their enforcements.
        dead_letters: Span = "30d", "PETREL_RETENTION_DEAD_LETTERS", "retention-dead-letters", "SPAN";
    }

    /// Users and tokens.
    auth: Auth {
        /// Seconds until a token of `petrel login` expires; nobody can ask for more.
        token_seconds: u64 = "86400", "PETREL_TOKEN_SECONDS", "token-seconds", "N";
        /// The users who may act on behalf of others, but not of the admin. Only the admin can create users with such names.
        may_impersonate: Vec<String> = "", "PETREL_MAY_IMPERSONATE", "may-impersonate", "USER";
    }

    /// Figures for Prometheus, at `/metrics`.
    metrics: Metrics {
        /// Show the figures at `/metrics` to everybody; otherwise a token is needed.
        open: bool = "false", "PETREL_METRICS_OPEN", "metrics-open", "BOOLEAN";
    }

    /// The log, on standard error.
    log: Log {
        /// The level of the log, or levels by module, as in `warn,petrel=debug`.
        level: String = "info", "PETREL_LOG", "log-level", "LEVEL";
        /// The form of the log: `text` for people, `json` for programs.
        format: LogFormat = "text", "PETREL_LOG_FORMAT", "log-format", "FORMAT";
    }
}

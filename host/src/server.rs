//! The composition root: builds the host from its parts, runs it until a signal stops it, and drains it.

pub(crate) mod runners;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use petrel_api::auth::{Access, AdminToken};
use petrel_api::guard::Guards;
use petrel_api::serve::{Connections, Limits};
use petrel_api::{Api, ApiParts, Backups, Tls};
use petrel_engine::Engine;
use petrel_engine::executions;
use petrel_engine::triggers;
use petrel_engine::workflows;
use petrel_model::WorkflowLimits;
use petrel_persistence::Store;
use petrel_persistence_embedded::{EmbeddedStore, Opened, Options as StoreOptions, remedy};
use petrel_runners::process::Reaper;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::backup_files;
use crate::bundled;
use crate::config::{self, Misfire, Settings};
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::greeting::{self, Whereabouts};
use crate::laid_out;
use crate::log;
use crate::notify::{self, Notifier};
use crate::prerequisites;
use crate::print::Form;
use crate::signals::{end_in_any_case, stop_signal};
use crate::vault_file;

/// The interval at which measured values are aggregated.
const UPKEEP: Duration = Duration::from_secs(5);
/// The time that open connections have for their end, once no execution runs any more.
const HANG_UP: Duration = Duration::from_secs(3);
/// The time that threads have for their end, at the very last.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Runs the host until a signal stops it. `form` is the form of its greeting.
pub(crate) fn run(settings: Settings, accept_loss: bool, form: Form) -> Result<(), Failure> {
    let level = log::start(&settings);
    config::warn_of_unknown_variables();
    let is_stopping = Arc::new(AtomicBool::new(false));
    // Before the runtime, whose threads could all be busy: this handler has a thread of its own.
    end_in_any_case(settings.drain(), Arc::clone(&is_stopping))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime can be started")?;
    let outcome = runtime.block_on(serve(settings, accept_loss, form, level, is_stopping));
    // A thread that is still blocked, on a slow disk for example, is not waited for.
    runtime.shutdown_timeout(LAST_WAIT);
    outcome
}

/// The settings of connections.
fn connections(settings: &Settings, tls: Option<Tls>) -> Connections {
    let limits = Limits {
        all: settings.server.max_connections,
        per_address: settings.server.max_connections_per_address,
    };
    Connections { tls, idle: Duration::from_secs(settings.server.idle_seconds), limits }
}

async fn serve(
    settings: Settings,
    accept_loss: bool,
    form: Form,
    level: log::Level,
    is_stopping: Arc<AtomicBool>,
) -> Result<(), Failure> {
    // The signal handlers come first, so that even an early signal stops the host in order.
    let stop = stop_signal();
    let figures = figures()?;
    // This runs a process, which the reaper, once it is there, would take for a stray one.
    prerequisites::check_user(settings.runners.run_as.as_deref())?;
    let data_dir = private_data_dir(&settings)?;
    // Certificate and address are what is most often wrong, so they are checked before anything is touched.
    let tls = tls(&settings)?;
    let listener = bind(&settings).await?;
    let address = listener.local_addr().context("the socket has no address")?;
    let url = settings.url_at(address);
    let store = open_store(&settings, &data_dir, accept_loss).await?;
    // No other host can have the lock of this store, and nothing of ours runs yet: a process with our mark is a stray.
    let _reaper = Reaper::start(&data_dir, &data_directory::identity(&data_dir)?);
    let admin_token = admin_token(&data_dir)?;
    let (engine, files) = build_engine(&settings, &data_dir, &url, Arc::clone(&store)).await?;
    let report =
        engine.start().await.map_err(|error| anyhow::anyhow!("failed to recover executions: {error}"))?;
    report.log("recovered executions of an earlier process");

    let password = engine.access().ensure_admin().await.map_err(anyhow::Error::from)?;
    let listens = format!("{}://{address}", settings.scheme());
    let here = Whereabouts::of(&settings, &listens, &url, &data_dir);
    let guards = Arc::new(Guards::new(settings.guards.clone()));
    announce(&here, form, &engine, &guards, (password.as_deref(), report.held)).await;
    let access = Access { admin_token, open_metrics: settings.metrics.open, api_url: format!("{url}/api") };
    let api = Api::new(ApiParts {
        engine: engine.clone(),
        access: Arc::new(access),
        figures,
        backups: backups(&store, &data_dir, vault_file::path(&settings)),
        shipped: bundled::shipped(&data_dir),
        log: Arc::new(level),
        trail: Arc::default(),
        turns: Arc::default(),
        glances: Arc::new(petrel_api::Turns::at_glances()),
        inspections: Arc::default(),
        guards,
    });
    let hang_up = CancellationToken::new();
    let server = tokio::spawn(petrel_api::serve(listener, connections(&settings, tls), api, hang_up.clone()));

    let notifier = Arc::new(Notifier::from_environment());
    let beating = tokio::spawn(notify::beat(Arc::clone(&notifier)));
    let keeping = tokio::spawn(laid_out::keep(engine.clone(), files));
    notifier.tell("READY=1");
    let failed = store.failed();
    let outcome = tokio::select! {
        name = stop => {
            is_stopping.store(true, Ordering::SeqCst);
            notifier.tell("STOPPING=1");
            tracing::info!(signal = name, "stopping; nothing new is accepted, running work may finish");
            engine.stop().await;
            Ok(())
        }
        error = failed => Err(store_failure(error.to_string())),
    };
    // Connections end after running executions, whose clients may still be waiting for results.
    hang_up.cancel();
    drop(tokio::time::timeout(HANG_UP, server).await);
    // The heartbeat goes on to the last, because draining may take longer than systemd's patience.
    beating.abort();
    keeping.abort();
    // It holds the store, whose end must not be left to a thread that is cut off.
    drop(keeping.await);
    outcome
}

/// Prints the greeting, with the first password of the admin and what an operator should look at after this start.
async fn announce(
    here: &Whereabouts<'_>,
    form: Form,
    engine: &Engine,
    guards: &Guards,
    (password, held): (Option<&str>, usize),
) {
    // Bounded, also where a disk does not answer.
    let mut notes = engine.catalog().notes_on_files().await;
    notes.extend(guards.notes(engine));
    if form == Form::Json {
        return here.announce_to_programs(password, held, &notes);
    }
    here.announce();
    if let Some(password) = password {
        greeting::announce_admin(password);
    }
    greeting::announce_held(held);
    greeting::announce_notes(&notes);
}

/// The failure for a store that failed while it was in use.
fn store_failure(message: String) -> Failure {
    let hint = remedy::of_words(&message).unwrap_or("see the log, and start the host again");
    Failure::new(Code::Server, "store", message, hint)
}

/// The data directory, created if need be, and accessible by its owner only.
fn private_data_dir(settings: &Settings) -> Result<PathBuf, Failure> {
    let data_dir = settings.data_dir();
    data_directory::make_private(&data_dir).map_err(|error| {
        let hint = "name a directory that you can write to with --data-dir or server.data_dir";
        Failure::new(Code::Server, "host", format!("{error:#}"), hint)
    })?;
    Ok(data_dir)
}

/// The admin's token, with the function that replaces it.
fn admin_token(data_dir: &Path) -> anyhow::Result<AdminToken> {
    let (token, data_dir) = (data_directory::admin_token(data_dir)?, data_dir.to_path_buf());
    Ok(AdminToken::new(token, move || {
        data_directory::new_admin_token(&data_dir).map_err(|error| format!("{error:#}"))
    }))
}

/// Starts measuring, and returns the function that renders the figures.
fn figures() -> Result<Arc<dyn Fn() -> String + Send + Sync>, Failure> {
    // Seconds: from a read of memory to an execution of ten minutes.
    let seconds = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0];
    let recorder = PrometheusBuilder::new().set_buckets(&seconds).context("failed to set up metrics")?;
    let handle = recorder.install_recorder().context("failed to install the metrics recorder")?;
    let keeper = handle.clone();
    tokio::spawn(async move {
        loop {
            // Now and then, so that measured values take no memory when nobody asks for them.
            tokio::time::sleep(UPKEEP).await;
            keeper.run_upkeep();
        }
    });
    Ok(Arc::new(move || handle.render()))
}

/// The function that writes backups: the store, and the files of the data directory that belong to it.
fn backups(store: &Arc<dyn Store>, data_dir: &Path, keys: PathBuf) -> Arc<Backups> {
    let (store, data_dir) = (Arc::clone(store), data_dir.to_path_buf());
    Arc::new(Backups::new(move |to, with_keys| {
        let keys = with_keys.then_some(keys.as_path());
        let files = backup_files::collect(&data_dir, keys).map_err(|error| error.to_string())?;
        store.backup(&files, to).map_err(|error| error.to_string())
    }))
}

/// The certificate for connections, if one is set.
fn tls(settings: &Settings) -> Result<Option<Tls>, Failure> {
    let (Some(certificate), Some(key)) = (&settings.tls.certificate, &settings.tls.key) else {
        return Ok(None);
    };
    Tls::load(certificate, key, petrel_engine::clock::now())
        .map(Some)
        .map_err(|error| Failure::new(Code::Usage, "tls", error.to_string(), error.hint()))
}

async fn bind(settings: &Settings) -> Result<TcpListener, Failure> {
    TcpListener::bind(settings.server.listen).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process listens there, perhaps a petrel; stop it, or listen elsewhere with --listen"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need rights that this user does not have; choose another with --listen"
            }
            _ => "choose another address with --listen",
        };
        Failure::new(
            Code::Server,
            "listen",
            format!("cannot listen on {}: {error}", settings.server.listen),
            hint,
        )
    })
}

async fn open_store(
    settings: &Settings,
    data_dir: &Path,
    accept_loss: bool,
) -> Result<Arc<dyn Store>, Failure> {
    let directory = data_directory::store(data_dir);
    if data_directory::has_lost_its_store(data_dir) {
        return Err(Failure::new(
            Code::Server,
            "store",
            format!("a host has worked in {}, and its store is not there", data_dir.display()),
            "put the store back, or make one with `petrel store import` or `petrel restore`; to begin anew with nothing, name another --data-dir",
        ));
    }
    let sealer = vault_file::sealer(settings);
    let options = StoreOptions { accept_loss, sealer, ..settings.store_options() };
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&directory, &options)).await;
    let store = opened
        .context("opening the store")?
        .map_err(|error| Failure::new(Code::Server, "store", error.to_string(), ""))?;
    report(store.opened());
    Ok(Arc::new(store))
}

/// Logs the recovery of the store.
fn report(opened: &Opened) {
    let Opened { sequence, replayed, is_torn, lost, took } = opened;
    let took_seconds = took.as_secs_f64();
    lost.iter().for_each(|lost| tracing::error!("store opened without {lost}, as --accept-loss allows"));
    if *replayed == 0 && !is_torn {
        tracing::info!(sequence, took_seconds, "store opened");
    } else {
        tracing::warn!(
            sequence,
            replayed,
            took_seconds,
            last_group_torn = is_torn,
            "store opened after a crash; acknowledged commits were recovered from the journal, and a torn last group had not been acknowledged"
        );
    }
}

/// Encrypts what an earlier version stored in clear of open executions. A full disk, say, must not keep the host from starting.
async fn seal_active(store: &dyn Store) {
    match store.seal_active().await {
        Ok(0) => {}
        Ok(sealed) => tracing::info!(
            sealed,
            "encrypted open executions with secrets that an earlier version stored in clear"
        ),
        Err(error) => tracing::warn!(
            %error,
            "failed to encrypt open executions with secrets that an earlier version stored in clear; the next start tries again"
        ),
    }
}

async fn build_engine(
    settings: &Settings,
    data_dir: &Path,
    url: &str,
    store: Arc<dyn Store>,
) -> Result<(Engine, Arc<laid_out::Files>), Failure> {
    let vault = vault_file::open(settings, store.as_ref()).await?;
    store.seal_with(Arc::new(vault.clone()));
    seal_active(store.as_ref()).await;
    let options = petrel_engine::Options {
        executions: executions::Options {
            component_slots: settings.engine.component_slots,
            process_slots: settings.engine.process_slots,
            waiting_limit: settings.engine.waiting_limit,
            waiting_share: settings.engine.waiting_share,
            results_limit: settings.engine.results_mib.saturating_mul(1 << 20),
            circuit_breaker: settings.triggers.circuit_breaker.0,
            action_trigger_when: settings.triggers.action_trigger_when.0.clone(),
            ..executions::Options::default()
        },
        workflows: workflow_options(settings, url),
        triggers: trigger_options(settings),
        drain: settings.drain(),
        longest_evaluation: Duration::from_secs(settings.expressions.max_seconds),
        catalog: petrel_catalog::Options {
            config_directory: Some(
                settings.packs.config_dir.clone().unwrap_or_else(|| data_dir.join("configs")),
            ),
            given: settings.given()?,
        },
        access: petrel_access::Options {
            token_ttl: Duration::from_secs(settings.auth.token_seconds),
            may_impersonate: settings.auth.may_impersonate.clone(),
        },
        retention: petrel_engine::Retention {
            executions: settings.retention.executions.0,
            trigger_instances: settings.retention.trigger_instances.0,
            dead_letters: settings.retention.dead_letters.0,
        },
        datastore: petrel_engine::datastore::Options {
            most_bytes: settings.datastore.max_mib.saturating_mul(1 << 20),
            ..petrel_engine::datastore::Options::default()
        },
        vault,
    };
    let files = laid_out::Files::of(data_dir);
    let (runners, sensors) = runners::laid_out(settings, data_dir, url, files.upkeep())?;
    let engine = Engine::new(store, runners, sensors, options).await.map_err(anyhow::Error::from)?;
    vault_file::tell_of_lost(settings, engine.keys().told_of_lost());
    for pack in bundled::PACKS {
        bundled::register(&engine, data_dir, pack).await?;
    }
    Ok((engine, files))
}

fn trigger_options(settings: &Settings) -> triggers::Options {
    triggers::Options {
        bytes_in_flight: settings.server.max_in_flight_mib.saturating_mul(1 << 20),
        misfire: match settings.timers.misfire {
            Misfire::FireOnce => triggers::Misfire::FireOnce,
            Misfire::Skip => triggers::Misfire::Skip,
            Misfire::CatchUp => triggers::Misfire::CatchUp(settings.timers.max_catch_up),
        },
        max_depth: u32::try_from(settings.triggers.max_depth).unwrap_or(u32::MAX),
        max_events_per_trace: settings.triggers.max_events_per_trace,
        dedup_window: settings.webhooks.dedup_window.0,
        sensors_at_once: settings.sensors.concurrency,
        poll_timeout: Duration::from_secs(settings.sensors.poll_timeout),
        ..triggers::Options::default()
    }
}

fn workflow_options(settings: &Settings, url: &str) -> workflows::Options {
    workflows::Options {
        max_depth: u32::try_from(settings.workflows.max_depth).unwrap_or(u32::MAX),
        max_descendants: settings.workflows.max_descendants,
        limits: WorkflowLimits {
            items_window: settings.workflows.items_window,
            tasks_in_step: settings.workflows.max_tasks_in_step,
            tasks: settings.workflows.max_tasks,
            variables: settings.workflows.max_variables_mib.saturating_mul(1 << 20),
        },
        api_url: format!("{url}/api/v1"),
        reevaluates: settings.expressions.reevaluate,
        ..workflows::Options::default()
    }
}

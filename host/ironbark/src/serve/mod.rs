//! `ironbark serve`: API and conductor in one process.

mod checks;
mod connections;
mod hypervisors;
mod limits;
mod listener;
mod parts;
mod signals;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ironbark_api::ApiState;
use ironbark_conductor::{Conductor, Parts, Stop};
use ironbark_db::Database;
use ironbark_rpc::in_process::{DEFAULT_BOUND, InProcess};

pub(crate) use checks::check;

use crate::cli::ServeArgs;
use crate::config::{AuthStrategy, Origins, Settings, load};
use crate::logging;

/// How long idle BMC sessions may take to close when the service stops.
const CLOSE_SESSIONS: Duration = Duration::from_secs(5);

/// Runs until a signal says stop.
pub(crate) fn run(args: ServeArgs) -> Result<()> {
    let (mut settings, mut origins) = load(args.config.as_deref(), std::env::vars())?;
    apply(&mut settings, &mut origins, args);
    check(&settings, &origins)?;
    logging::start(settings.log.format, &settings.log.level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ironbark-io")
        .build()
        .context("the runtime can't be started")?;
    runtime.block_on(serve(settings))
}

/// The folder for everything that the service keeps.
pub(crate) fn data_dir(settings: &Settings) -> PathBuf {
    settings
        .data_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from("ironbark-data"))
}

async fn serve(settings: Settings) -> Result<()> {
    let data = data_dir(&settings);
    make_private_folder(&data)?;
    make_private_folder(&data.join("drivers.d"))?;
    let mut signals = signals::Signals::listen()?;

    let db = Database::open(&parts::database(&settings, &data))
        .await
        .context("the database can't be opened")?;
    let ipmi = ironbark_bmc::ipmi::Client::new(parts::ipmi(&settings)?);
    let redfish = ironbark_bmc::redfish::Client::new(parts::redfish(&settings)?);
    let ssh = ironbark_bmc::ssh::Client::new(hypervisors::ssh(&settings)?);
    let drivers = parts::drivers(&settings, &data)?;
    let config = parts::conductor(&settings, &data)?;
    let host = config.host.clone();
    let conductor = Conductor::start(Parts {
        db: db.clone(),
        drivers,
        ipmi: ipmi.clone(),
        redfish: redfish.clone(),
        ssh: ssh.clone(),
        config,
    })
    .await
    .map_err(anyhow::Error::from)
    .context("the conductor can't be started")?;

    let transport = InProcess::new();
    transport.listen(&host, conductor.clone(), DEFAULT_BOUND);
    let rpc = ironbark_rpc::Client::new(Arc::new(transport.clone()), settings.api.rpc_timeout.0);
    let api = ironbark_api::router(ApiState::new(db.clone(), rpc, parts::api(&settings)?));
    let listener =
        listener::Listener::start(&settings, api, listener::Bounds::of_process()).await?;
    tracing::info!(address = %listener.address(), conductor = %host, "the API listens");

    // The conductor ends by itself if another process registers under its host name.
    let superseded = conductor.context().shutdown.clone();
    let told = tokio::select! {
        how = signals.wait() => Some(how),
        () = superseded.cancelled() => None,
    };
    let how = told.unwrap_or(Stop::Graceful);
    tracing::info!(how = ?how, "stopping");
    tokio::select! {
        () = conductor.stop(how) => {}
        _ = signals.wait() => tracing::warn!("told to stop again: leaving what runs to be carried on after the next start"),
    }
    transport.stop(&host);
    listener.stop().await;
    tokio::join!(
        ipmi.shutdown(CLOSE_SESSIONS),
        redfish.shutdown(CLOSE_SESSIONS),
        ssh.shutdown(CLOSE_SESSIONS)
    );
    // Commands whose driver calls were dropped have ended by now: the audit says how.
    conductor.flush_audit(CLOSE_SESSIONS).await;
    db.close().await;
    anyhow::ensure!(
        told.is_some(),
        "another process registered as conductor {host}: give each its own [conductor] host, or end one of them"
    );
    Ok(())
}

fn apply(settings: &mut Settings, origins: &mut Origins, args: ServeArgs) {
    let flags: [(bool, &'static [&'static str], &'static str); 6] = [
        (args.listen.is_some(), &["api", "listen"], "--listen"),
        (args.tls_cert.is_some(), &["api", "tls_cert"], "--tls-cert"),
        (args.tls_key.is_some(), &["api", "tls_key"], "--tls-key"),
        (
            args.htpasswd.is_some(),
            &["api", "htpasswd_file"],
            "--htpasswd",
        ),
        (args.data_dir.is_some(), &["data_dir"], "--data-dir"),
        (args.database.is_some(), &["database", "url"], "--database"),
    ];
    for (_, keys, flag) in flags.into_iter().filter(|(given, ..)| *given) {
        origins.flag(keys, flag);
    }
    let api = &mut settings.api;
    api.listen = args.listen.unwrap_or(api.listen);
    api.tls_cert = args.tls_cert.or(api.tls_cert.take());
    api.tls_key = args.tls_key.or(api.tls_key.take());
    api.behind_proxy |= args.behind_proxy;
    if args.htpasswd.is_some() {
        api.htpasswd_file = args.htpasswd;
        api.auth_strategy = AuthStrategy::HttpBasic;
    }
    settings.data_dir = args.data_dir.or(settings.data_dir.take());
    settings.database.url = args.database.or(settings.database.url.take());
    settings.log.format = args.log_format.unwrap_or(settings.log.format);
}

/// Makes a folder that only this user can look into: it holds credentials of BMCs.
fn make_private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the folder {} can't be made", folder.display()))
}

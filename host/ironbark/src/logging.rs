//! Log lines as text or JSON, to standard error.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::LogFormat;
use crate::config::At;

/// Starts logging; `level` is a level or a filter such as `info,ironbark_bmc=debug`.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<()> {
    let filter = filter(level)?;
    let lines = layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(may_be_told));
    let started = match format {
        LogFormat::Text => subscriber.with(lines).try_init(),
        LogFormat::Json => subscriber.with(lines.json().flatten_event(true)).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))
}

/// What is logged at this level.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(level)
        .with_context(|| format!("{level:?} is neither a level nor a filter"))
        .context(At::of(["log", "level"]))
}

/// Whatever the filter says: what WebSockets carry is what people type on consoles, passwords among it.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let of_web_sockets = ["tungstenite", "tokio_tungstenite"].iter().any(|name| {
        let rest = metadata.target().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    !of_web_sockets || *metadata.level() <= Level::INFO
}

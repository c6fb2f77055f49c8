//! Many connections at once, each of which asks again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::report::Report;
use crate::service::Service;

/// Connections.
pub(crate) const CONNECTIONS: usize = 1000;
/// Requests of each.
const REQUESTS: usize = 10;
/// How long one may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every connection is open before any asks, and none is closed before all were answered.
pub(crate) async fn connections(service: &Service, report: &mut Report) -> Result<()> {
    allow_connections()?;
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    let mut all = JoinSet::new();
    for number in 0..CONNECTIONS {
        let authority = service.http().authority().to_owned();
        let barrier = Arc::clone(&barrier);
        all.spawn(async move { ask(authority, number, &barrier).await });
    }
    let mut latencies = Vec::with_capacity(CONNECTIONS * REQUESTS);
    let mut failed = 0usize;
    while let Some(one) = all.join_next().await {
        match one? {
            Ok(some) => latencies.extend(some),
            Err(error) => {
                eprintln!("  a connection failed: {error:#}");
                failed += 1;
            }
        }
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    report.row(
        "connections that failed, of 1000 at once",
        Some(0.0),
        failed as f64,
        "",
    );
    let count = latencies.len();
    report.operations(
        "GET one node, over 1000 connections at once",
        None,
        cpu,
        count,
        start.elapsed(),
        latencies,
    );
    Ok(())
}

async fn ask(authority: String, number: usize, barrier: &Barrier) -> Result<Vec<Duration>> {
    let opened = TcpStream::connect(&authority).await;
    // Whoever has none is waited for as well, or the others wait for ever.
    barrier.wait().await;
    let mut opened = opened.context("it can't be opened");
    let answered = match &mut opened {
        Ok(stream) => requests(stream, &authority, number).await,
        Err(error) => Err(anyhow!("{error:#}")),
    };
    barrier.wait().await;
    drop(opened);
    answered
}

async fn requests(stream: &mut TcpStream, authority: &str, number: usize) -> Result<Vec<Duration>> {
    let request = format!(
        "GET /v1/nodes/bench-{} HTTP/1.1\r\nHost: {authority}\r\nX-OpenStack-Ironic-API-Version: 1.115\r\n\r\n",
        number % 50
    );
    let mut latencies = Vec::with_capacity(REQUESTS);
    let mut buffer = Vec::new();
    for _ in 0..REQUESTS {
        let start = Instant::now();
        let answering = async {
            stream.write_all(request.as_bytes()).await?;
            answer(stream, &mut buffer).await
        };
        tokio::time::timeout(PATIENCE, answering)
            .await
            .with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))??;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

/// Reads one answer to its end; it must be a 200 that says how long it is.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("it was closed before the answer");
        }
        let text = String::from_utf8_lossy(buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("answered {}", head.lines().next().unwrap_or_default());
        }
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("an answer without a length")?
            .1
            .trim()
            .parse()?;
        if body.len() >= length {
            return Ok(());
        }
    }
}

/// This program needs a file descriptor for each.
fn allow_connections() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |count: Option<u64>| count.is_none_or(|count| count > CONNECTIONS as u64 + 100);
    if enough(limit.current) {
        return Ok(());
    }
    if !enough(limit.maximum) {
        bail!(
            "1000 connections need more file descriptors than this process may have (ulimit -Hn)"
        );
    }
    let wanted = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, wanted).context("the bound on file descriptors can't be raised")
}

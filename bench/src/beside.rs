//! How long a read waits beside writes: the same reads, quiet and under a steady load of writes, in turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::http::Http;
use crate::report::{Report, percentile};
use crate::service::Service;

/// Writes a second.
const WRITES: u32 = 100;
/// Writes under way at most: when the service is slower than they come, the next ones wait.
const AT_ONCE: usize = 16;
/// Rounds of quiet and loud.
const ROUNDS: usize = 5;
/// How often the p99 of reads may be what it is when nothing else is done.
const MUST: f64 = 10.0;
/// Percent of the writes that may be missing: else it is another load than the row says.
const MUST_MISS: f64 = 5.0;

/// `reads` of one node, quiet and beside writes.
pub(crate) async fn writes(service: &Service, reads: usize, report: &mut Report) -> Result<()> {
    let (mut quiet, mut loud) = (Vec::new(), Vec::new());
    let (mut done, mut writing) = (0, Duration::ZERO);
    read(service, reads / 10).await?;
    for _ in 0..ROUNDS {
        quiet.extend(read(service, reads / ROUNDS).await?);
        let load = Load::begin(service.http().another()?)?;
        let begun = Instant::now();
        // As long as it takes for many writes to fall on it, however fast reads are.
        while begun.elapsed() < Duration::from_secs(3) {
            loud.extend(read(service, 50).await?);
        }
        let (writes, took) = load.end().await?;
        done += writes;
        writing += took;
    }
    let wanted = writing.as_secs_f64() * f64::from(WRITES);
    let missed = (1.0 - done as f64 / wanted).max(0.0) * 100.0;
    report.row(
        "writes missing of 100 a second",
        Some(MUST_MISS),
        missed,
        "%",
    );
    let p99 = |latencies: &mut Vec<Duration>| {
        percentile(latencies, 0.99)
            .map(|latency| latency.as_secs_f64() * 1e3)
            .context("nothing was read")
    };
    let (quiet, loud) = (p99(&mut quiet)?, p99(&mut loud)?);
    report.row("GET one node, p99, quiet", None, quiet, "ms");
    report.row(
        "GET one node, p99, beside 100 writes a second",
        None,
        loud,
        "ms",
    );
    report.row(
        "GET one node, p99, beside writes over quiet",
        Some(MUST),
        loud / quiet,
        "×",
    );
    Ok(())
}

async fn read(service: &Service, count: usize) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count {
        let path = format!("/v1/nodes/bench-{}", number % 50);
        latencies.push(service.http().get(&path).await?.1);
    }
    Ok(latencies)
}

/// Writers on a thread of their own, so that they don't hold up who measures.
struct Load {
    stop: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
    writing: tokio::task::JoinHandle<Result<(usize, Duration)>>,
}

impl Load {
    fn begin(http: Http) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let writing = runtime.spawn(write(http, Arc::clone(&stop)));
        Ok(Self {
            stop,
            runtime,
            writing,
        })
    }

    /// How many writes were done, and in which time.
    async fn end(self) -> Result<(usize, Duration)> {
        self.stop.store(true, Ordering::Relaxed);
        let done = self.writing.await;
        self.runtime.shutdown_background();
        done?
    }
}

async fn write(http: Http, stop: Arc<AtomicBool>) -> Result<(usize, Duration)> {
    let done = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / WRITES);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    let mut number = 0usize;
    while !stop.load(Ordering::Relaxed) {
        tick.tick().await;
        if writers.len() >= AT_ONCE {
            finished(writers.join_next().await)?;
        }
        while let Some(one) = writers.try_join_next() {
            finished(Some(one))?;
        }
        let (http, done) = (http.clone(), Arc::clone(&done));
        // Other nodes than those that are read, one after another: no two writes meet at one node.
        let path = format!("/v1/nodes/bench-{}", 50 + number % 50);
        let body = json!([{"op": "add", "path": "/extra/note", "value": number}]);
        number += 1;
        writers.spawn(async move {
            http.timed(Method::PATCH, &path, Some(&body)).await?;
            done.fetch_add(1, Ordering::Relaxed);
            anyhow::Ok(())
        });
    }
    let counted = (done.load(Ordering::Relaxed), begun.elapsed());
    while let Some(one) = writers.join_next().await {
        finished(Some(one))?;
    }
    Ok(counted)
}

fn finished(one: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    one.map_or(Ok(()), |ended| ended?)
}

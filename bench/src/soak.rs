//! A mixed load over some time: what memory it leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::http::Http;
use crate::report::Report;
use crate::service::Service;
use crate::writes;

/// From one sample of memory to the next, at most.
const SAMPLED: Duration = Duration::from_secs(1);
/// From this on, memory that grows is a leak and no cache that fills.
const TELLS: Duration = Duration::from_secs(300);
/// What memory may grow then, in MiB: from the second quarter to the last.
const MUST: f64 = 5.0;
/// Nodes that are read; one half is changed, the other switched.
const NODES: usize = 100;

/// Reads, writes, nodes that come and go, and power actions, all at once, for so long.
pub(crate) async fn mixed_load(
    service: &Service,
    lasts: Duration,
    report: &mut Report,
) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicUsize::new(0));
    let mut workers: JoinSet<Result<()>> = JoinSet::new();
    for kind in [
        Kind::Read,
        Kind::List,
        Kind::Write,
        Kind::ComeAndGo,
        Kind::Power,
    ] {
        let worker = Worker {
            http: service.http().another()?,
            stop: Arc::clone(&stop),
            done: Arc::clone(&done),
        };
        workers.spawn(worker.work(kind));
    }
    let begun = Instant::now();
    let cpu = service.meter().cpu()?;
    let mut samples = Vec::new();
    let mut tick = tokio::time::interval(SAMPLED.min(lasts / 20));
    while begun.elapsed() < lasts {
        tokio::select! {
            _ = tick.tick() => {
                samples.push((begun.elapsed().as_secs_f64(), service.meter().resident_mib()?));
            }
            Some(ended) = workers.join_next() => {
                // None ends by itself but with an error.
                ended??;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    let seconds = lasts.as_secs();
    report.operations(
        &format!("a request of {seconds} s of mixed load"),
        None,
        cpu,
        done.load(Ordering::Relaxed),
        begun.elapsed(),
        Vec::new(),
    );
    // The first quarter fills caches and pools.
    let quarter = samples.len() / 4;
    let early = median(samples.iter().skip(quarter).take(quarter));
    let late = median(samples.iter().skip(3 * quarter));
    report.row(
        "resident memory, early in the mixed load",
        None,
        early,
        "MiB",
    );
    report.row("resident memory, late in the mixed load", None, late, "MiB");
    let must = (lasts >= TELLS).then_some(MUST);
    report.row(
        "growth of memory under the mixed load",
        must,
        late - early,
        "MiB",
    );
    report.memory(samples);
    Ok(())
}

fn median<'a>(samples: impl Iterator<Item = &'a (f64, f64)>) -> f64 {
    let mut values: Vec<f64> = samples.map(|(_, mib)| *mib).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    List,
    Write,
    ComeAndGo,
    Power,
}

/// One client that does one kind of thing without end, some times a second.
struct Worker {
    http: Http,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Worker {
    async fn work(self, kind: Kind) -> Result<()> {
        let mut tick = tokio::time::interval(match kind {
            Kind::Read => Duration::from_millis(5),
            Kind::List => Duration::from_millis(100),
            Kind::Write | Kind::ComeAndGo => Duration::from_millis(20),
            Kind::Power => Duration::from_millis(200),
        });
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0usize;
        while !self.stop.load(Ordering::Relaxed) {
            tick.tick().await;
            match kind {
                Kind::Read => {
                    self.get(&format!("/v1/nodes/bench-{}", number % NODES))
                        .await?;
                }
                Kind::List => {
                    let list = if number.is_multiple_of(2) {
                        ""
                    } else {
                        "/detail"
                    };
                    self.get(&format!("/v1/nodes{list}?limit=100")).await?;
                }
                Kind::Write => {
                    let body = json!([{"op": "add", "path": "/extra/note", "value": number}]);
                    let path = format!("/v1/nodes/bench-{}", number % (NODES / 2));
                    self.send(Method::PATCH, &path, Some(body)).await?;
                }
                Kind::ComeAndGo => {
                    let body = writes::node("mayfly");
                    self.send(Method::POST, "/v1/nodes", Some(body)).await?;
                    self.send(Method::DELETE, "/v1/nodes/mayfly", None).await?;
                }
                Kind::Power => self.switch(number).await?,
            }
            number += 1;
        }
        Ok(())
    }

    /// Other nodes than those that are written to, each again only after all others: none is locked any more.
    async fn switch(&self, number: usize) -> Result<()> {
        let half = NODES / 2;
        let node = half + number % half;
        let target = if (number / half).is_multiple_of(2) {
            "power on"
        } else {
            "power off"
        };
        let path = format!("/v1/nodes/bench-{node}/states/power");
        self.send(Method::PUT, &path, Some(json!({"target": target})))
            .await
    }

    async fn get(&self, path: &str) -> Result<()> {
        self.send(Method::GET, path, None).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<()> {
        self.http.timed(method, path, body.as_ref()).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

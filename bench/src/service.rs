//! The service under measurement.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::http::Http;
use crate::meter::Meter;

/// A running service.
pub(crate) struct Service {
    child: Child,
    http: Http,
    meter: Meter,
    started_in: Duration,
}

impl Service {
    /// Starts the program on `data`, and waits for its first answer.
    pub(crate) async fn start(
        ironbark: &Path,
        drivers: &Path,
        data: &Path,
        database: Option<&str>,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(data.join("bench.log"))?;
        let mut command = Command::new(ironbark);
        command
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--data-dir",
            ])
            .arg(data)
            .env("IRONBARK_DRIVERS_BUNDLED", drivers)
            .env("IRONBARK_LOG_LEVEL", "warn")
            // A fixed name: the same nodes, the same owner, run after run.
            .env("IRONBARK_CONDUCTOR_HOST", "bench")
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        if let Some(url) = database {
            command.args(["--database", url]);
        }
        for (name, value) in settings {
            command.env(name, value);
        }
        let start = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("{} can't be started", ironbark.display()))?;
        let http = Http::new(format!("http://127.0.0.1:{port}"))?;
        loop {
            if let Some(status) = child.try_wait()? {
                bail!(
                    "the service ended ({status}): {}",
                    std::fs::read_to_string(data.join("bench.log"))?
                );
            }
            if http.get("/v1").await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let started_in = start.elapsed();
        let meter = Meter::new(child.id().context("the service has no process")?)?;
        Ok(Self {
            child,
            http,
            meter,
            started_in,
        })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }

    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("the service has ended by itself")?;
        Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await?;
        self.child.wait().await?;
        Ok(())
    }
}

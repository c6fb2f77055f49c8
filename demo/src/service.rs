//! The `ironbark` program as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::process::{Child, Command};

use crate::stopping::Told;

/// How long the service may take to start: the first time it compiles all drivers, behind everything else that the machine does.
const START: Duration = Duration::from_secs(300);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(60);

/// A running service. It is killed if this is dropped without [`Service::stop`].
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts the program and waits until it answers.
    pub(crate) async fn start(
        ironbark: &Path,
        listen: SocketAddr,
        data_dir: &Path,
    ) -> Result<Self> {
        if tokio::net::TcpStream::connect(listen).await.is_ok() {
            bail!(
                "something listens on {listen} already; end it, or use another address with --listen"
            );
        }
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("the folder {} can't be made", data_dir.display()))?;
        let log = data_dir.join("ironbark.log");
        let output = std::fs::File::create(&log)
            .with_context(|| format!("{} can't be written", log.display()))?;
        let child = Command::new(ironbark)
            .args(["serve", "--listen", &listen.to_string(), "--data-dir"])
            .arg(data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            // Ctrl-C in a terminal goes to the whole group: told by that and by us, it would take us for being in a hurry.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} can't be started", ironbark.display()))?;
        let mut service = Self { child, log };
        let answers = tokio::time::timeout(START, wait_until_healthy(listen));
        tokio::select! {
            answered = answers => answered.map_err(|_| anyhow!("the service did not answer within {} s:\n{}", START.as_secs(), service.log_tail()))?,
            died = service.died() => return Err(died.context(service.log_tail())),
        }
        Ok(service)
    }

    /// Resolves when the service ends by itself, which it shouldn't.
    pub(crate) async fn died(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow!(
                "the service ended by itself ({status}); its log is {}",
                self.log.display()
            ),
            Err(error) => anyhow!(error).context("the service can't be waited for"),
        }
    }

    /// Asks it to stop, and waits until it has. Told again meanwhile, it leaves what runs to its next start.
    pub(crate) async fn stop(mut self, told: &mut Told) -> Result<()> {
        self.terminate().await?;
        let deadline = tokio::time::sleep(STOP);
        tokio::pin!(deadline);
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status?,
                () = told.wait() => self.terminate().await?,
                () = &mut deadline => bail!("the service did not stop"),
            }
        };
        if !status.success() {
            bail!(
                "the service ended with {status}; its log is {}",
                self.log.display()
            );
        }
        Ok(())
    }

    async fn terminate(&self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .status()
                .await
                .context("the service can't be told to stop")?;
        }
        Ok(())
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(20);
        lines.get(start..).unwrap_or_default().join("\n")
    }
}

async fn wait_until_healthy(listen: SocketAddr) {
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        let answer = reqwest::get(format!("http://{listen}/healthcheck")).await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
    }
}

//! The `ironbark` program as a child process: started, killed, started again on the same data.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::process::{Child, Command};

use crate::wait::{PATIENCE, eventually};
use crate::{Client, Setup, Stage, environment, fixture};

/// Lines of its log that a failing test shows.
const SHOWN: usize = 120;

/// A service. It is killed when this is dropped, and its log is shown if the test failed.
#[derive(Debug)]
pub struct Service {
    setup: Setup,
    listen: SocketAddr,
    folder: PathBuf,
    child: Option<Child>,
    client: Client,
}

impl Service {
    /// Starts it, and waits until it answers.
    pub async fn start(stage: &Stage, setup: Setup) -> Self {
        let mut service = Self::prepare(stage, setup);
        service.restart().await;
        service
    }

    /// Starts one that must not come up, waits until it has ended, and gives what it said.
    pub async fn refused(stage: &Stage, setup: Setup) -> String {
        let mut service = Self::prepare(stage, setup);
        service.spawn();
        let status = service.ended().await;
        let said = service.log();
        assert!(!status.success(), "it ended well: {said}");
        // A panic or a signal is no refusal.
        assert_eq!(status.code(), Some(1), "{said}");
        said
    }

    /// Starts it again, on the same data and address; and waits until it answers.
    pub async fn restart(&mut self) {
        self.spawn();
        let client = self.client.credentials(None);
        let child = self.child.as_mut().expect("just started");
        let (listen, log) = (self.listen, self.folder.join("ironbark.log"));
        eventually(&format!("{listen} to answer"), async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!(
                    "it ended ({status}):\n{}",
                    std::fs::read_to_string(&log).unwrap_or_default()
                );
            }
            let answer = client
                .attempt(reqwest::Method::GET, "/healthcheck", None)
                .await;
            answer
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        })
        .await;
    }

    /// Ends it as a power cut would (SIGKILL), at once.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid();
        kill_process(pid, signal).expect("the service takes signals");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a running service");
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .unwrap_or_else(|_| panic!("it did not end within {PATIENCE:?}"))
            .expect("a child can be waited for")
    }

    /// Whether it is running.
    pub fn runs(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        let id = self
            .child
            .as_ref()
            .and_then(Child::id)
            .expect("a running service");
        Pid::from_raw(id.cast_signed()).expect("a process id")
    }

    /// A client of it, with the credentials of its setup.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Its SQLite database. Only while it isn't running.
    pub async fn database(&self) -> SqliteConnection {
        assert!(self.child.is_none(), "the database belongs to the service");
        let files = std::fs::read_dir(self.data()).expect("a data folder");
        let file = files
            .map(|entry| entry.expect("a readable folder").path())
            .find(|path| path.extension().is_some_and(|end| end == "sqlite"))
            .expect("a database file");
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file))
            .await
            .expect("a readable database")
    }

    /// Everything it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("ironbark.log")).unwrap_or_default()
    }

    /// Changes the configuration; it holds from the next start.
    pub fn change(&mut self, change: impl FnOnce(Setup) -> Setup) {
        self.setup = change(self.setup.clone());
        self.write_config();
    }

    fn prepare(stage: &Stage, setup: Setup) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = stage.path(&format!("service-{number}"));
        std::fs::create_dir_all(&folder).expect("a folder for the service");
        share_compiled(&folder.join("data"));
        let setup = with_fixtures(setup, &folder);
        let listen = free_address();
        let client = match &setup.certificate {
            Some(pem) => Client::trusting(&format!("https://{listen}"), pem),
            None => Client::new(&format!("http://{listen}")),
        }
        .credentials(setup.credentials.clone());
        let service = Self {
            setup,
            listen,
            folder,
            child: None,
            client,
        };
        service.write_config();
        service
    }

    fn write_config(&self) {
        let text = toml::to_string(&self.setup.config).expect("settings are TOML");
        std::fs::write(self.folder.join("ironbark.toml"), text).expect("a configuration file");
    }

    fn spawn(&mut self) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("ironbark.log"))
            .expect("a log file");
        let mut command = Command::new(environment::ironbark());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("IRONBARK_") {
                command.env_remove(name);
            }
        }
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data())
            .arg("--config")
            .arg(self.folder.join("ironbark.toml"))
            .args(&self.setup.arguments)
            .envs(
                self.setup
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        if !self
            .setup
            .arguments
            .iter()
            .any(|argument| argument == "--listen")
        {
            let mut listen = self.listen;
            if self.setup.everywhere {
                listen.set_ip(Ipv4Addr::UNSPECIFIED.into());
            }
            command.args(["--listen", &listen.to_string()]);
        }
        self.child = Some(command.spawn().expect("the ironbark program starts"));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show(&self.folder, &self.log());
        }
    }
}

/// Makes a data folder in which a service finds what others have compiled: each would be busy for seconds with the same packages, at the
/// lowest priority.
pub fn share_compiled(data: &Path) {
    let shared = environment::target().join("tmp").join("compiled");
    std::fs::create_dir_all(&shared).expect("a folder for what is compiled");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(data)
        .expect("a data folder");
    std::os::unix::fs::symlink(shared, data.join("cache")).expect("a link to what is compiled");
}

/// Packages for tests lie beside those that ship, so that they are there from the start.
fn with_fixtures(setup: Setup, folder: &Path) -> Setup {
    if setup.fixtures.is_empty() {
        return setup;
    }
    let bundled = folder.join("bundled");
    std::fs::create_dir_all(&bundled).expect("a folder for packages");
    for entry in std::fs::read_dir(environment::drivers()).expect("a folder of packages") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|end| end == "wasm") {
            std::fs::copy(&path, bundled.join(path.file_name().expect("a file")))
                .expect("a copy of a package");
        }
    }
    for name in &setup.fixtures {
        std::fs::copy(fixture(name).path, bundled.join(format!("{name}.wasm")))
            .expect("a copy of a package");
    }
    setup.set("drivers", "bundled", bundled.display().to_string())
}

fn show(folder: &Path, log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(SHOWN);
    eprintln!(
        "── log of {} (last {} of {} lines)",
        folder.display(),
        lines.len() - from,
        lines.len()
    );
    for line in &lines[from..] {
        eprintln!("{line}");
    }
}

/// An address that nobody uses: below the ports that the system gives out by itself, so that it stays free over restarts.
fn free_address() -> SocketAddr {
    loop {
        let port = rand::random_range(10_000..30_000);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

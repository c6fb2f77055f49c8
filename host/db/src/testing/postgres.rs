//! A PostgreSQL server for the length of a test process.
//!
//! It runs as an ordinary user (PostgreSQL refuses root), listens on a Unix socket in a temporary folder only, and writes
//! without fsync. A shell stands between: it waits for the end of its standard input, which comes when the test process
//! ends, however it ends, and then stops the server and removes the folder.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor as _};

const READY_WITHIN: Duration = Duration::from_secs(60);

const WATCHDOG: &str = r#"
"$1" -D "$2/data" -k "$2" -F -c listen_addresses= -c max_connections=300 -c shared_buffers=32MB \
    -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off >"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$2"
"#;

/// Removes a test's database when the test is over.
#[derive(Debug)]
pub(super) struct DropDatabase {
    admin_url: String,
    name: String,
}

impl Drop for DropDatabase {
    fn drop(&mut self) {
        let (url, name) = (self.admin_url.clone(), self.name.clone());
        // A thread, because a test's runtime may be ending; not awaited, because the server may end first.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                if let Ok(mut admin) = AnyConnection::connect(&url).await {
                    let text = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _ = admin.execute(AssertSqlSafe(text)).await;
                    let _ = admin.close().await;
                }
            });
            std::io::Result::Ok(())
        });
    }
}

/// A new, empty database: its URL, and what removes it.
pub(super) async fn new_database() -> Option<(String, DropDatabase)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    sqlx::any::install_default_drivers();
    let server = server()?;
    let admin_url = server.url("postgres");
    let mut admin = server.connect(&admin_url).await;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ironbark_test_{}_{count}", std::process::id());
    for text in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"),
    ] {
        admin
            .execute(AssertSqlSafe(text))
            .await
            .expect("the test user may create databases");
    }
    admin.close().await.expect("an idle connection closes");
    Some((server.url(&name), DropDatabase { admin_url, name }))
}

/// Where the server is.
struct Server {
    /// A URL in which the database's name is still to be put.
    base: String,
    query: String,
    folder: Option<PathBuf>,
    /// Its standard input is open as long as this process lives.
    _watchdog: Option<Child>,
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.query)
    }

    /// Connects as soon as the server is ready.
    async fn connect(&self, url: &str) -> AnyConnection {
        let started = Instant::now();
        loop {
            match AnyConnection::connect(url).await {
                Ok(connection) => return connection,
                Err(error) if started.elapsed() > READY_WITHIN => {
                    let log = self.folder.as_ref().map(|folder| folder.join("log"));
                    let log = log.and_then(|log| std::fs::read_to_string(log).ok());
                    panic!(
                        "PostgreSQL isn't ready: {error}\n{}",
                        log.unwrap_or_default()
                    );
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Ok(url) = std::env::var("IRONBARK_TEST_POSTGRES_URL") {
                return Some(running(&url));
            }
            match binaries() {
                Some(binaries) => Some(start(&binaries)),
                None if super::is_required("postgres") => {
                    panic!("IRONBARK_TEST_REQUIRE asks for postgres: apt-get install postgresql")
                }
                None => {
                    eprintln!("left out: needs postgresql (apt-get install postgresql)");
                    None
                }
            }
        })
        .as_ref()
}

/// A server that somebody else started: what `IRONBARK_TEST_POSTGRES_URL` says, whatever database it names.
fn running(url: &str) -> Server {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let path = address
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(address.len(), |at| after_scheme + at);
    Server {
        base: address.get(..path).unwrap_or(address).to_owned(),
        query,
        folder: None,
        _watchdog: None,
    }
}

fn start(binaries: &Path) -> Server {
    // Not below $TMPDIR, which may be closed to the user that the server runs as.
    let folder = tempfile::Builder::new()
        .prefix("ironbark-pg-")
        .tempdir_in("/tmp")
        .expect("a folder can be made in /tmp")
        .keep();
    let user = ordinary_user();
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).expect("root may give a folder away");
    }
    let as_user = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(&folder).stdin(Stdio::null());
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        command
    };

    let made = as_user(&binaries.join("initdb"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8"])
        .args(["--locale=C", "--no-sync", "--no-instructions"])
        .output()
        .expect("initdb can be run");
    assert!(
        made.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&made.stderr)
    );

    let watchdog = as_user(Path::new("/bin/sh"))
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(binaries.join("postgres"))
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What is typed at the test's terminal must not end the watchdog before it has cleaned up.
        .process_group(0)
        .spawn()
        .expect("a shell can be run");
    Server {
        base: "postgres://postgres@localhost".to_owned(),
        query: format!("?host={}", folder.display()),
        folder: Some(folder),
        _watchdog: Some(watchdog),
    }
}

/// The folder with `initdb` and `postgres`, the newest of Debian's or the one in PATH.
fn binaries() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .rev()
        .map(|(_, folder)| folder)
        .chain(std::env::split_paths(&path).collect::<Vec<_>>())
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// Whom to run the server as: nobody else, unless this is root.
fn ordinary_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    // A process's folder belongs to the user that it runs as.
    let me = std::fs::metadata("/proc/self").map_or(1, |status| status.uid());
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(())?;
            let uid = fields.nth(1)?.parse().ok()?;
            Some((uid, fields.next()?.parse().ok()?))
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .or(Some((65534, 65534)))
}

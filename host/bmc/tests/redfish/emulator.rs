//! sushy-tools' emulator with its fake driver: no hypervisor is needed. Tests of the whole program have it too.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// `admin` with `password`, as htpasswd writes it.
const USERS: &str = "admin:$2y$04$t83YJ8QP8L5rtel01VUUS.LB7yed57x.f7pXmjFtXxgn69oyrfSwq\n";

/// A running emulator; it ends when this is dropped.
pub(crate) struct Emulator {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Emulator {
    /// Starts one with these systems. `None` if it isn't installed.
    pub(crate) fn start(systems: &[&str]) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        // The port is free now, and nobody else asks for exactly this one.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let systems: String = systems
            .iter()
            .map(|uuid| {
                format!("{{'uuid': '{uuid}', 'name': '{uuid}', 'power_state': 'Off', 'nics': [{{'mac': '52:54:00:00:00:01', 'ip': '192.0.2.1'}}]}},")
            })
            .collect();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("users"), USERS).unwrap();
        let config = format!(
            "SUSHY_EMULATOR_STATE_DIR = {state:?}\nSUSHY_EMULATOR_AUTH_FILE = {users:?}\nSUSHY_EMULATOR_FAKE_SYSTEMS = [{systems}]\n",
            state = folder.path(),
            users = at("users"),
        );
        fs::write(at("config"), config).unwrap();
        let process = Command::new(program)
            .args(["--fake", "--interface", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .arg("--config")
            .arg(at("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        let mut emulator = Self {
            process,
            address,
            folder,
        };
        emulator.wait_until_it_listens();
        Some(emulator)
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                let log = fs::read_to_string(self.folder.path().join("log"));
                panic!("the emulator ended: {status}: {log:?}");
            }
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator does not listen at {}", self.address);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The emulator's program, from the environment that `cargo xtask test` makes. A test that needs it is named as left out
/// without it, or fails if `IRONBARK_TEST_REQUIRE` lists `sushy`.
pub(crate) fn program() -> Option<PathBuf> {
    let folder = env::var_os("IRONBARK_TEST_SUSHY").map_or_else(
        || {
            // …/target/debug/deps/redfish-0123
            let test = env::current_exe().unwrap();
            test.ancestors().nth(3).unwrap().join("sushy").join("bin")
        },
        PathBuf::from,
    );
    let program = folder.join("sushy-emulator");
    if program.is_file() {
        return Some(program);
    }
    let required = env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
    let required = required
        .split(',')
        .map(str::trim)
        .any(|name| name == "all" || name == "sushy");
    assert!(
        !required,
        "needs sushy-tools (cargo xtask test installs it)"
    );
    eprintln!("left out: needs sushy-tools (cargo xtask test installs it)");
    None
}

//! A hypervisor with machines that aren't there: Debian's real `sshd` on a port of its own, with keys of its own, and in place of the
//! user's shell `tests/fixtures/ssh/shell`, which knows a `virsh`.
//!
//! This file stands alone: tests of other crates include it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Where Debian has it: it is on the path of root only, and wants to be called by its whole name.
const SSHD: &str = "/usr/sbin/sshd";

/// A running `sshd`. It ends when this is dropped.
pub struct Hypervisor {
    folder: TempDir,
    port: u16,
    user: String,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Hypervisor {
    /// Starts one, with machines of these names, all off. None where there is no `sshd`; unless `IRONBARK_TEST_REQUIRE` lists it.
    pub fn start(machines: &[&str]) -> Option<Self> {
        if !Path::new(SSHD).is_file() {
            let required = std::env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
            assert!(
                !required
                    .split(',')
                    .any(|name| name == "sshd" || name == "all"),
                "IRONBARK_TEST_REQUIRE asks for sshd: apt-get install openssh-server"
            );
            eprintln!("left out: there is no sshd here; cargo xtask test installs it");
            return None;
        }
        // Where sshd puts itself away; the system makes it when it starts sshd itself.
        if is_root() {
            std::fs::create_dir_all("/run/sshd").expect("a folder for sshd");
        }
        let folder = tempfile::tempdir().expect("a folder");
        for (name, kind) in [
            ("host", "ed25519"),
            ("host-ecdsa", "ecdsa"),
            ("user", "ed25519"),
            ("other", "ed25519"),
        ] {
            new_key(&folder.path().join(name), kind);
        }
        std::fs::copy(
            folder.path().join("user.pub"),
            folder.path().join("authorized_keys"),
        )
        .expect("a copy");
        let user = text_of(Command::new("id").arg("-un"));
        let log = Arc::default();
        let (child, port) = serve(folder.path(), &log);
        let hypervisor = Self {
            folder,
            port,
            user,
            child,
            log,
        };
        for machine in machines {
            let place = hypervisor.place(machine);
            std::fs::create_dir_all(&place).expect("a machine");
            hypervisor.write(machine, "state", "shut off");
            hypervisor.write(machine, "boot", "hd");
        }
        Some(hypervisor)
    }

    /// The connection keys of a node that is this machine.
    pub fn driver_info(&self, machine: &str) -> Value {
        json!({
            "ssh_address": "127.0.0.1",
            "ssh_port": self.port,
            "ssh_username": self.user,
            "ssh_key_contents": self.private_key("user"),
            "ssh_host_key": self.fingerprint("host"),
            "ssh_domain": machine,
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `user`, who may log in, or `other`, who may not.
    pub fn private_key(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a key")
    }

    /// The same, encrypted with this passphrase.
    pub fn encrypted_key(&self, name: &str, passphrase: &str) -> String {
        let copy = self.folder.path().join(format!("{name}.encrypted"));
        std::fs::copy(self.folder.path().join(name), &copy).expect("a copy");
        // One round: a passphrase is meant to cost time, and tests needn't pay it.
        let changed = Command::new("ssh-keygen")
            .args(["-q", "-p", "-a", "1", "-P", "", "-N", passphrase, "-f"])
            .arg(&copy)
            .stdout(Stdio::null())
            .status();
        assert!(changed.expect("ssh-keygen starts").success());
        std::fs::read_to_string(copy).expect("a key")
    }

    /// A file of host keys in which it has this public key, with hashed names if they are to be.
    pub fn known_hosts(&self, name: &str, hashed: bool) -> PathBuf {
        let file = self.folder.path().join(format!("known_hosts.{name}"));
        let line = format!("[127.0.0.1]:{} {}", self.port, self.public_key(name));
        std::fs::write(&file, line).expect("a file");
        if hashed {
            let done = Command::new("ssh-keygen")
                .args(["-q", "-H", "-f"])
                .arg(&file)
                .output();
            assert!(done.expect("ssh-keygen starts").status.success());
            let text = std::fs::read_to_string(&file).expect("a file");
            assert!(text.starts_with("|1|"), "{text}");
        }
        file
    }

    /// The public key of `host` or `host-ecdsa`, which it shows, or of `other`, which it doesn't.
    pub fn public_key(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.pub"))).expect("a key")
    }

    /// The fingerprint of a public key.
    pub fn fingerprint(&self, name: &str) -> String {
        let key = self.folder.path().join(format!("{name}.pub"));
        let line = text_of(Command::new("ssh-keygen").args(["-l", "-f"]).arg(key));
        line.split(' ')
            .nth(1)
            .expect("bits, fingerprint, comment")
            .to_owned()
    }

    /// `running` or `shut off`.
    pub fn state(&self, machine: &str) -> String {
        self.read(machine, "state")
    }

    /// The boot device as libvirt calls it.
    pub fn boot(&self, machine: &str) -> String {
        self.read(machine, "boot")
    }

    /// What goes wrong with a machine from now on: `hang`, `flood`, `complain`, `lost`, or nothing.
    pub fn trouble(&self, machine: &str, what: &str) {
        self.write(machine, "trouble", what);
    }

    /// The commands that were run so far.
    pub fn commands(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.machines().join("commands")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What `sshd` has said so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic before").clone()
    }

    fn machines(&self) -> PathBuf {
        self.folder.path().join("machines")
    }

    fn place(&self, machine: &str) -> PathBuf {
        self.machines().join(machine)
    }

    fn read(&self, machine: &str, file: &str) -> String {
        let text = std::fs::read_to_string(self.place(machine).join(file)).expect("a machine");
        text.trim().to_owned()
    }

    fn write(&self, machine: &str, file: &str, text: &str) {
        std::fs::write(self.place(machine).join(file), format!("{text}\n")).expect("a machine");
    }
}

impl Drop for Hypervisor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── log of sshd\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `sshd` on a free port, and waits until it listens.
fn serve(folder: &Path, log: &Arc<Mutex<String>>) -> (Child, u16) {
    for _ in 0..20 {
        let port = free_port();
        let config = write_config(folder, port);
        let mut child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let listens = lines
            .by_ref()
            .map_while(Result::ok)
            .inspect(|line| note(log, line))
            .any(|line| line.starts_with("Server listening"));
        if listens {
            let log = Arc::clone(log);
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    note(&log, &line);
                }
            });
            return (child, port);
        }
        // Somebody else took the port meanwhile, or it doesn't like its configuration: then the log is shown.
        let _ = child.wait();
    }
    panic!(
        "sshd does not listen:\n{}",
        log.lock().expect("no panic before")
    );
}

fn note(log: &Mutex<String>, line: &str) {
    let mut log = log.lock().expect("no panic before");
    log.push_str(line);
    log.push('\n');
}

fn write_config(folder: &Path, port: u16) -> PathBuf {
    let machines = folder.join("machines");
    std::fs::create_dir_all(&machines).expect("a folder");
    let shell = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("tests/fixtures/ssh/shell"))
        .find(|shell| shell.is_file())
        .expect("the hypervisor's shell");
    let mut text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nLogLevel VERBOSE\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
         PasswordAuthentication yes\nKbdInteractiveAuthentication no\nMaxStartups 100\n\
         HostKey {0}/host\nHostKey {0}/host-ecdsa\nAuthorizedKeysFile {0}/authorized_keys\n\
         SetEnv IRONBARK_TEST_MACHINES={1}\nForceCommand exec {2}\n",
        folder.display(),
        machines.display(),
        shell.display()
    );
    let config = folder.join("sshd_config");
    // Since OpenSSH 9.8 whoever fails to log in has to wait; older ones don't know the word.
    let patient = format!("{text}PerSourcePenalties no\n");
    std::fs::write(&config, &patient).expect("a configuration");
    let check = Command::new(SSHD).args(["-t", "-f"]).arg(&config).output();
    if check.is_ok_and(|check| check.status.success()) {
        text = patient;
    }
    std::fs::write(&config, text).expect("a configuration");
    config
}

fn new_key(file: &Path, kind: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "", "-t", kind, "-f"])
        .arg(file)
        .status();
    assert!(made.expect("ssh-keygen starts").success());
}

fn text_of(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn is_root() -> bool {
    text_of(Command::new("id").arg("-u")) == "0"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

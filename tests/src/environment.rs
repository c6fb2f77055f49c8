//! Where things are, and what this machine has. `cargo xtask test` says so by variables; without them the target folder
//! that this test was built into is looked at.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cargo's target folder.
pub fn target() -> PathBuf {
    // …/target/debug/deps/e2e-0123
    let program = std::env::current_exe().expect("the path of this test");
    program
        .ancestors()
        .nth(3)
        .expect("tests are built in target/<profile>/deps")
        .to_owned()
}

/// The `ironbark` program that is tested.
pub fn ironbark() -> PathBuf {
    existing(
        "IRONBARK_TEST_BINARY",
        target().join("debug").join("ironbark"),
    )
}

/// The folder of packages that ship.
pub(crate) fn drivers() -> PathBuf {
    existing("IRONBARK_TEST_DRIVERS", target().join("drivers"))
}

/// The folder of packages that are made for tests.
pub(crate) fn fixtures() -> PathBuf {
    existing("IRONBARK_TEST_FIXTURES", target().join("fixtures"))
}

/// The folder of the Python environment's programs, with the real clients in it. Ask [`have`]`("clients")` first.
pub fn clients() -> PathBuf {
    existing("IRONBARK_TEST_CLIENTS", default_clients())
}

/// The folder of the Python environment's programs with schemathesis in it. Ask [`have`]`("schemathesis")` first.
pub fn schemathesis() -> PathBuf {
    existing("IRONBARK_TEST_SCHEMATHESIS", default_schemathesis())
}

/// The folder of the Python environment's programs with the deploy agent in it. Ask [`have`]`("agent")` first.
pub fn agent() -> PathBuf {
    existing("IRONBARK_TEST_AGENT", default_agent())
}

/// Whether what a test needs is here. What `IRONBARK_TEST_REQUIRE` names must be; what is merely absent is said.
pub fn have(what: &str) -> bool {
    let required = std::env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
    if required.split(',').any(|name| name == what) {
        return true;
    }
    let there = match what {
        "ipmitool" => runs("ipmitool", &["-V"]),
        // Without a configuration it complains, but it starts.
        "ipmi_sim" => on_path("ipmi_sim"),
        "minisign" | "curl" => on_path(what),
        "postgres" => {
            on_path("initdb")
                || std::fs::read_dir("/usr/lib/postgresql")
                    .is_ok_and(|mut found| found.next().is_some())
        }
        "clients" => default_clients().join("openstack").is_file(),
        "schemathesis" => default_schemathesis().join("schemathesis").is_file(),
        "agent" => default_agent().join("ironic-python-agent").is_file(),
        "jco" => javascript_tools().join(".bin/jco").exists(),
        other => panic!("nobody knows what {other} is"),
    };
    if !there {
        eprintln!("left out: there is no {what} here; cargo xtask test installs it");
    }
    there
}

/// The folder of the JavaScript packages that drivers in JavaScript are built with. Ask [`have`]`("jco")` first.
pub fn javascript_tools() -> PathBuf {
    target().join("javascript").join("node_modules")
}

fn default_clients() -> PathBuf {
    target().join("clients").join("bin")
}

fn default_schemathesis() -> PathBuf {
    target().join("schemathesis").join("bin")
}

fn default_agent() -> PathBuf {
    target().join("agent").join("bin")
}

fn existing(variable: &str, default: PathBuf) -> PathBuf {
    let path = std::env::var_os(variable).map_or(default, PathBuf::from);
    assert!(
        path.exists(),
        "{} isn't there: run `cargo xtask build`, or set {variable}",
        path.display()
    );
    path
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder: PathBuf| Path::is_file(&folder.join(program)))
    })
}

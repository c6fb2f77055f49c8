//! What `cargo xtask test` does about what isn't there, with and without root.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those that are looked for on the path, with what brings them.
const ON_PATH: [(&str, &str); 7] = [
    ("bsdtar", "libarchive-tools"),
    ("curl", "curl"),
    ("ipmitool", "ipmitool"),
    ("ipmi_sim", "openipmi"),
    ("minisign", "minisign"),
    ("npm", "npm"),
    ("python", "python3-venv"),
];

/// Any ordinary user.
const NOBODY: u32 = 65534;

#[test]
fn without_root_it_names_what_is_left_out_and_installs_nothing() {
    let bare = Bare::new();
    let said = bare.needs(!is_root());
    for (name, package) in ON_PATH {
        let line = format!("left out: tests that need {name}: apt-get install {package}\n");
        assert!(said.contains(&line), "{name}: {said}");
    }
    let all = said
        .lines()
        .find_map(|line| line.strip_prefix("to run all tests: sudo apt-get install "));
    let all: Vec<&str> = all.unwrap_or_else(|| panic!("{said}")).split(' ').collect();
    for (name, package) in ON_PATH {
        assert!(all.contains(&package), "{name}: {all:?}");
    }
    for what in ["the real clients", "sushy-tools", "schemathesis"] {
        let line = format!("left out: tests with {what}: apt-get install python3-venv\n");
        assert!(said.contains(&line), "{what}: {said}");
    }
    assert!(
        said.contains("left out: tests of drivers in JavaScript: apt-get install npm\n"),
        "{said}"
    );
    let asked = bare.asked();
    assert!(!asked.contains("install"), "{asked}");
}

#[test]
fn with_root_it_installs_all_that_is_missing_at_once() {
    if !is_root() {
        eprintln!("passed over: needs root");
        return;
    }
    let bare = Bare::new();
    let said = bare.needs(true);
    let asked = bare.asked();
    let installed: Vec<&str> = asked
        .lines()
        .filter(|line| line.starts_with("install "))
        .collect();
    let [installed] = installed[..] else {
        panic!("{asked}");
    };
    for (name, package) in ON_PATH {
        let asked_for = installed.split(' ').any(|word| word == package);
        assert!(asked_for, "{name}: {installed}");
        // That program installed nothing: it is said, not taken for granted.
        assert!(said.contains(&format!("tests that need {name}")), "{said}");
    }
}

/// A machine whose path has nothing but an `apt-get` that notes what it is asked for.
///
/// One at a time: a program that is being written can't be started, and a process begun meanwhile by the other test has it open for a
/// moment too.
struct Bare {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

static ONE: Mutex<()> = Mutex::new(());

impl Bare {
    fn new() -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path(), 0o777);
        let apt = folder.path().join("apt-get");
        fs::write(&apt, "#!/bin/sh\necho \"$*\" >> \"${0%/*}/asked\"\n").unwrap();
        open_to_all(&apt, 0o755);
        // A copy, since an ordinary user may not reach the target folder.
        let task = folder.path().join("xtask");
        fs::copy(env!("CARGO_BIN_EXE_xtask"), &task).unwrap();
        open_to_all(&task, 0o755);
        Self {
            folder,
            _alone: alone,
        }
    }

    /// What it says, as the user that this is or as nobody.
    fn needs(&self, as_myself: bool) -> String {
        let folder = self.folder.path();
        let mut task = Command::new(folder.join("xtask"));
        task.arg("needs")
            .current_dir(folder)
            .env("PATH", folder)
            .env("CARGO_TARGET_DIR", folder.join("target"));
        if !as_myself {
            task.uid(NOBODY).gid(NOBODY);
        }
        let output = task.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.folder.path().join("asked")).unwrap()
    }
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    let me = fs::metadata("/proc/self").unwrap();
    std::os::unix::fs::MetadataExt::uid(&me) == 0
}

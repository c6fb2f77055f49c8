//! What tests need of Debian, what of it is here, and what can be done about the rest.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{answers, program, step};

/// Something that some tests need.
pub(crate) struct Need {
    /// As tests name it in `IRONBARK_TEST_REQUIRE`.
    pub(crate) name: &'static str,
    /// Debian package.
    pub(crate) package: &'static str,
    pub(crate) present: fn() -> bool,
}

pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "bsdtar",
        package: "libarchive-tools",
        present: || answers("bsdtar", &["--version"]),
    },
    Need {
        name: "curl",
        package: "curl",
        present: || answers("curl", &["--version"]),
    },
    Need {
        name: "ipmitool",
        package: "ipmitool",
        present: || answers("ipmitool", &["-V"]),
    },
    Need {
        name: "ipmi_sim",
        package: "openipmi",
        present: || on_path("ipmi_sim"),
    },
    Need {
        name: "minisign",
        package: "minisign",
        present: || answers("minisign", &["-v"]),
    },
    Need {
        name: "npm",
        package: "npm",
        present: || answers("npm", &["--version"]),
    },
    Need {
        name: "postgres",
        package: "postgresql",
        present: || postgres().is_some(),
    },
    Need {
        name: "sshd",
        package: "openssh-server",
        present: || std::path::Path::new("/usr/sbin/sshd").is_file(),
    },
    Need {
        name: "python",
        package: "python3-venv",
        present: || answers("python3", &["-c", "import venv, ensurepip"]),
    },
];

/// Installs these if this is root on Debian.
pub(crate) fn install(missing: &[&Need]) -> Result<()> {
    if missing.is_empty() || !can_install() {
        return Ok(());
    }
    let mut update = program("apt-get");
    update.args(["update", "--quiet"]);
    step("Looking for Debian packages", update)?;
    let mut install = program("apt-get");
    install
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(missing.iter().map(|need| need.package))
        .env("DEBIAN_FRONTEND", "noninteractive");
    step("Installing Debian packages", install)
}

/// Whether this is root on Debian.
pub(crate) fn can_install() -> bool {
    answers("apt-get", &["--version"]) && effective_user_is_root()
}

fn effective_user_is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

fn on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// The folder of PostgreSQL's server programs: Debian doesn't put them on the path.
fn postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .find(|folder| folder.join("initdb").is_file())
        .or_else(|| on_path("initdb").then(PathBuf::new))
}

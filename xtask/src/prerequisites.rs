//! What tests need besides cargo: Debian packages, Python environments with the real clients and a Redfish service, npm's tools
//! for drivers in JavaScript.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::{answers, program, root, step, target};

/// Something that some tests need.
struct Need {
    /// As tests name it in `IRONBARK_TEST_REQUIRE`.
    name: &'static str,
    /// Debian package.
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
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

/// The clients that conformance is stated for, with everything that they need, each at one version.
const CLIENTS: &str = "tests/clients/requirements.txt";

/// The Redfish service that others wrote, with the versions of all that it needs.
const SUSHY: &str = "tests/clients/sushy-requirements.txt";

/// What makes requests from the description of the API, with the versions of all that it needs.
const SCHEMATHESIS: &str = "tests/clients/schemathesis-requirements.txt";

/// The deploy agent, with the versions of all that it needs.
const AGENT: &str = "tests/clients/agent-requirements.txt";

/// What was found or installed.
#[derive(Debug, Default)]
pub(crate) struct Prerequisites {
    /// Names of the needs that are met.
    pub(crate) present: Vec<&'static str>,
    /// What was left out, with what to do about it.
    pub(crate) left_out: Vec<String>,
    /// Folder of the Python environment with the clients.
    pub(crate) clients: Option<PathBuf>,
    /// Folder of the Python environment with sushy-tools.
    pub(crate) sushy: Option<PathBuf>,
    /// Folder of the Python environment with schemathesis.
    pub(crate) schemathesis: Option<PathBuf>,
    /// Folder of the Python environment with the deploy agent.
    pub(crate) agent: Option<PathBuf>,
}

/// Looks for everything, and installs what is missing if this is root on Debian.
pub(crate) fn ensure() -> Result<Prerequisites> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if !missing.is_empty() && can_install() {
        let mut update = program("apt-get");
        update.args(["update", "--quiet"]);
        step("Looking for Debian packages", update)?;
        let mut install = program("apt-get");
        install
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(missing.iter().map(|need| need.package))
            .env("DEBIAN_FRONTEND", "noninteractive");
        step("Installing Debian packages", install)?;
    }
    let mut found = Prerequisites::default();
    for need in NEEDS {
        if (need.present)() {
            found.present.push(need.name);
        } else {
            found.left_out.push(format!(
                "tests that need {}: apt-get install {}",
                need.name, need.package
            ));
        }
    }
    found.clients = found.python_part("clients", "the real clients", clients)?;
    found.sushy = found.python_part("sushy", "sushy-tools", sushy)?;
    found.schemathesis = found.python_part("schemathesis", "schemathesis", schemathesis)?;
    found.agent = found.python_part("agent", "the deploy agent's client", agent)?;
    if !answers("npm", &["--version"]) {
        found
            .left_out
            .push("tests of drivers in JavaScript: install Node.js with npm".to_owned());
    } else if let Err(error) = javascript_tools() {
        found
            .left_out
            .push(format!("tests of drivers in JavaScript: {error:#}"));
    } else {
        found.present.push("jco");
    }
    Ok(found)
}

impl Prerequisites {
    /// A Python environment, noted as present or as left out. Where it could be installed, it must be.
    fn python_part(
        &mut self,
        name: &'static str,
        what: &str,
        make: fn() -> Result<PathBuf>,
    ) -> Result<Option<PathBuf>> {
        if !self.present.contains(&"python") {
            let advice = format!("tests with {what}: apt-get install python3-venv");
            self.left_out.push(advice);
            return Ok(None);
        }
        match make() {
            Ok(folder) => {
                self.present.push(name);
                Ok(Some(folder))
            }
            Err(error) if can_install() => Err(error),
            Err(error) => {
                self.left_out.push(format!("tests with {what}: {error:#}"));
                Ok(None)
            }
        }
    }
}

fn can_install() -> bool {
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

fn clients() -> Result<PathBuf> {
    python_environment("clients", CLIENTS)
}

fn sushy() -> Result<PathBuf> {
    python_environment("sushy", SUSHY)
}

fn schemathesis() -> Result<PathBuf> {
    python_environment("schemathesis", SCHEMATHESIS)
}

fn agent() -> Result<PathBuf> {
    python_environment("agent", AGENT)
}

/// A Python environment of this name with what the file `list` of the repository names, made once for each state of the file.
fn python_environment(name: &str, list: &str) -> Result<PathBuf> {
    let folder = target().join(name);
    let marker = folder.join("installed");
    let list = root().join(list);
    let wanted = std::fs::read_to_string(&list)
        .with_context(|| format!("{} can't be read", list.display()))?;
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    let mut venv = program("python3");
    venv.args(["-m", "venv"]).arg(&folder);
    step(&format!("Making a Python environment for {name}"), venv)?;
    let mut install = program(folder.join("bin/pip"));
    install
        .args(["install", "--quiet", "--disable-pip-version-check"])
        // Most of it is never imported.
        .arg("--no-compile")
        .arg("--requirement")
        .arg(list);
    step(&format!("Installing {name}"), install)?;
    std::fs::write(&marker, wanted)?;
    Ok(folder)
}

/// The folder of what a driver in JavaScript is built with: what the template names, installed once.
pub(crate) fn javascript_tools() -> Result<PathBuf> {
    let folder = target().join("javascript");
    let manifest = folder.join("package.json");
    let wanted = std::fs::read_to_string(root().join("sdk/templates/javascript/package.json"))?;
    let modules = folder.join("node_modules");
    let installed = modules.join(".bin/jco").exists();
    if installed && std::fs::read_to_string(&manifest).is_ok_and(|found| found == wanted) {
        return Ok(modules);
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::write(&manifest, wanted)?;
    let mut install = program("npm");
    install
        .args(["install", "--no-fund", "--no-audit"])
        .current_dir(&folder);
    step("Installing the tools for drivers in JavaScript", install)?;
    Ok(modules)
}

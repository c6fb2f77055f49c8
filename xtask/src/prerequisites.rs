//! What tests need besides cargo: Debian packages, Python environments with the real clients and a Redfish service, npm's tools
//! for drivers in JavaScript.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::{program, root, step, target};
use crate::needs::{self, NEEDS, Need, can_install};

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
    /// Debian packages that aren't there.
    packages: Vec<&'static str>,
    /// Folder of the Python environment with the clients.
    pub(crate) clients: Option<PathBuf>,
    /// Folder of the Python environment with sushy-tools.
    pub(crate) sushy: Option<PathBuf>,
    /// Folder of the Python environment with schemathesis.
    pub(crate) schemathesis: Option<PathBuf>,
    /// Folder of the Python environment with the deploy agent.
    pub(crate) agent: Option<PathBuf>,
}

/// `cargo xtask needs`: installs what it can, and says what is there and what tests would be left out.
pub(crate) fn run() -> Result<()> {
    let found = ensure()?;
    println!("here: {}", found.present.join(", "));
    found.say_left_out();
    Ok(())
}

/// Looks for everything, and installs what is missing if this is root on Debian.
pub(crate) fn ensure() -> Result<Prerequisites> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    needs::install(&missing)?;
    let mut found = Prerequisites::default();
    for need in NEEDS {
        if (need.present)() {
            found.present.push(need.name);
        } else {
            found.packages.push(need.package);
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
    found.javascript_part()?;
    Ok(found)
}

impl Prerequisites {
    /// Says what was left out, and the one line that installs all of it that Debian has.
    pub(crate) fn say_left_out(&self) {
        for left_out in &self.left_out {
            eprintln!("left out: {left_out}");
        }
        if !self.packages.is_empty() {
            let packages = self.packages.join(" ");
            eprintln!("to run all tests: sudo apt-get install {packages}");
        }
    }

    /// The tools for drivers in JavaScript, noted as present or as left out. Where they could be installed, they must be.
    fn javascript_part(&mut self) -> Result<()> {
        if !self.present.contains(&"npm") {
            let advice = "tests of drivers in JavaScript: apt-get install npm";
            self.left_out.push(advice.to_owned());
            return Ok(());
        }
        match javascript_tools() {
            Ok(_) => self.present.push("jco"),
            Err(error) if can_install() => return Err(error),
            Err(error) => {
                let reason = format!("tests of drivers in JavaScript: {error:#}");
                self.left_out.push(reason);
            }
        }
        Ok(())
    }

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

//! `cargo xtask example-js`: the example driver in JavaScript.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::command::{program, root, step, target};
use crate::{drivers, prerequisites};

const EXAMPLE: &str = "plugins/examples/redfish-js";
const TEMPLATE: &str = "sdk/templates/javascript";

/// Builds the host and the example.
pub(crate) fn run() -> Result<()> {
    drivers::build_host()?;
    let package = build()?;
    println!("{}", package.display());
    Ok(())
}

/// Tests the example's code, and packages it with the host that is built already; where the package is.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = root().join(EXAMPLE);
    // The template's tools serve both.
    let own = tools(EXAMPLE)?;
    ensure!(
        own == tools(TEMPLATE)?,
        "{EXAMPLE} and {TEMPLATE} name other tools in their package.json: make them the same"
    );
    let modules = prerequisites::javascript_tools()?;
    let link = folder.join("node_modules");
    if !link.exists() {
        // One that leads nowhere any more.
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&modules, &link)
            .with_context(|| format!("{} can't be made", link.display()))?;
    }
    let mut test = program("npm");
    test.args(["test", "--silent"]).current_dir(&folder);
    step("Testing the example in JavaScript", test)?;
    let packages = target().join("examples");
    fs::create_dir_all(&packages)?;
    let package = packages.join("redfish-js.wasm");
    let mut build = program(drivers::host_binary());
    build
        .args(["driver", "build", "--folder"])
        .arg(&folder)
        .arg("--out")
        .arg(&package);
    step("Building the example in JavaScript", build)?;
    Ok(package)
}

/// What a `package.json` says is needed to build.
fn tools(folder: &str) -> Result<serde_json::Value> {
    let path = root().join(folder).join("package.json");
    let text = fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
    let manifest: serde_json::Value = serde_json::from_slice(&text)?;
    Ok(manifest.get("devDependencies").cloned().unwrap_or_default())
}

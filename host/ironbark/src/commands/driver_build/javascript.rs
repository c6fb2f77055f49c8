//! A package of a JavaScript module, by npm.

use std::path::Path;

use anyhow::{Context, Result};

use super::tool;

/// What tells such a folder.
pub(super) const MANIFEST: &str = "package.json";
/// What its script `build` makes.
const COMPONENT: &str = "build/component.wasm";
/// What it is and what it asks for: compilers of JavaScript embed no sections.
const METADATA: &str = "driver.json";
const INSTALL: &str = "install Node.js, see https://nodejs.org";

/// Runs npm, and gives the component its metadata.
pub(super) fn build(folder: &Path) -> Result<Vec<u8>> {
    let at = folder.join(MANIFEST).canonicalize()?;
    let at = at.parent().context("a manifest lies in a folder")?;
    if !at.join("node_modules").is_dir() {
        tool("npm", &["install", "--no-fund", "--no-audit"], at, INSTALL)?;
    }
    let component = at.join(COMPONENT);
    if let Some(parent) = component.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("{} can't be made", parent.display()))?;
    }
    tool("npm", &["run", "build"], at, INSTALL)?;
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))
    };
    let metadata = read(&at.join(METADATA))?;
    ironbark_package::embed(&read(&component)?, &metadata)
        .with_context(|| format!("{COMPONENT} and {METADATA} can't be made a driver package"))
}

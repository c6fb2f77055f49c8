//! A package of a crate, by cargo.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::tool;

/// What tells such a folder.
pub(super) const MANIFEST: &str = "Cargo.toml";
/// What components are compiled for.
const WASM: &str = "wasm32-wasip2";
const INSTALL: &str = "install Rust, see https://rustup.rs";

/// Compiles the crate to a component, whose metadata the SDK has put inside, and lifts them to the top.
pub(super) fn build(folder: &Path) -> Result<Vec<u8>> {
    let manifest = folder.join(MANIFEST).canonicalize()?;
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    add_target(folder)?;
    let component = compile(folder, &manifest)?;
    let bytes = std::fs::read(&component)
        .with_context(|| format!("{} can't be read", component.display()))?;
    ironbark_package::lift(&bytes)
        .context("cargo built a component, but it can't be made a driver package")
}

/// Makes sure that the compiler of this folder can make components.
fn add_target(folder: &Path) -> Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .output()
        .with_context(|| format!("rustc can't be started: {INSTALL}"))?;
    ensure!(
        sysroot.status.success(),
        "rustc failed: {}",
        String::from_utf8_lossy(&sysroot.stderr).trim()
    );
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(WASM).is_dir() {
        return Ok(());
    }
    eprintln!("Adding the compiler's target {WASM}");
    tool("rustup", &["target", "add", WASM], folder, INSTALL).with_context(|| {
        format!("the compiler can't build for {WASM}: install that target with its own means")
    })
}

/// A line of cargo's messages, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Runs cargo, whose progress and diagnostics go to the terminal; the component that it built.
fn compile(folder: &Path, manifest: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut child = Command::new(cargo)
        .args(["build", "--profile", "plugin", "--target", WASM])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cargo can't be started: {INSTALL}"))?;
    let messages = child.stdout.take().context("cargo has no output")?;
    let component = find_component(messages, manifest);
    // Whatever was read: cargo's own verdict comes first.
    let status = child.wait()?;
    ensure!(
        status.success(),
        "cargo could not build the driver: see above. (The crate needs a [profile.plugin], as `ironbark driver new` writes it.)"
    );
    component?.context(
        "cargo built no component: the crate needs [lib] crate-type = [\"cdylib\"] in its Cargo.toml",
    )
}

/// The last WebAssembly file that belongs to the crate itself.
fn find_component(messages: impl Read, manifest: &Path) -> Result<Option<PathBuf>> {
    let mut found = None;
    for line in BufReader::new(messages).lines() {
        // Programs that cargo runs may write lines of their own.
        let Ok(message) = serde_json::from_str::<Message>(&line?) else {
            continue;
        };
        let own = message.manifest_path.as_deref() == Some(manifest);
        if message.reason == "compiler-artifact" && own {
            let wasm = |file: &PathBuf| file.extension().is_some_and(|end| end == "wasm");
            found = message.filenames.into_iter().find(wasm).or(found);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_component_is_the_crates_own() {
        let messages = r#"
            warning of a build script
            {"reason": "compiler-artifact", "manifest_path": "/acme/ironbark/sdk/rust/Cargo.toml", "filenames": ["/t/sdk.wasm"]}
            {"reason": "compiler-artifact", "manifest_path": "/acme/Cargo.toml", "filenames": ["/t/acme.d", "/t/acme.wasm"]}
            {"reason": "build-finished", "success": true}"#;
        let find = |manifest| find_component(messages.as_bytes(), Path::new(manifest)).unwrap();
        assert_eq!(
            find("/acme/Cargo.toml"),
            Some(PathBuf::from("/t/acme.wasm"))
        );
        assert_eq!(find("/other/Cargo.toml"), None);
    }
}

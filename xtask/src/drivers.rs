//! Building driver packages: a component for each crate, its metadata lifted to the top level.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{cargo, program, root, step, target};

const WASM: &str = "wasm32-wasip2";

/// Builds the host, then all packages: those that ship into `target/drivers`, those for tests into `target/fixtures`.
pub(crate) fn build_all() -> Result<()> {
    build_host()?;
    build_packages()
}

/// Builds the host.
pub(crate) fn build_host() -> Result<()> {
    step("Building the host", cargo(["build", "--workspace"]))
}

/// Builds all packages with the host that is built already.
pub(crate) fn build_packages() -> Result<()> {
    add_wasm_target()?;
    let shipped = crates_in("plugins")?;
    let mut fixtures = Vec::new();
    for folder in ["tests/fixtures/drivers", "tests/fixtures/hostile"] {
        fixtures.extend(crates_in(folder)?);
    }
    let mut build = cargo(["build", "--profile", "plugin", "--target", WASM]);
    for (name, _) in shipped.iter().chain(&fixtures) {
        build.args(["--package", name]);
    }
    step("Building the drivers", build)?;
    package(&shipped, "drivers", &[])?;
    // Some of them lie about what they are: that is for the host to find out.
    package(&fixtures, "fixtures", &["--unchecked"])
}

/// Makes sure that the compiler can make WebAssembly components.
pub(crate) fn add_wasm_target() -> Result<()> {
    let sysroot = program("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(WASM).is_dir() {
        return Ok(());
    }
    let mut add = program("rustup");
    add.args(["target", "add", WASM]);
    step("Adding the WebAssembly target", add).with_context(|| {
        format!("the compiler can't build for {WASM}; install it with: rustup target add {WASM}")
    })
}

/// The host binary that was built last.
pub(crate) fn host_binary() -> PathBuf {
    target().join("debug/ironbark")
}

fn package(crates: &[(String, String)], folder: &str, options: &[&str]) -> Result<()> {
    let folder = target().join(folder);
    fs::create_dir_all(&folder)?;
    for (name, short) in crates {
        let built = target()
            .join(WASM)
            .join("plugin")
            .join(format!("{}.wasm", name.replace('-', "_")));
        let mut pack = program(host_binary());
        pack.args(["driver", "pack"])
            .args(options)
            .arg(&built)
            .arg("--out")
            .arg(folder.join(format!("{short}.wasm")));
        step(&format!("Packaging {short}"), pack)?;
    }
    Ok(())
}

/// Name and short name (the folder's) of the crates below `folder`, sorted. A folder that isn't there has none.
fn crates_in(folder: &str) -> Result<Vec<(String, String)>> {
    let path = root().join(folder);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut crates = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| format!("{} can't be read", path.display()))? {
        let manifest = entry?.path().join("Cargo.toml");
        if let Some(name) = manifest
            .is_file()
            .then(|| crate_name(&manifest))
            .transpose()?
        {
            let short = manifest
                .parent()
                .and_then(Path::file_name)
                .map_or_else(|| name.clone(), |part| part.to_string_lossy().into_owned());
            crates.push((name, short));
        }
    }
    crates.sort();
    Ok(crates)
}

fn crate_name(manifest: &Path) -> Result<String> {
    let text = fs::read_to_string(manifest)?;
    text.lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .with_context(|| format!("{} has no name", manifest.display()))
}

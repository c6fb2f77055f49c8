//! `ironbark driver build`

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use ironbark_package::{Contents, Metadata};
use serde::Deserialize;
use serde_json::json;

use crate::cli::Output;

/// What components are compiled for.
const WASM: &str = "wasm32-wasip2";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver build\n  ironbark driver build --folder ../acme --out /tmp/acme.wasm\n\nIt runs cargo with the profile 'plugin' of the crate, and adds the compiler's WebAssembly target if it is missing."
)]
pub(crate) struct Args {
    /// The driver's folder [default: the current one].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Where the package goes [default: <name>.wasm in the folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Compiles the crate to a component, and makes a package of it.
pub(crate) fn run(args: &Args) -> Result<()> {
    // Joined to a file's name, "" is the current folder without a "./" in front.
    let folder = args.folder.as_deref().unwrap_or(Path::new(""));
    let manifest = folder.join("Cargo.toml");
    ensure!(
        manifest.is_file(),
        "{} isn't there: run this in the driver's folder, or name it with --folder",
        manifest.display()
    );
    let manifest = manifest.canonicalize()?;
    let crate_folder = manifest.parent().context("a manifest lies in a folder")?;
    add_target(crate_folder)?;
    let component = compile(crate_folder, &manifest)?;
    let bytes = std::fs::read(&component)
        .with_context(|| format!("{} can't be read", component.display()))?;
    let package = ironbark_package::lift(&bytes)
        .context("cargo built a component, but it can't be made a driver package")?;
    let metadata = Metadata::parse(&Contents::read(&package)?.metadata)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| folder.join(format!("{}.wasm", metadata.name)));
    std::fs::write(&out, &package)
        .with_context(|| format!("{} can't be written", out.display()))?;
    let digest = ironbark_drivers::digest_of(&package);
    match args.output {
        Output::Json => println!(
            "{}",
            json!({
                "package": out, "name": metadata.name, "version": metadata.version,
                "size": package.len(), "digest": digest,
            })
        ),
        Output::Text => println!(
            "{}: {} {}, {} bytes, sha256 {digest}",
            out.display(),
            metadata.name,
            metadata.version,
            package.len()
        ),
    }
    Ok(())
}

/// Makes sure that the compiler of this folder can make components.
fn add_target(folder: &Path) -> Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .output()
        .context("rustc can't be started: install Rust, see https://rustup.rs")?;
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
    let added = Command::new("rustup")
        .args(["target", "add", WASM])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!(
            "the compiler can't build for {WASM}, and rustup could not add that: install it with your compiler's own means"
        ),
    }
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
        .context("cargo can't be started: install Rust, see https://rustup.rs")?;
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

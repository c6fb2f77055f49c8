//! `ironbark driver build`

mod javascript;
mod rust;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use ironbark_package::{Contents, Metadata};
use serde_json::json;

use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver build\n  ironbark driver build --folder ../acme --out /tmp/acme.wasm\n\nIn a crate it runs cargo with the profile 'plugin', and adds the compiler's WebAssembly target if it is missing.\nIn a folder with a package.json it runs npm's script 'build', after 'npm install' if that was never done."
)]
pub(crate) struct Args {
    /// The driver's folder [default: the current one].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Where the package goes [default: `NAME.wasm` in the folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Makes a component of what is in the folder, and a package of that.
pub(crate) fn run(args: &Args) -> Result<()> {
    // Joined to a file's name, "" is the current folder without a "./" in front.
    let folder = args.folder.as_deref().unwrap_or(Path::new(""));
    let package = if folder.join(rust::MANIFEST).is_file() {
        rust::build(folder)?
    } else if folder.join(javascript::MANIFEST).is_file() {
        javascript::build(folder)?
    } else {
        bail!(
            "there is neither a {} nor a {} here: run this in the driver's folder, or name it with --folder",
            rust::MANIFEST,
            javascript::MANIFEST
        );
    };
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

/// Runs a tool in the driver's folder. What it says goes to the terminal, and not among our own answer.
fn tool(program: &str, arguments: &[&str], folder: &Path, install: &str) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("{program} can't be started: {install}"))?;
    ensure!(
        status.success(),
        "`{program} {}` failed: see above",
        arguments.join(" ")
    );
    Ok(())
}

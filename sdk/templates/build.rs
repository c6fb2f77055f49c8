//! Lists the files that a vendor gets, so that the compiler embeds them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What of this repository a driver is built with, as it lies here.
const SDK: &[&str] = &[
    "LICENSE",
    "docs/driver-metadata.md",
    "sdk/package/metadata.schema.json",
    "sdk/rust/Cargo.toml",
    "sdk/rust/src",
    "wit",
];

fn main() -> io::Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let repository = here.join("../..").canonicalize()?;
    let mut code = String::new();
    list(&mut code, "SDK", &repository, SDK)?;
    list(&mut code, "RUST", &here.join("rust"), &["."])?;
    list(&mut code, "JAVASCRIPT", &here.join("javascript"), &["."])?;
    fs::write(Path::new(&variable("OUT_DIR")?).join("embedded.rs"), code)
}

/// Writes a constant with path and content of all files below `roots`.
fn list(code: &mut String, name: &str, base: &Path, roots: &[&str]) -> io::Result<()> {
    let mut files = Vec::new();
    for root in roots {
        let path = base.join(root);
        println!("cargo::rerun-if-changed={}", path.display());
        collect(&path, &mut files)?;
    }
    files.sort();
    let _ = writeln!(code, "pub(crate) const {name}: &[(&str, &str)] = &[");
    for file in files {
        let relative = file.strip_prefix(base).map_err(io::Error::other)?;
        let relative = relative.strip_prefix(".").unwrap_or(relative);
        let _ = writeln!(
            code,
            "    ({:?}, include_str!({:?})),",
            relative.display().to_string(),
            file.display().to_string()
        );
    }
    code.push_str("];\n");
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

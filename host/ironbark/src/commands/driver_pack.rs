//! `ironbark driver pack`

use std::path::Path;

use anyhow::{Context, Result};

/// Makes a package of a component that cargo built: checks its metadata and lifts them to the top level.
pub(crate) fn run(file: &Path, out: &Path) -> Result<()> {
    let component =
        std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let package = ironbark_package::lift(&component)
        .with_context(|| format!("{} can't be made a driver package", file.display()))?;
    std::fs::write(out, &package).with_context(|| format!("{} can't be written", out.display()))?;
    println!("{}: {} bytes", out.display(), package.len());
    Ok(())
}

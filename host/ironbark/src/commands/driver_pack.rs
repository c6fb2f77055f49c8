//! `ironbark driver pack`

use std::path::Path;

use anyhow::{Context, Result};
use ironbark_package::{Contents, Metadata};

/// Makes a package of a component that cargo built: checks its metadata, lifts them to the top level, and compares them with what the
/// component is (unless `unchecked`).
pub(crate) fn run(file: &Path, out: &Path, unchecked: bool) -> Result<()> {
    let component =
        std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let package = ironbark_package::lift(&component)
        .with_context(|| format!("{} can't be made a driver package", file.display()))?;
    if !unchecked {
        let contents = Contents::read(&package)?;
        Metadata::parse(&contents.metadata)?
            .check_complete(&contents)
            .with_context(|| format!("{} can't be made a driver package", file.display()))?;
    }
    std::fs::write(out, &package).with_context(|| format!("{} can't be written", out.display()))?;
    println!("{}: {} bytes", out.display(), package.len());
    Ok(())
}

//! What CI checks besides tests: formatting, lints, documentation, dependencies.

use anyhow::Result;

use crate::command::{cargo, program, root, step};
use crate::tools;

const CARGO_DENY: &str = "0.20.2";

/// All of it.
pub(crate) fn run() -> Result<()> {
    formatting()?;
    step(
        "Lints",
        cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    let mut docs = cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    step("Documentation", docs)?;
    dependencies()
}

/// Formatting alone: quick enough to come before anything is built.
pub(crate) fn formatting() -> Result<()> {
    step("Formatting", cargo(["fmt", "--all", "--check"]))
}

/// Licences, bans and sources of what we depend on. Advisories need a network.
fn dependencies() -> Result<()> {
    let mut deny = program(tools::ensure("cargo-deny", CARGO_DENY)?);
    deny.arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .args(["check", "bans", "licenses", "sources"]);
    step("Rules for dependencies", deny)
}

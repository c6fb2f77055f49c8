//! What CI checks besides tests: formatting, lints, documentation, dependencies.

use anyhow::Result;

use crate::command::{answers, cargo, program, root, step, target};

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
    let mut deny = if answers("cargo-deny", &["--version"]) {
        program("cargo-deny")
    } else {
        let tools = target().join("tools");
        let binary = tools.join("bin/cargo-deny");
        if !binary.is_file() {
            let mut install = cargo(["install", "--quiet", "--locked", "--version", CARGO_DENY]);
            install
                .arg("--root")
                .arg(&tools)
                .arg("cargo-deny")
                .env("CARGO_TARGET_DIR", tools.join("build"))
                // Built once and run for a second: compile quickly, not well.
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
                .env("CARGO_PROFILE_RELEASE_LTO", "off");
            step("Installing cargo-deny", install)?;
        }
        program(binary)
    };
    deny.arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .args(["check", "bans", "licenses", "sources"]);
    step("Rules for dependencies", deny)
}

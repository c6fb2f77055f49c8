//! Cargo tools that this machine may not have: built once into the target folder.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{answers, cargo, step, target};

/// The program of a cargo tool: the one on the path if there is one, else ours, built if need be.
pub(crate) fn ensure(name: &str, version: &str) -> Result<PathBuf> {
    if answers(name, &["--version"]) {
        return Ok(PathBuf::from(name));
    }
    let tools = target().join("tools");
    let binary = tools.join("bin").join(name);
    if !binary.is_file() {
        let mut install = cargo(["install", "--quiet", "--locked", "--version", version]);
        install
            .arg("--root")
            .arg(&tools)
            .arg(name)
            .env("CARGO_TARGET_DIR", tools.join("build"))
            // Used for seconds: compile quickly, not well.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off");
        step(&format!("Installing {name}"), install)?;
    }
    Ok(binary)
}

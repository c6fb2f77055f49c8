//! Commands on the hypervisor of this node, which is a virtual machine (capability `ssh`).
//!
//! The operator writes the commands, and the driver names one of them: there is no command line to make here, and no other machine to name.

use crate::{Error, Result, bindings::imports::ironbark::driver::ssh};

pub use ssh::Output;

/// Runs the operator's template of this name for this node, and waits for its end, whatever that is.
///
/// # Errors
/// What the host returns: `denied` for templates that weren't granted, `missing-parameter` if there is none of this name.
pub fn run(template: &str) -> Result<Output> {
    ssh::run(template)
}

/// As [`run`], for commands that must succeed; what they wrote.
///
/// # Errors
/// As [`run`]; `failed` for an exit status other than 0, with what the command complained about.
pub fn succeed(template: &str) -> Result<String> {
    let output = run(template)?;
    if output.exit_status == 0 {
        return Ok(output.stdout);
    }
    let complaint = output.stderr.lines().next().unwrap_or_default();
    Err(Error::failed(format!(
        "the command '{template}' ended with status {}: {complaint}",
        output.exit_status
    )))
}

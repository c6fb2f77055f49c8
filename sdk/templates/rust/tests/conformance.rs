//! The whole driver as the host runs it: `ironbark driver test`, on simulated machines with faults.
//!
//! The program is the one that `IRONBARK` names, else the one on the path. Where there is none, this says so and passes.

use std::io::ErrorKind;
use std::process::{Command, Output};

const PACKAGE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/conformance.wasm");

#[test]
fn the_driver_keeps_what_every_driver_must() {
    if ironbark(&["--version"]).is_none() {
        eprintln!("left out: there is no ironbark on the path, and IRONBARK doesn't name one");
        return;
    }
    for arguments in [
        &["driver", "build", "--out", PACKAGE][..],
        &["driver", "test", PACKAGE],
    ] {
        let output = ironbark(arguments).expect("it was there just now");
        assert!(
            output.status.success(),
            "ironbark {}:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Runs the program in the driver's folder; `None` if there is none.
fn ironbark(arguments: &[&str]) -> Option<Output> {
    let named = std::env::var_os("IRONBARK");
    let output = Command::new(named.clone().unwrap_or_else(|| "ironbark".into()))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => None,
        Err(error) => panic!("ironbark can't be started: {error}"),
    }
}

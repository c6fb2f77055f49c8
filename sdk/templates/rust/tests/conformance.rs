//! The whole driver as the host runs it: `ironbark driver test`, on simulated machines with faults.
//!
//! The program is the one that `IRONBARK` names, else the one on the path. Where there is none, this fails and says so: a driver that
//! nobody tried must not look as if it had passed. `IRONBARK_SKIP_CONFORMANCE=1` leaves it out.

use std::io::ErrorKind;
use std::process::{Command, Output};

const PACKAGE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/conformance.wasm");

#[test]
fn the_driver_keeps_what_every_driver_must() {
    if std::env::var_os("IRONBARK_SKIP_CONFORMANCE").is_some() {
        eprintln!("left out, as IRONBARK_SKIP_CONFORMANCE says");
        return;
    }
    for arguments in [
        &["driver", "build", "--out", PACKAGE][..],
        &["driver", "test", PACKAGE],
    ] {
        let output = ironbark(arguments);
        assert!(
            output.status.success(),
            "ironbark {}:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Runs the program in the driver's folder.
fn ironbark(arguments: &[&str]) -> Output {
    let program = std::env::var_os("IRONBARK").unwrap_or_else(|| "ironbark".into());
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match output {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "the program {program:?} is not there: put ironbark on the path or name it with IRONBARK, or leave this out with IRONBARK_SKIP_CONFORMANCE=1"
        ),
        Err(error) => panic!("the program {program:?} can't be started: {error}"),
    }
}

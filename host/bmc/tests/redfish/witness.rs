//! Our simulator as a client that others wrote sees it: sushy, which Ironic uses.

use std::{path::Path, process::Command};

use ironbark_bmc_sim::redfish::ServiceConfig;
use serde_json::{Value, json};

use crate::{emulator::program, support::start};

#[tokio::test]
async fn the_client_that_others_wrote_understands_our_simulator() {
    let Some(emulator) = program() else {
        return;
    };
    for tls in [false, true] {
        let simulator = start(ServiceConfig {
            tls,
            ..ServiceConfig::default()
        })
        .await;
        let credentials = simulator.credentials();
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/sushy_witness.py");
        let mut command = Command::new(emulator.with_file_name("python3"));
        command
            .arg(script)
            .args([simulator.url(), credentials.username, credentials.password]);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            seen,
            json!({
                "manufacturer": "Ironbark",
                "macs": ["52:54:00:00:01:00", "52:54:00:00:01:01"],
                "before": "Off",
                "allowed": ["ForceOff", "ForceOn", "ForceRestart", "GracefulRestart", "GracefulShutdown",
                    "Nmi", "On", "PowerCycle", "PushPowerButton"],
                "on": "On",
                "boot_after": "Disabled",
                "bios": {"BootMode": "Uefi", "NumCores": 8, "ProcTurboMode": "Enabled"},
                "off": "Off",
                "on_again": "On",
                "turbo": "Disabled",
                "chassis": "1",
                "temperatures": ["Inlet Temp", "CPU Temp"],
                "manager": "bmc",
                "secure_boot": true,
            })
        );
        let now = simulator.snapshot();
        assert_eq!((now.sessions_opened, now.sessions_closed), (1, 1));
        assert_eq!(now.systems[0].boots, 2);
    }
}

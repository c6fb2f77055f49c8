//! Clients that others wrote, against our simulator.

use std::time::Duration;

use ipmi_rs::{Ipmi, app::GetDeviceId, rmcp::Rmcp};
use ironbark_bmc_sim::{BmcHandle, Faults, PowerFault, RackConfig};

use crate::support::{have, ipmitool, one_bmc, soon};

async fn tool(bmc: &BmcHandle, arguments: &[&str]) -> String {
    let credentials = bmc.credentials();
    ipmitool(
        bmc.address(),
        &credentials.username,
        &credentials.password,
        arguments,
    )
    .await
}

#[tokio::test]
async fn ipmitool_switches_and_sees_the_power() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    assert_eq!(
        tool(&bmc, &["power", "status"]).await,
        "Chassis Power is off\n"
    );
    for (verb, power) in [
        ("on", true),
        ("cycle", true),
        ("reset", true),
        ("soft", false),
        ("on", true),
        ("off", false),
    ] {
        tool(&bmc, &["power", verb]).await;
        assert_eq!(bmc.power(), power, "{verb}");
        let expected = if power {
            "Chassis Power is on\n"
        } else {
            "Chassis Power is off\n"
        };
        assert_eq!(tool(&bmc, &["power", "status"]).await, expected);
    }
    assert_eq!(bmc.snapshot().open_sessions, 0);
    bmc.set_power(true);
    tool(&bmc, &["power", "diag"]).await;
    assert_eq!(bmc.snapshot().diagnostic_interrupts, 1);
}

#[tokio::test]
async fn ipmitool_sees_a_slow_power_change_when_it_happens() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    bmc.set_faults(Faults {
        power: PowerFault::Slow(Duration::from_secs(1)),
        ..Faults::default()
    });
    tool(&bmc, &["power", "on"]).await;
    soon("power on", bmc.wait_until(|bmc| bmc.power)).await;
    assert_eq!(
        tool(&bmc, &["power", "status"]).await,
        "Chassis Power is on\n"
    );
}

#[tokio::test]
async fn ipmitool_knows_the_bmc_and_its_sensors() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let (_rack, bmc) = one_bmc(RackConfig {
        power: true,
        ..RackConfig::default()
    })
    .await;
    let info = tool(&bmc, &["mc", "info"]).await;
    assert!(info.contains("IPMI Version              : 2.0"), "{info}");
    let status = tool(&bmc, &["chassis", "status"]).await;
    assert!(status.contains("System Power         : on"), "{status}");
    let sensors = tool(&bmc, &["sdr"]).await;
    for line in [
        "CPU Temp         | 41 degrees C      | ok",
        "Fan 1            | 4200 RPM          | ok",
        "12V              | 12.06 Volts       | ok",
    ] {
        assert!(sensors.contains(line), "{sensors}");
    }
    let ciphers = tool(&bmc, &["channel", "getciphers", "ipmi"]).await;
    assert!(
        ciphers.contains("17 ") && ciphers.contains("sha256_128"),
        "{ciphers}"
    );
}

#[tokio::test]
async fn ipmitool_sets_boot_devices() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    tool(&bmc, &["chassis", "bootdev", "pxe"]).await;
    let options = tool(&bmc, &["chassis", "bootparam", "get", "5"]).await;
    assert!(
        options.contains("Force PXE") && options.contains("only next boot"),
        "{options}"
    );
    tool(&bmc, &["power", "on"]).await;
    assert_eq!(bmc.snapshot().booted_from, Some(1));
    tool(
        &bmc,
        &["chassis", "bootdev", "disk", "options=persistent,efiboot"],
    )
    .await;
    let options = tool(&bmc, &["chassis", "bootparam", "get", "5"]).await;
    assert!(
        options.contains("all future boots") && options.contains("EFI"),
        "{options}"
    );
    tool(&bmc, &["power", "cycle"]).await;
    assert_eq!(bmc.snapshot().booted_from, Some(2));
}

#[tokio::test]
async fn ipmitool_speaks_every_suite_and_kg() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let suites = vec![0, 1, 2, 3, 15, 16, 17];
    let kg = Some(b"twenty bytes of key!".to_vec());
    let (_rack, bmc) = one_bmc(RackConfig {
        cipher_suites: suites.clone(),
        kg,
        ..RackConfig::default()
    })
    .await;
    for suite in suites {
        let suite = suite.to_string();
        let arguments = [
            "-C",
            suite.as_str(),
            "-k",
            "twenty bytes of key!",
            "power",
            "status",
        ];
        assert_eq!(
            tool(&bmc, &arguments).await,
            "Chassis Power is off\n",
            "suite {suite}"
        );
    }
}

#[tokio::test]
async fn ipmi_rs_reads_the_device_id_and_the_sensors() {
    let (_rack, bmc) = one_bmc(RackConfig {
        power: true,
        ..RackConfig::default()
    })
    .await;
    let (address, credentials) = (bmc.address(), bmc.credentials());
    let (version, names) = tokio::task::spawn_blocking(move || {
        let mut rmcp = Rmcp::new(address, Duration::from_secs(5)).unwrap();
        rmcp.activate(
            true,
            Some(&credentials.username),
            Some(credentials.password.as_bytes()),
        )
        .unwrap();
        let mut ipmi = Ipmi::new(rmcp);
        let device = ipmi.send_recv(GetDeviceId).unwrap();
        let names: Vec<String> = ipmi
            .sdrs()
            .filter_map(|record| record.id().map(|id| id.to_string()))
            .collect();
        ((device.major_version, device.minor_version), names)
    })
    .await
    .unwrap();
    assert_eq!(version, (2, 0));
    assert_eq!(names, ["Inlet Temp", "CPU Temp", "Fan 1", "12V"]);
}

//! IPMI 1.5, against Debian's `ipmi_sim` and our simulator.

use ironbark_bmc::ipmi::{Client, ClientConfig, IpmiError, Target, Version};
use ironbark_bmc_sim::{BmcHandle, Chance, Faults, OldAuthentication, Rack, RackConfig};

use crate::ipmi_sim::{IpmiSim, PASSWORD, USERNAME};
use crate::support::{
    PATIENCE, ask, chassis_control, have, one_bmc, power, quick, soon, target_at, target_of,
};

fn allowing() -> ClientConfig {
    ClientConfig {
        allow_v1_5: true,
        ..quick()
    }
}

fn old(simulator: &IpmiSim, password: &str) -> Target {
    Target {
        version: Version::V1_5,
        ..target_at(simulator.address, USERNAME, password)
    }
}

#[tokio::test]
async fn a_bmc_that_knows_nothing_newer_is_switched_in_many_sessions() {
    let Some(simulator) = IpmiSim::start_old() else {
        return;
    };
    let target = old(&simulator, PASSWORD);
    // More rounds than the BMC has sessions: each must have been closed.
    for _ in 0..40 {
        let client = Client::new(allowing());
        for (action, expected) in [(1, true), (0, false)] {
            let answer = ask(&client, &target, &chassis_control(action))
                .await
                .unwrap();
            assert_eq!(answer.completion_code, 0);
            assert_eq!(power(&client, &target).await.unwrap(), expected);
        }
        client.shutdown(PATIENCE).await;
    }
}

#[tokio::test]
async fn it_is_off_unless_the_operator_allows_it_and_the_node_wants_it() {
    let Some(simulator) = IpmiSim::start_old() else {
        return;
    };
    let target = old(&simulator, PASSWORD);
    let error = power(&Client::new(quick()), &target).await.unwrap_err();
    assert!(matches!(error, IpmiError::InvalidTarget(_)), "{error:?}");
    assert!(error.to_string().contains("allow_ipmi_1_5"), "{error}");
    let newer = target_at(simulator.address, USERNAME, PASSWORD);
    let error = power(&Client::new(allowing()), &newer).await.unwrap_err();
    assert!(
        error.to_string().contains("ipmi_protocol_version"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_password_or_user_opens_nothing() {
    let Some(simulator) = IpmiSim::start_old() else {
        return;
    };
    let client = Client::new(allowing());
    let error = power(&client, &old(&simulator, "wrong")).await.unwrap_err();
    assert!(
        matches!(
            error,
            IpmiError::AuthFailed { .. } | IpmiError::Unreachable { .. }
        ),
        "{error:?}"
    );
    let stranger = Target {
        username: "stranger".to_owned(),
        ..old(&simulator, PASSWORD)
    };
    let error = power(&client, &stranger).await.unwrap_err();
    assert!(matches!(error, IpmiError::AuthFailed { .. }), "{error:?}");
}

/// A BMC of ours that speaks nothing newer.
async fn simulated(authentication: OldAuthentication) -> (Rack, BmcHandle, Target) {
    let (rack, bmc) = one_bmc(RackConfig {
        cipher_suites: Vec::new(),
        ipmi_1_5: Some(authentication),
        session_slots: 2,
        ..RackConfig::default()
    })
    .await;
    let target = Target {
        version: Version::V1_5,
        ..target_of(&bmc)
    };
    (rack, bmc, target)
}

async fn switched(client: &Client, target: &Target, rounds: u32) {
    for _ in 0..rounds {
        for (action, expected) in [(1, true), (0, false)] {
            let answer = ask(client, target, &chassis_control(action)).await.unwrap();
            assert_eq!(answer.completion_code, 0);
            assert_eq!(power(client, target).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn sessions_are_opened_used_closed_and_opened_anew() {
    for authentication in [OldAuthentication::Md5, OldAuthentication::None] {
        let (_rack, bmc, target) = simulated(authentication).await;
        let client = Client::new(allowing());
        switched(&client, &target, 3).await;
        let stats = bmc.stats();
        let counted = (stats.sessions_opened, stats.packets_refused);
        assert_eq!(counted, (1, 0), "{authentication:?}");
        // One that the BMC lost is opened anew.
        bmc.reboot(std::time::Duration::ZERO);
        switched(&client, &target, 1).await;
        assert_eq!(bmc.stats().sessions_opened, 2, "{authentication:?}");
        client.shutdown(PATIENCE).await;
        soon("the end", bmc.wait_until(|bmc| bmc.open_sessions == 0)).await;
    }
}

/// A client that others wrote agrees that ours is a BMC.
#[tokio::test]
async fn ipmitool_switches_our_bmc_too() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    for (authentication, name) in [
        (OldAuthentication::Md5, "MD5"),
        (OldAuthentication::None, "NONE"),
    ] {
        let (_rack, bmc, target) = simulated(authentication).await;
        for (word, on) in [("on", true), ("off", false)] {
            let mut command = std::process::Command::new("ipmitool");
            command
                .args(["-I", "lan", "-A", name, "-H", &target.host])
                .args(["-p", &target.port.to_string(), "-U", &target.username])
                .args(["-P", target.password.expose(), "power", word]);
            let output = tokio::task::spawn_blocking(move || command.output());
            let output = output.await.unwrap().unwrap();
            assert!(output.status.success(), "{name}: {output:?}");
            assert_eq!(bmc.power(), on, "{name}");
        }
    }
}

#[tokio::test]
async fn losses_and_repetitions_switch_nothing_twice() {
    let (_rack, bmc, target) = simulated(OldAuthentication::Md5).await;
    bmc.set_faults(Faults {
        lose_requests: Chance::one_in(5),
        lose_replies: Chance::one_in(7),
        duplicate_replies: Chance::one_in(3),
        ..Faults::default()
    });
    for _ in 0..4 {
        let client = Client::new(allowing());
        switched(&client, &target, 3).await;
        client.shutdown(PATIENCE).await;
    }
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_not_believed() {
    let (_rack, bmc, target) = simulated(OldAuthentication::Md5).await;
    let client = Client::new(allowing());
    switched(&client, &target, 1).await;
    bmc.set_faults(Faults {
        corrupt_replies: Chance::Next(2),
        ..Faults::default()
    });
    switched(&client, &target, 1).await;
}

#[tokio::test]
async fn our_bmc_lets_in_only_whom_it_knows_and_as_many_as_it_has_room_for() {
    let (_rack, bmc, target) = simulated(OldAuthentication::Md5).await;
    let client = Client::new(ClientConfig {
        transmissions: 2,
        ..allowing()
    });
    let wrong = Target {
        password: ironbark_model::Secret::new("wrong"),
        ..target.clone()
    };
    // As some BMCs do, it says nothing to a wrong password.
    let error = power(&client, &wrong).await.unwrap_err();
    assert!(matches!(error, IpmiError::Unreachable { .. }), "{error:?}");
    let stranger = Target {
        username: "stranger".to_owned(),
        ..target.clone()
    };
    let error = power(&client, &stranger).await.unwrap_err();
    assert!(matches!(error, IpmiError::AuthFailed { .. }), "{error:?}");
    bmc.set_faults(Faults {
        session_slots: Some(0),
        ..Faults::default()
    });
    let error = power(&client, &target).await.unwrap_err();
    assert!(matches!(error, IpmiError::Busy { .. }), "{error:?}");
    bmc.set_faults(Faults::default());
    assert!(!power(&client, &target).await.unwrap());
    let error = client.console(&target, PATIENCE).await.unwrap_err();
    assert!(matches!(error, IpmiError::InvalidTarget(_)), "{error:?}");
}

//! IPMI 1.5, against Debian's `ipmi_sim`.

use ironbark_bmc::ipmi::{Client, ClientConfig, IpmiError, Target, Version};

use crate::ipmi_sim::{IpmiSim, PASSWORD, USERNAME};
use crate::support::{PATIENCE, ask, chassis_control, power, quick, target_at};

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

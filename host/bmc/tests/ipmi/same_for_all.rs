//! What must hold for every BMC: each test runs against our simulator and against `ipmi_sim`.

use std::{net::SocketAddr, time::Duration};

use ironbark_bmc::ipmi::{Client, ClientConfig, IpmiError, Privilege, Request, Target};
use ironbark_bmc_sim::{PrivilegeLevel, Rack, RackConfig, User};

use crate::{
    ipmi_sim::{IpmiSim, OPERATOR, PASSWORD, USERNAME},
    support::{ask, chassis_control, have, power, quick, target_at},
};

async fn ours() -> Rack {
    let user = |name: &str, privilege| User {
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        privilege,
    };
    Rack::start(RackConfig {
        users: vec![
            user(USERNAME, PrivilegeLevel::Administrator),
            user(OPERATOR, PrivilegeLevel::Operator),
        ],
        ..RackConfig::default()
    })
    .await
    .unwrap()
}

/// Makes two tests of a function that takes a BMC's address.
macro_rules! for_all {
    ($($name:ident),+ $(,)?) => {
        mod against_ours {
            $(#[tokio::test]
            async fn $name() {
                let rack = super::ours().await;
                super::$name(rack.bmc(0).unwrap().address()).await;
            })+
        }
        mod against_ipmi_sim {
            $(#[tokio::test]
            async fn $name() {
                let Some(simulator) = crate::ipmi_sim::IpmiSim::start() else { return };
                super::$name(simulator.address).await;
            })+
        }
    };
}

for_all!(
    power_goes_on_and_off,
    a_wrong_password_is_refused,
    an_unknown_user_is_refused,
    an_operator_is_an_operator,
    a_completion_code_is_an_answer,
    sessions_are_closed,
    old_suites_where_configured,
    a_refused_suite_is_named,
);

fn admin(address: SocketAddr) -> Target {
    target_at(address, USERNAME, PASSWORD)
}

async fn power_goes_on_and_off(address: SocketAddr) {
    let client = Client::new(quick());
    let target = admin(address);
    for on in [true, false, true] {
        let answer = ask(&client, &target, &chassis_control(u8::from(on)))
            .await
            .unwrap();
        assert_eq!(answer.completion_code, 0);
        assert_eq!(power(&client, &target).await.unwrap(), on);
    }
    client.shutdown(Duration::from_secs(5)).await;
}

async fn a_wrong_password_is_refused(address: SocketAddr) {
    let client = Client::new(quick());
    let wrong = target_at(address, USERNAME, "not the password");
    let error = power(&client, &wrong).await.unwrap_err();
    assert!(
        matches!(error, IpmiError::AuthFailed { reason } if reason.contains("ipmi_password")),
        "{error}"
    );
    assert!(power(&client, &admin(address)).await.is_ok());
}

async fn an_unknown_user_is_refused(address: SocketAddr) {
    let client = Client::new(quick());
    let error = power(&client, &target_at(address, "nobody", PASSWORD))
        .await
        .unwrap_err();
    assert!(matches!(error, IpmiError::AuthFailed { .. }), "{error}");
}

async fn an_operator_is_an_operator(address: SocketAddr) {
    let client = Client::new(quick());
    let target = Target {
        privilege: Privilege::Operator,
        ..target_at(address, OPERATOR, PASSWORD)
    };
    let answer = ask(&client, &target, &chassis_control(1)).await.unwrap();
    assert_eq!(answer.completion_code, 0);
}

async fn a_completion_code_is_an_answer(address: SocketAddr) {
    let client = Client::new(quick());
    let unknown = Request::new(0x06, 0x7e, []);
    let answer = ask(&client, &admin(address), &unknown).await.unwrap();
    assert_eq!(answer.completion_code, 0xc1);
}

/// Far more sessions one after another than any BMC has room for.
async fn sessions_are_closed(address: SocketAddr) {
    let client = Client::new(ClientConfig {
        warm_sessions: false,
        ..quick()
    });
    let target = admin(address);
    for _ in 0..50 {
        power(&client, &target).await.unwrap();
    }
    client.shutdown(Duration::from_secs(5)).await;
    assert_eq!(client.bmcs_in_use(), 0);
}

async fn old_suites_where_configured(address: SocketAddr) {
    let client = Client::new(quick());
    let target = Target {
        cipher_suite: Some(3),
        ..admin(address)
    };
    assert!(power(&client, &target).await.is_ok());
}

async fn a_refused_suite_is_named(address: SocketAddr) {
    let client = Client::new(quick());
    // SHA-256 without encryption: neither simulator is set up for it.
    let target = Target {
        cipher_suite: Some(15),
        ..admin(address)
    };
    let error = power(&client, &target).await.unwrap_err();
    assert!(error.to_string().contains("ipmi_cipher_suite"), "{error}");
}

/// Only with ours: `ipmi_sim` raises an operator to administrator.
#[tokio::test]
async fn an_operator_is_no_administrator() {
    let rack = ours().await;
    let client = Client::new(quick());
    let target = target_at(rack.bmc(0).unwrap().address(), OPERATOR, PASSWORD);
    let error = power(&client, &target).await.unwrap_err();
    assert!(
        matches!(error, IpmiError::AuthFailed { reason } if reason.contains("ipmi_priv_level")),
        "{error}"
    );
}

#[tokio::test]
async fn a_bmc_that_speaks_only_ipmi_1_5_is_named() {
    let Some(simulator) = IpmiSim::start_old() else {
        return;
    };
    let client = Client::new(quick());
    let error = power(&client, &admin(simulator.address)).await.unwrap_err();
    assert!(
        matches!(&error, IpmiError::Protocol { reason } if reason.contains("IPMI 1.5")),
        "{error}"
    );
}

/// Both loopbacks: IPv6 only with ours, as `ipmi_sim` is given an IPv4 address here.
#[tokio::test]
async fn over_ipv6() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("left out: needs an IPv6 loopback address");
        return;
    }
    let rack = Rack::start(RackConfig {
        bind: "::1".parse().unwrap(),
        ..RackConfig::default()
    })
    .await
    .unwrap();
    let bmc = rack.bmc(0).unwrap();
    let client = Client::new(quick());
    assert!(
        !power(&client, &crate::support::target_of(&bmc))
            .await
            .unwrap()
    );
}

/// An absent program must not look like a passed test where programs are required.
#[test]
fn what_is_left_out_is_said() {
    if std::env::var("IRONBARK_TEST_REQUIRE").is_ok_and(|required| required == "all") {
        assert!(std::panic::catch_unwind(|| have("ironbark-no-such-program", "nothing")).is_err());
    } else {
        assert!(!have("ironbark-no-such-program", "nothing"));
    }
}

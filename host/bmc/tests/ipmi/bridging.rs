//! Commands to controllers behind the BMC.

use ironbark_bmc::ipmi::{Bridge, Client, Hop, IpmiError, Request, Target};
use ironbark_bmc_sim::{BmcHandle, Command, Faults, Rack, RackConfig, Satellite};

use crate::ipmi_sim::{IpmiSim, PASSWORD, USERNAME};
use crate::support::{
    PATIENCE, ask, chassis_control, have, ipmitool, one_bmc, power, quick, target_at, target_of,
};

const TRANSIT: Hop = Hop {
    channel: 0,
    address: 0x82,
};
const BLADE: Hop = Hop {
    channel: 7,
    address: 0x72,
};

/// A BMC with a controller behind it, and another one behind that.
async fn chassis() -> (Rack, BmcHandle) {
    let blade = |behind| Satellite {
        channel: BLADE.channel,
        address: BLADE.address,
        behind,
    };
    one_bmc(RackConfig {
        satellites: vec![
            blade(Vec::new()),
            Satellite {
                channel: TRANSIT.channel,
                address: TRANSIT.address,
                behind: vec![blade(Vec::new())],
            },
        ],
        ..RackConfig::default()
    })
    .await
}

fn bridged(bmc: &BmcHandle, transit: Option<Hop>, target: Hop) -> Target {
    let bridge = Bridge {
        local_address: 0x20,
        transit,
        target,
    };
    Target {
        bridge: Some(bridge),
        ..target_of(bmc)
    }
}

const NEAR: [(u8, u8); 1] = [(7, 0x72)];
const FAR: [(u8, u8); 2] = [(0, 0x82), (7, 0x72)];

#[tokio::test]
async fn commands_reach_the_controller_that_is_meant_and_no_other() {
    let (_rack, bmc) = chassis().await;
    let client = Client::new(quick());
    let near = bridged(&bmc, None, BLADE);
    let far = bridged(&bmc, Some(TRANSIT), BLADE);
    for answers_apart in [false, true] {
        bmc.set_faults(Faults {
            answers_apart,
            ..Faults::default()
        });
        for (target, way) in [(&near, &NEAR[..]), (&far, &FAR[..])] {
            let others = [&NEAR[..], &FAR[..]]
                .into_iter()
                .find(|other| *other != way);
            for (action, expected) in [(1, true), (0, false)] {
                ask(&client, target, &chassis_control(action))
                    .await
                    .unwrap();
                assert_eq!(power(&client, target).await.unwrap(), expected);
                assert_eq!(bmc.satellite_power(way), Some(expected));
                assert_eq!(bmc.satellite_power(others.unwrap()), Some(false));
                assert!(!bmc.power());
            }
        }
    }
    // All of them, and the BMC itself, in one session.
    assert!(!power(&client, &target_of(&bmc)).await.unwrap());
    assert_eq!(bmc.stats().sessions_opened, 1);
    client.shutdown(PATIENCE).await;
    assert_eq!(bmc.snapshot().open_sessions, 0);
}

#[tokio::test]
async fn refusals_on_the_way_are_told_from_those_of_the_controller() {
    let (_rack, bmc) = chassis().await;
    let client = Client::new(quick());
    let nobody = Hop {
        channel: 7,
        address: 0x74,
    };
    for target in [
        bridged(&bmc, None, nobody),
        bridged(&bmc, Some(nobody), BLADE),
        bridged(&bmc, Some(TRANSIT), nobody),
    ] {
        let error = power(&client, &target).await.unwrap_err();
        assert!(
            matches!(error, IpmiError::NotPassedOn { code: 0x83 }),
            "{error:?}"
        );
        assert!(error.to_string().contains("ipmi_target_address"));
    }
    let unknown = Request::new(0x2e, 0x77, []);
    let answer = ask(&client, &bridged(&bmc, None, BLADE), &unknown).await;
    assert_eq!(answer.unwrap().completion_code, 0xc1);
}

#[tokio::test]
async fn a_driver_that_sends_messages_itself_is_refused_on_a_bridged_node() {
    let (_rack, bmc) = chassis().await;
    let client = Client::new(quick());
    let tunnel = Request::new(0x06, 0x34, [0x40, 0x72, 0x00, 0x8e, 0x20, 0x04, 0x01, 0xdb]);
    let error = ask(&client, &bridged(&bmc, None, BLADE), &tunnel)
        .await
        .unwrap_err();
    assert!(
        matches!(error, IpmiError::InvalidRequest { .. }),
        "{error:?}"
    );
    assert_eq!(bmc.count(Command::SEND_MESSAGE), 0);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let (_rack, bmc) = chassis().await;
    let client = Client::new(quick());
    let near = bridged(&bmc, None, BLADE);
    assert!(!power(&client, &near).await.unwrap());
    bmc.set_faults(Faults {
        lose_replies: ironbark_bmc_sim::Chance::Next(1),
        ..Faults::default()
    });
    assert!(!power(&client, &near).await.unwrap());
    assert_eq!(bmc.stats().sessions_opened, 1);
}

#[tokio::test]
async fn ipmitool_finds_the_same_controllers() {
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let (_rack, bmc) = chassis().await;
    let credentials = bmc.credentials();
    let client = Client::new(quick());
    let far = bridged(&bmc, Some(TRANSIT), BLADE);
    let (user, password) = (&credentials.username, &credentials.password);
    let near = ["-b", "7", "-t", "0x72", "power", "on"];
    ipmitool(bmc.address(), user, password, &near).await;
    assert_eq!(bmc.satellite_power(&NEAR), Some(true));
    ask(&client, &far, &chassis_control(1)).await.unwrap();
    let dual = [
        "-B", "0", "-T", "0x82", "-b", "7", "-t", "0x72", "power", "status",
    ];
    // Of answers that are wrapped twice it takes only those that come after a confirmation.
    bmc.set_faults(Faults {
        answers_apart: true,
        ..Faults::default()
    });
    let said = ipmitool(bmc.address(), user, password, &dual).await;
    assert_eq!(said, "Chassis Power is on\n");
}

#[tokio::test]
async fn another_vendors_bmc_passes_commands_on_as_well() {
    let Some(simulator) = IpmiSim::start() else {
        return;
    };
    let client = Client::new(quick());
    let direct = target_at(simulator.address, USERNAME, PASSWORD);
    let behind = |address| Target {
        bridge: Some(Bridge {
            local_address: 0x20,
            transit: None,
            target: Hop {
                channel: 0,
                address,
            },
        }),
        ..direct.clone()
    };
    let get_device_id = Request::new(0x06, 0x01, []);
    let own = ask(&client, &direct, &get_device_id).await.unwrap();
    let other = ask(&client, &behind(0x30), &get_device_id).await.unwrap();
    assert_eq!((own.completion_code, own.data[0]), (0, 0));
    assert_eq!((other.completion_code, other.data[0]), (0, 7));
    let error = ask(&client, &behind(0x40), &get_device_id)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            IpmiError::NotPassedOn { .. } | IpmiError::Unreachable { .. }
        ),
        "{error:?}"
    );
}

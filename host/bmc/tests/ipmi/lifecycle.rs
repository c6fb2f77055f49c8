//! Sessions over time: kept warm, closed, forgotten, not broken by callers that leave, bounded.

use std::time::Duration;

use ironbark_bmc::{
    AllowedNetworks,
    ipmi::{Client, ClientConfig, IpmiError, Target},
};
use ironbark_bmc_sim::{Command, Faults, PrivilegeLevel, RackConfig, User};
use ironbark_model::Secret;

use crate::support::{
    ask, chassis_control, chassis_status, one_bmc, power, quick, soon, target_at, target_of,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn a_warm_session_serves_many_commands_and_is_closed_when_idle() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig {
        idle_timeout: MS(200),
        ..ClientConfig::default()
    });
    for _ in 0..10 {
        power(&client, &target_of(&bmc)).await.unwrap();
    }
    assert_eq!(bmc.stats().sessions_opened, 1);
    soon(
        "the end of an idle session",
        bmc.wait_until(|bmc| bmc.open_sessions == 0),
    )
    .await;
    assert_eq!(bmc.stats().sessions_closed, 1);
    power(&client, &target_of(&bmc)).await.unwrap();
    assert_eq!(bmc.stats().sessions_opened, 2);
}

#[tokio::test]
async fn a_warm_session_is_kept_alive() {
    let (_rack, bmc) = one_bmc(RackConfig {
        session_timeout: MS(2000),
        ..RackConfig::default()
    })
    .await;
    let client = Client::new(ClientConfig {
        keep_alive: MS(250),
        ..ClientConfig::default()
    });
    power(&client, &target_of(&bmc)).await.unwrap();
    soon("keep-alives", bmc.wait_until(|now| now.commands >= 12)).await;
    assert!(bmc.count(Command::GET_DEVICE_ID) >= 5);
    power(&client, &target_of(&bmc)).await.unwrap();
    assert_eq!(bmc.stats().sessions_opened, 1);
}

#[tokio::test]
async fn warm_sessions_can_be_turned_off_for_one_bmc() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig::default());
    let target = Target {
        warm_session: false,
        ..target_of(&bmc)
    };
    for count in 1..4 {
        power(&client, &target).await.unwrap();
        soon(
            "the end of the session",
            bmc.wait_until(|bmc| bmc.open_sessions == 0),
        )
        .await;
        assert_eq!(bmc.stats().sessions_closed, count);
    }
}

#[tokio::test]
async fn shutdown_closes_every_session_and_refuses_what_comes_later() {
    let rack = ironbark_bmc_sim::Rack::start(RackConfig {
        count: 20,
        ..RackConfig::default()
    })
    .await
    .unwrap();
    let client = Client::new(quick());
    for bmc in rack.bmcs() {
        power(&client, &target_of(bmc)).await.unwrap();
        assert_eq!(bmc.snapshot().open_sessions, 1);
    }
    client.shutdown(Duration::from_secs(10)).await;
    for bmc in rack.bmcs() {
        assert_eq!(bmc.snapshot().open_sessions, 0);
    }
    let error = power(&client, &target_of(&rack.bmcs()[0]))
        .await
        .unwrap_err();
    assert!(matches!(error, IpmiError::ShuttingDown), "{error}");
}

#[tokio::test]
async fn dropping_the_client_closes_its_sessions_too() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    power(&client, &target_of(&bmc)).await.unwrap();
    drop(client);
    soon(
        "the end of the session",
        bmc.wait_until(|bmc| bmc.open_sessions == 0),
    )
    .await;
}

#[tokio::test]
async fn a_forgotten_target_is_logged_out_and_the_next_command_uses_the_new_one() {
    let user = |name: &str| User {
        name: name.to_owned(),
        password: "password".to_owned(),
        privilege: PrivilegeLevel::Administrator,
    };
    let users = vec![user("old"), user("new")];
    let (_rack, bmc) = one_bmc(RackConfig {
        users,
        ..RackConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let old = target_at(bmc.address(), "old", "password");
    power(&client, &old).await.unwrap();
    client.forget(&old);
    soon(
        "the end of the session",
        bmc.wait_until(|bmc| bmc.open_sessions == 0),
    )
    .await;
    power(&client, &target_at(bmc.address(), "new", "password"))
        .await
        .unwrap();
    assert_eq!(bmc.snapshot().open_sessions, 1);
}

#[tokio::test]
async fn nodes_with_other_credentials_on_the_same_bmc_share_no_session() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    power(&client, &target_of(&bmc)).await.unwrap();
    let wrong = Target {
        password: Secret::new("a guess"),
        ..target_of(&bmc)
    };
    let error = power(&client, &wrong).await.unwrap_err();
    assert!(matches!(error, IpmiError::AuthFailed { .. }), "{error}");
}

#[tokio::test]
async fn one_command_at_a_time_per_bmc_even_for_different_users() {
    let users = ["a", "b", "c", "d"].map(|name| User {
        name: name.to_owned(),
        password: "password".to_owned(),
        privilege: PrivilegeLevel::Administrator,
    });
    let (_rack, bmc) = one_bmc(RackConfig {
        users: users.to_vec(),
        ..RackConfig::default()
    })
    .await;
    bmc.set_faults(Faults {
        slow: vec![(Command::CHASSIS_STATUS, MS(50))],
        ..Faults::default()
    });
    let client = Client::new(ClientConfig {
        pacing: MS(20),
        ..ClientConfig::default()
    });
    let tasks: Vec<_> = users
        .iter()
        .map(|user| {
            let (client, target) = (
                client.clone(),
                target_at(bmc.address(), &user.name, "password"),
            );
            tokio::spawn(async move { power(&client, &target).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let times: Vec<_> = bmc
        .commands()
        .into_iter()
        .filter(|seen| seen.command == Command::CHASSIS_STATUS)
        .map(|seen| seen.at)
        .collect();
    assert_eq!(times.len(), 4);
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= MS(70), "{:?}", pair[1] - pair[0]);
    }
}

#[tokio::test]
async fn a_caller_that_leaves_breaks_nothing() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig::default());
    let target = target_of(&bmc);
    power(&client, &target).await.unwrap();
    bmc.set_faults(Faults {
        slow: vec![(Command::CHASSIS_CONTROL, MS(200))],
        ..Faults::default()
    });
    let request = chassis_control(1);
    let caller = client.request(&target, &request, Duration::from_secs(10));
    tokio::select! {
        _ = caller => panic!("answered before it could be"),
        _ = bmc.wait_until(|bmc| bmc.power) => {}
    }
    // The command was carried out once, and the session serves the next.
    assert!(power(&client, &target).await.unwrap());
    assert_eq!(bmc.count(Command::CHASSIS_CONTROL), 1);
    assert_eq!(bmc.stats().sessions_opened, 1);
}

#[tokio::test]
async fn a_deadline_says_whether_the_command_was_sent() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig::default());
    let target = target_of(&bmc);
    power(&client, &target).await.unwrap();
    bmc.set_faults(Faults {
        hang: vec![Command::CHASSIS_CONTROL],
        ..Faults::default()
    });
    let (control, status) = (chassis_control(1), chassis_status());
    let (sent, queued) = tokio::join!(
        client.request(&target, &control, MS(150)),
        client.request(&target, &status, MS(50)),
    );
    assert!(
        matches!(sent, Err(IpmiError::Deadline { sent: true })),
        "{sent:?}"
    );
    assert!(
        matches!(queued, Err(IpmiError::Deadline { sent: false })),
        "{queued:?}"
    );
    // Neither was sent again once nobody wanted it.
    assert!(!power(&client, &target).await.unwrap());
    assert_eq!(bmc.count(Command::CHASSIS_CONTROL), 1);
    assert_eq!(bmc.count(Command::CHASSIS_STATUS), 2);
}

#[tokio::test]
async fn too_much_is_refused() {
    let rack = ironbark_bmc_sim::Rack::start(RackConfig {
        count: 2,
        ..RackConfig::default()
    })
    .await
    .unwrap();
    let (first, second) = (target_of(&rack.bmcs()[0]), target_of(&rack.bmcs()[1]));
    rack.bmcs()[0].set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    let client = Client::new(ClientConfig {
        max_queued: 2,
        max_bmcs: 1,
        ..ClientConfig::default()
    });
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (client, target) = (client.clone(), first.clone());
        tasks.push(tokio::spawn(async move {
            client.request(&target, &chassis_status(), MS(300)).await
        }));
    }
    let mut overloaded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Err(IpmiError::Overloaded { .. }) => overloaded += 1,
            Err(IpmiError::Deadline { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // One is being served at most, two wait.
    assert!((5..=6).contains(&overloaded), "{overloaded}");
    let error = ask(&client, &second, &chassis_status()).await.unwrap_err();
    assert!(matches!(error, IpmiError::Overloaded { .. }), "{error}");
}

#[tokio::test]
async fn addresses_outside_of_the_allowed_networks_never_get_a_packet() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let allowed_networks = AllowedNetworks::parse(["10.0.0.0/8"]).unwrap();
    let client = Client::new(ClientConfig {
        allowed_networks,
        ..quick()
    });
    let by_name = Target {
        host: "localhost".to_owned(),
        ..target_of(&bmc)
    };
    for target in [target_of(&bmc), by_name] {
        let error = power(&client, &target).await.unwrap_err();
        assert!(matches!(error, IpmiError::AddressDenied { .. }), "{error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(bmc.stats().packets_in, 0);
    let anywhere = Client::new(quick());
    let metadata = Target::new("169.254.169.254", "", Secret::default());
    let error = power(&anywhere, &metadata).await.unwrap_err();
    assert!(matches!(error, IpmiError::AddressDenied { .. }), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unreachable() {
    let client = Client::new(quick());
    let error = power(&client, &Target::new("bmc.invalid", "", Secret::default()))
        .await
        .unwrap_err();
    assert!(matches!(error, IpmiError::Unreachable { .. }), "{error}");
}

#[test]
fn the_client_may_be_used_from_a_runtime_without_io_or_time() {
    let io = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bare = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ((rack, bmc), client) =
        io.block_on(async { (one_bmc(RackConfig::default()).await, Client::new(quick())) });
    let on = bare.block_on(power(&client, &target_of(&bmc))).unwrap();
    assert!(!on);
    drop(rack);
}

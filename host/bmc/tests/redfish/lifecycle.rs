//! Services over time: paced, bounded, not broken by callers that leave, and only where they may be.

use ironbark_bmc::{
    AllowedNetworks,
    redfish::{Client, ClientConfig, RedfishError, Request},
};
use ironbark_bmc_sim::{
    Chance,
    redfish::{Faults, Misbehaviour, ServiceConfig},
};
use serde_json::json;

use crate::support::{MS, RESET, SYSTEM, ask, power, quick, reset, service, soon, start, target};

#[tokio::test]
async fn only_so_many_requests_are_under_way_even_for_different_users() {
    let simulator = start(ServiceConfig::default()).await;
    simulator.set_faults(Faults {
        slow: MS(50),
        ..Faults::default()
    });
    let client = Client::new(ClientConfig {
        concurrency: 2,
        read_timeout: MS(5000),
        ..quick()
    });
    // Users that differ in nothing that the service could see.
    let services = ["basic", "session", "auto"]
        .map(|kind| target(&simulator, json!({"redfish_auth_type": kind})).service);
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let (client, service) = (client.clone(), services[number % 3].clone());
            tokio::spawn(async move { power(&client, &service).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(simulator.snapshot().most_under_way, 2);
}

#[tokio::test]
async fn requests_are_paced() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        pacing: MS(250),
        ..quick()
    });
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    let request = Request::get(SYSTEM);
    let all = [(); 4].map(|()| ask(&client, &service, &request));
    let [a, b, c, d] = all;
    let _ = tokio::join!(a, b, c, d);
    let times: Vec<_> = simulator
        .requests()
        .into_iter()
        .filter(|seen| seen.path == SYSTEM)
        .map(|seen| seen.at)
        .collect();
    assert_eq!(times.len(), 5);
    for pair in times.windows(2) {
        // Much slack: what is paced is the sending, not the arrival on a busy machine.
        assert!(pair[1] - pair[0] >= MS(125), "{:?}", pair[1] - pair[0]);
    }
}

#[tokio::test]
async fn a_caller_that_leaves_breaks_nothing() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        read_timeout: MS(5000),
        ..quick()
    });
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    simulator.set_faults(Faults {
        slow: MS(200),
        ..Faults::default()
    });
    let request = reset("On");
    let caller = client.request(&service, &request, MS(10_000));
    tokio::select! {
        _ = caller => panic!("answered before it could be"),
        _ = simulator.wait_until(|now| now.systems[0].power) => {}
    }
    assert_eq!(power(&client, &service).await.unwrap(), "On");
    assert_eq!(simulator.count("POST", RESET), 1);
    assert_eq!(simulator.snapshot().sessions_opened, 1);
}

#[tokio::test]
async fn a_deadline_says_whether_the_request_was_sent() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        concurrency: 1,
        read_timeout: MS(1000),
        ..quick()
    });
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    simulator.set_faults(Faults {
        answers: Chance::Next(1),
        answer: Misbehaviour::Silence,
        only: RESET.to_owned(),
        ..Faults::default()
    });
    let (on, read) = (reset("On"), Request::get(SYSTEM));
    let (sent, queued) = tokio::join!(
        client.request(&service, &on, MS(300)),
        client.request(&service, &read, MS(100)),
    );
    assert!(
        matches!(sent, Err(RedfishError::Deadline { sent: true })),
        "{sent:?}"
    );
    assert!(
        matches!(queued, Err(RedfishError::Deadline { sent: false })),
        "{queued:?}"
    );
    // What nobody waited for any more was not sent.
    power(&client, &service).await.unwrap();
    assert_eq!(simulator.count("GET", SYSTEM), 2);
    assert_eq!(simulator.count("POST", RESET), 1);
}

#[tokio::test]
async fn too_much_is_refused() {
    let (first, second) = (
        start(ServiceConfig::default()).await,
        start(ServiceConfig::default()).await,
    );
    first.set_faults(Faults {
        answers: Chance::Always,
        answer: Misbehaviour::Silence,
        ..Faults::default()
    });
    let client = Client::new(ClientConfig {
        concurrency: 1,
        max_queued: 2,
        max_services: 1,
        ..quick()
    });
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, service) = (client.clone(), service(&first));
            tokio::spawn(async move {
                client
                    .request(&service, &Request::get(SYSTEM), MS(300))
                    .await
            })
        })
        .collect();
    let mut overloaded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Err(RedfishError::Overloaded { .. }) => overloaded += 1,
            Err(RedfishError::Deadline { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // One is being served at most, two wait.
    assert!((5..=6).contains(&overloaded), "{overloaded}");
    let error = power(&client, &service(&second)).await.unwrap_err();
    assert!(matches!(error, RedfishError::Overloaded { .. }), "{error}");
}

#[tokio::test]
async fn addresses_outside_of_the_allowed_networks_never_get_a_packet() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        allowed_networks: AllowedNetworks::parse(["10.0.0.0/8"]).unwrap(),
        ..quick()
    });
    let port = simulator.address().port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let address = json!({"redfish_address": format!("http://{host}:{port}")});
        let error = power(&client, &target(&simulator, address).service)
            .await
            .unwrap_err();
        assert!(
            matches!(error, RedfishError::AddressDenied { .. }),
            "{error}"
        );
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(simulator.snapshot().connections, 0);
    let anywhere = Client::new(quick());
    for host in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "2852039166",
    ] {
        let address = json!({"redfish_address": format!("http://{host}")});
        let error = power(&anywhere, &target(&simulator, address).service)
            .await
            .unwrap_err();
        assert!(
            matches!(error, RedfishError::AddressDenied { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nobody_at_home_is_unreachable() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let gone = service(&simulator);
    let nowhere = target(
        &simulator,
        json!({"redfish_address": "https://bmc.invalid"}),
    );
    drop(simulator);
    for service in [gone, nowhere.service] {
        let error = soon("an error", power(&client, &service))
            .await
            .unwrap_err();
        assert!(matches!(error, RedfishError::Unreachable { .. }), "{error}");
    }
}

#[tokio::test]
async fn many_services_in_one_process() {
    // All of them answer, on a busy machine too.
    let client = Client::new(ClientConfig {
        read_timeout: MS(10_000),
        ..quick()
    });
    let mut simulators = Vec::new();
    for number in 0..50 {
        let tls = number % 2 == 0;
        simulators.push(
            start(ServiceConfig {
                tls,
                power: true,
                ..ServiceConfig::default()
            })
            .await,
        );
    }
    let tasks: Vec<_> = simulators
        .iter()
        .map(|simulator| {
            let (client, service) = (client.clone(), service(simulator));
            tokio::spawn(async move { power(&client, &service).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "On");
    }
    assert_eq!(client.services_in_use(), 50);
    client.shutdown(MS(20_000)).await;
    assert_eq!(client.services_in_use(), 0);
    for simulator in &simulators {
        assert_eq!(simulator.snapshot().open_sessions, 0);
    }
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
    let (simulator, client) =
        io.block_on(async { (start(ServiceConfig::default()).await, Client::new(quick())) });
    let service = service(&simulator);
    assert_eq!(bare.block_on(power(&client, &service)).unwrap(), "Off");
}

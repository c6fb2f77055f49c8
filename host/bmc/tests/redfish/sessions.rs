//! Logging in, staying logged in, logging out.

use ironbark_bmc::redfish::{Client, ClientConfig, RedfishError};
use ironbark_bmc_sim::{
    Chance,
    redfish::{Faults, Misbehaviour, ServiceConfig},
};
use serde_json::json;

use crate::support::{MS, power, quick, reset, service, soon, start, target};

#[tokio::test]
async fn one_session_serves_many_requests_and_is_closed_when_idle() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        idle_timeout: MS(200),
        ..quick()
    });
    let service = service(&simulator);
    for _ in 0..10 {
        assert_eq!(power(&client, &service).await.unwrap(), "Off");
    }
    let now = simulator.snapshot();
    assert_eq!(now.sessions_opened, 1);
    // One connection is enough, but a request may come before the last one's is free again.
    assert!(now.connections <= 3, "{}", now.connections);
    soon(
        "the end of an idle session",
        simulator.wait_until(|now| now.sessions_closed == 1),
    )
    .await;
    let retired = async {
        while client.services_in_use() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end of an idle actor", retired).await;
    power(&client, &service).await.unwrap();
    assert_eq!(simulator.snapshot().sessions_opened, 2);
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_login() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let service = service(&simulator);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (client, service) = (client.clone(), service.clone());
            tokio::spawn(async move { power(&client, &service).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(simulator.snapshot().sessions_opened, 1);
}

#[tokio::test]
async fn an_expired_session_is_opened_anew_once_even_for_a_change() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    simulator.expire_sessions();
    let response = client
        .request(&service, &reset("On"), MS(10_000))
        .await
        .unwrap();
    assert_eq!(response.status, 204);
    let now = simulator.snapshot();
    assert_eq!((now.sessions_opened, now.systems[0].boots), (2, 1));

    // A service that never knows its own sessions is not asked again and again.
    simulator.set_faults(Faults {
        expire_sessions: Chance::Always,
        ..Faults::default()
    });
    let error = power(&client, &service).await.unwrap_err();
    assert!(matches!(error, RedfishError::AuthFailed { .. }), "{error}");
    assert_eq!(simulator.snapshot().sessions_opened, 3);
}

#[tokio::test]
async fn wrong_credentials_are_said_and_never_shown() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    for kind in ["session", "basic", "auto"] {
        let target = target(
            &simulator,
            json!({"redfish_password": "hunter2", "redfish_auth_type": kind}),
        );
        let error = power(&client, &target.service).await.unwrap_err();
        assert!(matches!(error, RedfishError::AuthFailed { .. }), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    // Each tried once: BMCs lock users out that try too often.
    assert_eq!(simulator.count("POST", "Sessions"), 2);
    assert_eq!(simulator.count("GET", "Systems"), 1);
}

#[tokio::test]
async fn basic_authentication_opens_no_session() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let target = target(&simulator, json!({"redfish_auth_type": "basic"}));
    power(&client, &target.service).await.unwrap();
    assert_eq!(simulator.snapshot().sessions_opened, 0);
    let seen = simulator.requests();
    assert!(seen.iter().all(|seen| seen.basic && !seen.token));
}

#[tokio::test]
async fn a_service_without_sessions_gets_basic_authentication_unless_sessions_are_wanted() {
    let simulator = start(ServiceConfig {
        sessions: false,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    for _ in 0..3 {
        power(&client, &service(&simulator)).await.unwrap();
    }
    // That there are no sessions was found out once.
    assert_eq!(simulator.requests().len(), 4);
    let target = target(&simulator, json!({"redfish_auth_type": "session"}));
    let error = power(&client, &target.service).await.unwrap_err();
    assert!(matches!(error, RedfishError::Protocol { .. }), "{error}");
    assert!(error.to_string().contains("redfish_auth_type"), "{error}");
}

#[tokio::test]
async fn a_service_without_a_free_session_is_busy_or_gets_basic_authentication() {
    let simulator = start(ServiceConfig {
        session_slots: 0,
        ..ServiceConfig::default()
    })
    .await;
    let client = Client::new(quick());
    assert_eq!(power(&client, &service(&simulator)).await.unwrap(), "Off");
    let target = target(&simulator, json!({"redfish_auth_type": "session"}));
    let error = power(&client, &target.service).await.unwrap_err();
    assert!(matches!(error, RedfishError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn without_a_user_nobody_logs_in() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let target = target(
        &simulator,
        json!({"redfish_username": null, "redfish_password": null}),
    );
    let error = power(&client, &target.service).await.unwrap_err();
    assert!(matches!(error, RedfishError::AuthFailed { .. }), "{error}");
    assert_eq!(simulator.requests().len(), 1);
}

#[tokio::test]
async fn shutdown_and_dropping_log_out() {
    let simulator = start(ServiceConfig::default()).await;
    let service = service(&simulator);
    let client = Client::new(quick());
    power(&client, &service).await.unwrap();
    client.shutdown(MS(10_000)).await;
    assert_eq!(simulator.snapshot().open_sessions, 0);
    let error = power(&client, &service).await.unwrap_err();
    assert!(matches!(error, RedfishError::ShuttingDown), "{error}");

    let client = Client::new(quick());
    power(&client, &service).await.unwrap();
    drop(client);
    let closed = simulator.wait_until(|now| now.sessions_closed == 2);
    soon("the end of the session", closed).await;
}

#[tokio::test]
async fn a_forgotten_service_is_logged_out_of_whoever_the_user_and_new_credentials_are_used() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    let old = service(&simulator);
    power(&client, &old).await.unwrap();
    simulator.set_password("changed");
    client.forget(&target(&simulator, json!({"redfish_username": "somebody"})).service);
    let closed = simulator.wait_until(|now| now.open_sessions == 0);
    soon("the end of the session", closed).await;
    power(&client, &service(&simulator)).await.unwrap();
    assert!(matches!(
        power(&client, &old).await,
        Err(RedfishError::AuthFailed { .. })
    ));
}

#[tokio::test]
async fn a_session_outlives_a_broken_connection() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(ClientConfig {
        attempts: 1,
        ..quick()
    });
    let service = service(&simulator);
    power(&client, &service).await.unwrap();
    simulator.set_faults(Faults {
        answers: Chance::Next(1),
        answer: Misbehaviour::Reset,
        ..Faults::default()
    });
    let error = power(&client, &service).await.unwrap_err();
    assert!(matches!(error, RedfishError::Unreachable { .. }), "{error}");
    power(&client, &service).await.unwrap();
    assert_eq!(simulator.snapshot().sessions_opened, 1);
    client.shutdown(MS(10_000)).await;
    assert_eq!(simulator.snapshot().sessions_closed, 1);
}

//! What a BMC may do to us, one thing at a time.

use std::time::{Duration, Instant};

use ironbark_bmc::redfish::{Client, ClientConfig, RedfishError, Request, Response};
use ironbark_bmc_sim::{
    Chance, PowerFault,
    redfish::{Faults, Misbehaviour, Service as Simulator, ServiceConfig},
};

use crate::support::{
    MS, RESET, SYSTEM, ask, boot_from, delete, power, quick, reset, service, soon, start,
};

/// A service that answers requests for its System so, for as often.
async fn answering(answer: Misbehaviour, answers: Chance) -> Simulator {
    let simulator = start(ServiceConfig::default()).await;
    simulator.set_faults(Faults {
        answers,
        answer,
        only: "Systems/1".to_owned(),
        ..Faults::default()
    });
    simulator
}

/// The outcome of one read from such a service.
async fn read(
    answer: Misbehaviour,
    answers: Chance,
) -> (Simulator, Result<Response, RedfishError>) {
    let simulator = answering(answer, answers).await;
    let client = Client::new(quick());
    let outcome = ask(&client, &service(&simulator), &Request::get(SYSTEM)).await;
    (simulator, outcome)
}

#[tokio::test]
async fn a_read_is_sent_again_after_what_may_pass() {
    for passing in [
        Misbehaviour::Reset,
        Misbehaviour::Silence,
        Misbehaviour::HalfABody,
        Misbehaviour::Garbage,
        Misbehaviour::Status(502),
        Misbehaviour::Status(504),
        Misbehaviour::Unavailable(None),
        Misbehaviour::Unavailable(Some(0)),
    ] {
        let (simulator, outcome) = read(passing.clone(), Chance::Next(2)).await;
        assert_eq!(outcome.unwrap().status, 200, "{passing:?}");
        assert_eq!(simulator.count("GET", SYSTEM), 3, "{passing:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_unreachable() {
    for lasting in [
        Misbehaviour::Reset,
        Misbehaviour::Silence,
        Misbehaviour::HalfABody,
        Misbehaviour::Garbage,
    ] {
        let (simulator, outcome) = read(lasting.clone(), Chance::Always).await;
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, RedfishError::Unreachable { .. }),
            "{lasting:?}: {error}"
        );
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        assert_eq!(simulator.count("GET", SYSTEM), 3, "{lasting:?}");
    }
}

#[tokio::test]
async fn a_change_is_never_sent_twice_when_its_outcome_is_unknown() {
    for fault in [
        Misbehaviour::Reset,
        Misbehaviour::Silence,
        Misbehaviour::Garbage,
        Misbehaviour::Unavailable(None),
        Misbehaviour::Status(502),
    ] {
        let simulator = answering(fault.clone(), Chance::Always).await;
        let client = Client::new(quick());
        let outcome = ask(&client, &service(&simulator), &reset("On")).await;
        match fault {
            Misbehaviour::Status(status) => assert_eq!(outcome.unwrap().status, status),
            Misbehaviour::Unavailable(_) => {
                assert!(matches!(outcome, Err(RedfishError::Busy { .. })));
            }
            _ => assert!(matches!(outcome, Err(RedfishError::Unreachable { .. }))),
        }
        assert_eq!(simulator.count("POST", RESET), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_was_done_once() {
    let simulator = start(ServiceConfig::default()).await;
    simulator.set_faults(Faults {
        lose_answers: Chance::Next(1),
        only: RESET.to_owned(),
        ..Faults::default()
    });
    let client = Client::new(quick());
    let service = service(&simulator);
    let error = ask(&client, &service, &reset("On")).await.unwrap_err();
    assert!(matches!(error, RedfishError::Unreachable { .. }), "{error}");
    assert_eq!(simulator.snapshot().systems[0].boots, 1);
    assert_eq!(power(&client, &service).await.unwrap(), "On");
}

#[tokio::test]
async fn retry_after_is_waited_for_if_there_is_time_and_told_if_there_is_not() {
    // A change too: the service says that it did nothing, and when to come back.
    let simulator = answering(Misbehaviour::Unavailable(Some(1)), Chance::Next(1)).await;
    let client = Client::new(quick());
    let began = Instant::now();
    let outcome = ask(&client, &service(&simulator), &reset("On")).await;
    assert_eq!(outcome.unwrap().status, 204);
    assert!(began.elapsed() >= Duration::from_secs(1));

    for request in [reset("On"), Request::get(SYSTEM)] {
        let simulator = answering(Misbehaviour::Unavailable(Some(120)), Chance::Always).await;
        let error = ask(&client, &service(&simulator), &request)
            .await
            .unwrap_err();
        match error {
            RedfishError::Busy { retry_after, .. } => {
                assert_eq!(retry_after, Some(Duration::from_secs(120)));
            }
            other => panic!("{other}"),
        }
        assert_eq!(simulator.count(request.method.name(), SYSTEM), 1);
    }
}

#[tokio::test]
async fn what_is_not_redfish_is_a_protocol_error() {
    for wrong in [
        Misbehaviour::Text("{\"PowerState\": \"On\"".to_owned()),
        Misbehaviour::Text("[".repeat(100_000)),
        Misbehaviour::Html,
        Misbehaviour::Compressed,
        Misbehaviour::Giant(8 * 1024 * 1024),
        Misbehaviour::AnnouncedGiant(8 * 1024 * 1024),
        Misbehaviour::AnnouncedGiant(usize::MAX >> 1),
    ] {
        let (simulator, outcome) = read(wrong.clone(), Chance::Next(1)).await;
        let error = outcome.unwrap_err();
        let shown = format!("{wrong:?}").chars().take(60).collect::<String>();
        assert!(
            matches!(error, RedfishError::Protocol { .. }),
            "{shown}: {error}"
        );
        // The next request is served as if nothing had been.
        let client = Client::new(quick());
        assert_eq!(power(&client, &service(&simulator)).await.unwrap(), "Off");
    }
}

#[tokio::test]
async fn too_many_headers_are_not_read() {
    let (_, outcome) = read(Misbehaviour::ManyHeaders(1000), Chance::Always).await;
    assert!(matches!(outcome, Err(RedfishError::Unreachable { .. })));
}

#[tokio::test]
async fn an_error_of_the_service_is_an_answer() {
    for status in [400, 403, 404, 405, 409, 500] {
        let (_, outcome) = read(Misbehaviour::Status(status), Chance::Next(1)).await;
        let response = outcome.unwrap();
        assert_eq!(response.status, status);
        assert!(response.body.unwrap()["error"]["code"].is_string());
    }
}

#[tokio::test]
async fn redirects_to_another_host_are_never_followed() {
    let other = start(ServiceConfig::default()).await;
    for url in [
        format!("{}{SYSTEM}", other.url()),
        format!("//{}{SYSTEM}", other.address()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://127.0.0.1/redfish/v1".to_owned(),
    ] {
        for request in [Request::get(SYSTEM), reset("On"), boot_from("Pxe")] {
            let simulator = answering(Misbehaviour::Redirect(url.clone()), Chance::Always).await;
            let client = Client::new(quick());
            let error = ask(&client, &service(&simulator), &request)
                .await
                .unwrap_err();
            assert!(matches!(error, RedfishError::RedirectDenied), "{error}");
        }
    }
    assert_eq!(other.snapshot().connections, 0);
}

#[tokio::test]
async fn a_redirect_on_the_service_is_followed_to_the_same_resource_only() {
    let (_, outcome) = read(
        Misbehaviour::Redirect(format!("{SYSTEM}/")),
        Chance::Next(1),
    )
    .await;
    assert_eq!(outcome.unwrap().status, 200);

    // Whoever knows what is allowed may follow to another one.
    let elsewhere = "/redfish/v1/AccountService";
    let (simulator, outcome) = read(
        Misbehaviour::Redirect(elsewhere.to_owned()),
        Chance::Next(1),
    )
    .await;
    let response = outcome.unwrap();
    assert_eq!(response.status, 307);
    assert!(
        response
            .headers
            .contains(&("location".to_owned(), elsewhere.to_owned()))
    );
    assert_eq!(simulator.count("GET", elsewhere), 0);
}

#[tokio::test]
async fn a_service_root_that_leads_elsewhere_gets_no_password() {
    for (url, logged_in) in [
        ("/redfish/v1", true),
        ("https://127.0.0.1/redfish/v1/", false),
        ("/login", false),
    ] {
        let simulator = start(ServiceConfig::default()).await;
        simulator.set_faults(Faults {
            answers: Chance::Next(1),
            answer: Misbehaviour::Redirect(url.to_owned()),
            ..Faults::default()
        });
        let client = Client::new(quick());
        let outcome = power(&client, &service(&simulator)).await;
        assert_eq!(outcome.is_ok(), logged_in, "{url}: {outcome:?}");
        let posted = simulator.count("POST", "Sessions");
        assert_eq!(posted, usize::from(logged_in), "{url}");
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let (simulator, outcome) =
        read(Misbehaviour::Redirect(format!("{SYSTEM}/")), Chance::Always).await;
    assert_eq!(outcome.unwrap().status, 307);
    assert_eq!(simulator.count("GET", SYSTEM), 2);
}

#[tokio::test]
async fn a_login_that_fails_is_no_answer() {
    for (answer, attempts) in [
        (Misbehaviour::Reset, 3),
        (Misbehaviour::Text("[]".to_owned()), 1),
        (
            Misbehaviour::Redirect("http://192.0.2.1/Sessions".to_owned()),
            1,
        ),
    ] {
        let simulator = start(ServiceConfig::default()).await;
        simulator.set_faults(Faults {
            answers: Chance::Always,
            answer,
            only: "SessionService".to_owned(),
            ..Faults::default()
        });
        let client = Client::new(quick());
        let outcome = power(&client, &service(&simulator)).await;
        assert!(
            matches!(
                outcome,
                Err(RedfishError::Unreachable { .. } | RedfishError::Protocol { .. })
            ),
            "{outcome:?}"
        );
        assert_eq!(simulator.count("POST", "Sessions"), attempts);
        assert_eq!(simulator.count("GET", SYSTEM), 0);
    }
}

#[tokio::test]
async fn a_slow_service_is_waited_for() {
    let simulator = start(ServiceConfig::default()).await;
    simulator.set_faults(Faults {
        slow: MS(400),
        ..Faults::default()
    });
    let client = Client::new(ClientConfig {
        read_timeout: MS(5000),
        ..quick()
    });
    power(&client, &service(&simulator)).await.unwrap();
    assert_eq!(simulator.count("GET", SYSTEM), 1);
}

#[tokio::test]
async fn a_command_ends_at_its_limit_whatever_is_waited_for() {
    let simulator = answering(Misbehaviour::Silence, Chance::Always).await;
    let client = Client::new(ClientConfig {
        command_limit: MS(500),
        read_timeout: Duration::from_secs(60),
        ..ClientConfig::default()
    });
    let began = Instant::now();
    let error = power(&client, &service(&simulator)).await.unwrap_err();
    assert!(matches!(error, RedfishError::Unreachable { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn power_takes_its_time() {
    let simulator = start(ServiceConfig::default()).await;
    simulator.set_faults(Faults {
        power: PowerFault::Slow(MS(150)),
        ..Faults::default()
    });
    let client = Client::new(quick());
    let service = service(&simulator);
    ask(&client, &service, &reset("On")).await.unwrap();
    assert_eq!(power(&client, &service).await.unwrap(), "PoweringOn");
    let on = simulator.wait_until(|now| now.systems[0].power);
    soon("power", on).await;
    assert_eq!(power(&client, &service).await.unwrap(), "On");
    let response = ask(&client, &service, &reset("On")).await.unwrap();
    assert_eq!(response.status, 409);
}

#[tokio::test]
async fn paths_with_tricks_are_not_sent() {
    let simulator = start(ServiceConfig::default()).await;
    let client = Client::new(quick());
    for path in [
        "/redfish/v1/Systems/../AccountService",
        "/redfish/v1/Systems/%2e%2e/AccountService",
        "//other/redfish/v1",
        "http://other/redfish/v1",
        "/redfish/v1/Systems/1\r\nHost: other",
        "",
    ] {
        for request in [Request::get(path), delete(path)] {
            let error = ask(&client, &service(&simulator), &request)
                .await
                .unwrap_err();
            assert!(
                matches!(error, RedfishError::InvalidRequest { .. }),
                "{error}"
            );
        }
    }
    assert_eq!(simulator.snapshot().connections, 0);
}

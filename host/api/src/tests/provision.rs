//! `PUT …/states/provision` and `…/states/power`: which of several things that are wrong is told.

use ironbark_model::{PowerTarget, ProvisionState, Verb};
use ironbark_rpc::Request;
use serde_json::{Value, json};

use super::harness::{Answer, LATEST, Site};

async fn provision(site: &Site, node: &str, body: Value) -> Answer {
    let path = format!("/v1/nodes/{node}/states/provision");
    site.send("PUT", &path, LATEST, Some(body)).await
}

async fn node_in(site: &Site, state: ProvisionState) -> String {
    site.node(|node| node.provision_state = state).await.uuid
}

#[tokio::test]
async fn a_verb_is_passed_on_with_what_goes_with_it() {
    let site = Site::new().await;
    let node = site
        .node(|node| {
            node.name = Some("one".to_owned());
            node.provision_state = ProvisionState::Available;
        })
        .await;
    let body = json!({
        "target": "active",
        "configdrive": {"meta_data": {}},
        "deploy_steps": [{"interface": "deploy", "step": "x", "args": {}, "priority": "5"}],
    });
    let answer = provision(&site, "one", body).await.expect(202);
    assert!(answer.text.is_empty() && answer.header("content-type").is_none());
    assert_eq!(
        answer.header("location"),
        Some("http://127.0.0.1:6385/v1/nodes/one/states")
    );
    let Request::Provision {
        node: asked,
        verb,
        args,
    } = site.conductor.last()
    else {
        panic!("another request");
    };
    assert_eq!((asked, verb), (node.uuid, Verb::Deploy));
    assert_eq!(args.configdrive, Some(json!({"meta_data": {}})));
    assert_eq!(args.deploy_steps.unwrap()[0]["priority"], 5);
    // Arguments may stand in the query.
    let manage = "/v1/nodes/one/states/provision?target=manage";
    site.send("PUT", manage, LATEST, None).await.expect(202);
}

#[tokio::test]
async fn every_verb_is_allowed_where_the_state_machine_allows_it() {
    let site = Site::new().await;
    for state in ProvisionState::ALL {
        let uuid = node_in(&site, *state).await;
        for verb in Verb::ALL {
            let mut body = json!({"target": verb.as_str()});
            match verb {
                Verb::Clean => body["clean_steps"] = json!([{"interface": "deploy", "step": "x"}]),
                Verb::Service => {
                    body["service_steps"] = json!([{"interface": "deploy", "step": "x"}])
                }
                Verb::Rescue => body["rescue_password"] = json!("secret"),
                _ => {}
            }
            let status = if state.next(verb.event()).is_some() {
                202
            } else {
                400
            };
            let answer = provision(&site, &uuid, body).await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{verb} in {state}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_verb_on_a_busy_node_is_a_conflict() {
    let site = Site::new().await;
    let idle = node_in(&site, ProvisionState::Enroll).await;
    let refused = provision(&site, &idle, json!({"target": "active"}))
        .await
        .expect(400);
    assert!(refused.fault().contains("enroll"));
    let busy = node_in(&site, ProvisionState::Enroll).await;
    site.db.node_reserve(&busy, "peer-1").await.unwrap();
    let refused = provision(&site, &busy, json!({"target": "active"}))
        .await
        .expect(409);
    assert!(refused.fault().contains("is locked by host peer-1"));
    // A right verb goes to the conductor, which waits for the node and then says so.
    provision(&site, &busy, json!({"target": "manage"}))
        .await
        .expect(202);
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_told() {
    let site = Site::new().await;
    let available = node_in(&site, ProvisionState::Available).await;
    let manageable = node_in(&site, ProvisionState::Manageable).await;
    let active = node_in(&site, ProvisionState::Active).await;
    let maintained = site.node(|node| node.maintenance = true).await.uuid;
    let step = json!([{"interface": "deploy", "step": "x"}]);
    for (node, body, says) in [
        (&available, json!({}), "target"),
        (&available, json!({"target": 7}), "target"),
        (&available, json!({"target": "bogus"}), "bogus"),
        (&maintained, json!({"target": "active"}), "maintenance"),
        (&maintained, json!({"target": "rebuild"}), "maintenance"),
        (
            &available,
            json!({"target": "active", "configdrive": "not base64!"}),
            "config drive",
        ),
        (
            &available,
            json!({"target": "active", "configdrive": "http://a/ b"}),
            "config drive",
        ),
        (
            &available,
            json!({"target": "active", "configdrive": format!("http://{}", "a".repeat(9000))}),
            "config drive",
        ),
        (
            &available,
            json!({"target": "deploy", "configdrive": "H4sI"}),
            "config drive",
        ),
        (
            &available,
            json!({"target": "deploy", "deploy_steps": [{"interface": "deploy", "step": "x"}]}),
            "deploy_steps",
        ),
        (
            &available,
            json!({"target": "active", "deploy_steps": step}),
            "args",
        ),
        (
            &available,
            json!({"target": "active", "deploy_steps": [{"step": "x"}]}),
            "interface",
        ),
        (
            &available,
            json!({"target": "manage", "disable_ramdisk": true}),
            "disable_ramdisk",
        ),
        (
            &manageable,
            json!({"target": "provide", "clean_steps": step}),
            "clean_steps",
        ),
        (&manageable, json!({"target": "clean"}), "clean_steps"),
        (
            &manageable,
            json!({"target": "clean", "clean_steps": []}),
            "clean_steps",
        ),
        (
            &manageable,
            json!({"target": "clean", "clean_steps": [{"interface": "vendor", "step": "send_raw"}]}),
            "send_raw",
        ),
        (
            &manageable,
            json!({"target": "clean", "clean_steps": step, "rescue_password": "x"}),
            "rescue_password",
        ),
        (&active, json!({"target": "rescue"}), "rescue_password"),
        (
            &active,
            json!({"target": "rescue", "rescue_password": "  "}),
            "rescue_password",
        ),
        (&active, json!({"target": "service"}), "service_steps"),
        // The state comes before what goes with the verb.
        (&available, json!({"target": "clean"}), "available"),
        (
            &manageable,
            json!({"target": "active", "configdrive": "not base64!"}),
            "manageable",
        ),
    ] {
        let fault = provision(&site, node, body.clone())
            .await
            .expect(400)
            .fault();
        assert!(fault.contains(says), "{body}: {fault}");
    }
    assert_eq!(site.conductor.count(), 0);
}

#[tokio::test]
async fn verbs_that_came_later_are_checked_after_the_state() {
    let site = Site::new().await;
    let active = node_in(&site, ProvisionState::Active).await;
    let enroll = node_in(&site, ProvisionState::Enroll).await;
    let inspect_wait = node_in(&site, ProvisionState::InspectWait).await;
    let call_back = node_in(&site, ProvisionState::WaitCallBack).await;
    let put = async |node: &str, minor: u16, target: &str| {
        let path = format!("/v1/nodes/{node}/states/provision");
        site.send("PUT", &path, Some(minor), Some(json!({"target": target})))
            .await
    };
    put(&active, 86, "service").await.expect(406);
    put(&enroll, 86, "service").await.expect(400);
    put(&enroll, 84, "unhold").await.expect(400);
    put(&inspect_wait, 40, "abort").await.expect(406);
    put(&inspect_wait, 41, "abort").await.expect(202);
    put(&call_back, 109, "abort").await.expect(406);
    put(&call_back, 110, "abort").await.expect(202);
}

#[tokio::test]
async fn power_is_changed() {
    let site = Site::new().await;
    let node = node_in(&site, ProvisionState::Enroll).await;
    let cleaning = node_in(&site, ProvisionState::CleanWait).await;
    let put = async |node: &str, body: Value| {
        let path = format!("/v1/nodes/{node}/states/power");
        site.send("PUT", &path, LATEST, Some(body)).await
    };
    for target in PowerTarget::ALL {
        let answer = put(&node, json!({"target": target.as_str(), "timeout": 9}))
            .await
            .expect(202);
        assert_eq!(
            answer.header("location"),
            Some(format!("http://127.0.0.1:6385/v1/nodes/{node}/states").as_str())
        );
        assert!(
            matches!(site.conductor.last(), Request::ChangePowerState { target: asked, timeout: Some(9), .. } if asked == *target)
        );
    }
    for body in [
        json!({}),
        json!({"target": "on"}),
        json!({"target": "power on", "timeout": 0}),
        json!({"target": "power on", "timeout": "x"}),
    ] {
        put(&node, body).await.expect(400);
    }
    put(&cleaning, json!({"target": "power on"}))
        .await
        .expect(400);
    put("nonesuch", json!({"target": "power on"}))
        .await
        .expect(404);
}

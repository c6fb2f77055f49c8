//! What can be asked of a node's state: before the version that brought it, and at it.

use ironbark_model::{PowerTarget, ProvisionState as S, Verb};
use serde_json::{Value, json};

use super::gates_rules::{hold, send};
use super::harness::{LATEST, Site};
use crate::gates::{provision, standalone};

/// What a verb may bring along, in a state in which it is taken.
#[tokio::test]
async fn arguments_of_verbs() {
    let site = Site::new().await;
    let ranked_step = json!([{"interface": "deploy", "step": "x", "args": {}, "priority": 1}]);
    let plain_step = json!([{"interface": "deploy", "step": "x"}]);
    let deploy = |drive: Value| json!({"target": "active", "configdrive": drive});
    let rows = [
        (
            S::Available,
            provision::CONFIGDRIVE_OBJECT_SINCE,
            deploy(json!({"meta_data": {}})),
            400,
        ),
        (
            S::Available,
            provision::VENDOR_DATA_SINCE,
            deploy(json!({"vendor_data": {}})),
            400,
        ),
        (
            S::Available,
            provision::DEPLOY_STEPS_SINCE,
            json!({"target": "active", "deploy_steps": ranked_step}),
            406,
        ),
        (
            S::Active,
            provision::REBUILD_CONFIGDRIVE_SINCE,
            json!({"target": "rebuild", "configdrive": "H4sI"}),
            400,
        ),
        (
            S::Manageable,
            provision::CLEAN_WITHOUT_RAMDISK_SINCE,
            json!({"target": "clean", "clean_steps": plain_step, "disable_ramdisk": true}),
            406,
        ),
        (
            S::Active,
            provision::SERVICE_WITHOUT_RAMDISK_SINCE,
            json!({"target": "service", "service_steps": plain_step, "disable_ramdisk": true}),
            406,
        ),
    ];
    for (state, since, body, below) in rows {
        let node = site.node(|node| node.provision_state = state).await;
        let path = format!("/v1/nodes/{}/states/provision", node.uuid);
        hold(&site, vec![send(since, "PUT", &path, body, below, 202)]).await;
    }
    // For who doesn't know its traits, the name is the one.
    let runbook =
        json!({"name": "CUSTOM_A", "steps": [{"interface": "deploy", "step": "x", "order": 1}]});
    let made = site
        .send(
            "POST",
            "/v1/runbooks",
            Some(standalone::RUNBOOK_TRAITS_SINCE - 1),
            Some(runbook),
        )
        .await;
    made.expect(201);
    let node = site
        .node(|node| {
            node.provision_state = S::Manageable;
            node.traits = vec!["CUSTOM_A".to_owned()];
        })
        .await;
    let put_traits = json!({"traits": ["CUSTOM_A"]});
    let path = format!("/v1/nodes/{}", node.uuid);
    site.send("PUT", &format!("{path}/traits"), LATEST, Some(put_traits))
        .await
        .expect(204);
    let provision = format!("{path}/states/provision");
    let by_book = json!({"target": "clean", "runbook": "CUSTOM_A"});
    hold(
        &site,
        vec![send(
            provision::RUNBOOK_SINCE,
            "PUT",
            &provision,
            by_book,
            406,
            202,
        )],
    )
    .await;
}

/// Every verb in every state in which it is taken: what it needs, and 400 where it isn't taken, whatever the version.
#[tokio::test]
async fn verbs_in_every_state() {
    let site = Site::new().await;
    let arguments = |verb: Verb| match verb {
        Verb::Clean => json!({"clean_steps": [{"interface": "deploy", "step": "x"}]}),
        Verb::Service => json!({"service_steps": [{"interface": "deploy", "step": "x"}]}),
        Verb::Rescue => json!({"rescue_password": "secret"}),
        _ => json!({}),
    };
    let mut taken = 0;
    for state in S::ALL {
        let node = site.node(|node| node.provision_state = *state).await;
        let path = format!("/v1/nodes/{}/states/provision", node.uuid);
        for verb in Verb::ALL {
            let mut body = arguments(*verb);
            body["target"] = json!(verb.as_str());
            if state.next(verb.event()).is_none() {
                let refused = site.send("PUT", &path, LATEST, Some(body)).await;
                assert_eq!(refused.status.as_u16(), 400, "{verb} in {state}");
                continue;
            }
            taken += 1;
            let since = provision::verb_in_state_since(*verb, *state);
            if since > 1 {
                hold(&site, vec![send(since, "PUT", &path, body, 406, 202)]).await;
            } else {
                let answer = site.send("PUT", &path, Some(1), Some(body)).await;
                assert_eq!(
                    answer.status.as_u16(),
                    202,
                    "{verb} in {state}: {}",
                    answer.text
                );
            }
        }
    }
    assert!(taken > 40, "{taken}");
    assert_eq!(
        provision::verb_in_state_since(Verb::Abort, S::InspectWait),
        41
    );
    assert_eq!(
        provision::verb_in_state_since(Verb::Abort, S::WaitCallBack),
        110
    );
}

#[tokio::test]
async fn power_targets() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/states/power", node.uuid);
    for target in PowerTarget::ALL {
        let since = target.since();
        let body = json!({"target": target.as_str()});
        if since > 1 {
            hold(&site, vec![send(since, "PUT", &path, body, 406, 202)]).await;
        } else {
            site.send("PUT", &path, Some(1), Some(body))
                .await
                .expect(202);
        }
    }
    let timed = json!({"target": "power on", "timeout": 5});
    hold(
        &site,
        vec![send(
            provision::SOFT_POWER_SINCE,
            "PUT",
            &path,
            timed,
            406,
            202,
        )],
    )
    .await;
}

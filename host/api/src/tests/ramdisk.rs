//! Agents that look their node up and say that they are alive (facts §2.12).

use axum::body::Body;
use ironbark_model::{Error, Node, Port, ProvisionState as S, Secret};
use ironbark_rpc::{Carried, RamdiskRequest, Reply, Request};
use serde_json::{Value, json};

use super::harness::{HOST, LATEST, Site};
use crate::gates::ramdisk as gate;
use crate::{ApiConfig, Auth, Htpasswd, Limits};

const TOKEN: &str = "0123456789012345678901234567890123456789012";
const URL: &str = "https://192.0.2.7:9999";

/// A node in this state, with ports of these addresses.
async fn node(site: &Site, state: S, addresses: &[&str]) -> Node {
    let node = site
        .node(|node| {
            node.provision_state = state;
            node.instance_info = json!({"configdrive": "H4sI", "root_gb": 10})
                .as_object()
                .unwrap()
                .clone();
        })
        .await;
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    for address in addresses {
        tx.port_create(&Port {
            uuid: ironbark_model::ident::new_uuid(),
            node_uuid: node.uuid.clone(),
            address: (*address).to_owned(),
            ..Port::default()
        })
        .await
        .unwrap();
    }
    tx.commit_and_release().await.unwrap();
    node
}

fn minted() -> ironbark_model::Result<Reply> {
    let token = Carried::from(&Secret::new(TOKEN));
    Ok(Reply::AgentToken(Some(token)))
}

#[tokio::test]
async fn an_agent_finds_its_node_by_addresses_or_uuid_and_gets_its_token_once() {
    let site = Site::new().await;
    let node = node(
        &site,
        S::WaitCallBack,
        &["52:54:00:aa:00:01", "52:54:00:aa:00:02"],
    )
    .await;
    for query in [
        "addresses=52:54:00:AA:00:01".to_owned(),
        "addresses=52:54:00:aa:00:02,no-address,52:54:00:aa:00:01,52:54:00:ff:00:00".to_owned(),
        format!("node_uuid={}", node.uuid),
        format!("addresses=52:54:00:ff:00:00&node_uuid={}", node.uuid),
    ] {
        site.conductor.next(minted());
        let answer = site
            .get(&format!("/v1/lookup?{query}"), LATEST)
            .await
            .expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let found = answer.json();
        let shown: Vec<&String> = found["node"].as_object().unwrap().keys().collect();
        assert_eq!(
            shown,
            [
                "driver_internal_info",
                "instance_info",
                "links",
                "properties",
                "uuid"
            ]
        );
        assert_eq!(found["node"]["uuid"], node.uuid.as_str());
        assert_eq!(found["node"]["instance_info"]["configdrive"], "******");
        assert_eq!(
            found["node"]["driver_internal_info"]["agent_secret_token"],
            "******"
        );
        assert_eq!(found["config"]["agent_token"], TOKEN);
        assert_eq!(found["config"]["agent_token_required"], true);
        assert_eq!(found["config"]["heartbeat_timeout"], 300);
        let containers = &found["config"]["agent_containers"];
        assert_eq!(containers["allow_arbitrary_containers"], false);
        assert_eq!(containers["allowed_containers"], json!([]));
        assert_eq!(containers["runner"], "podman");
        assert_eq!(containers["pull_options"], json!([]));
        assert_eq!(containers["run_options"], json!(["--rm", "--network=host"]));
        assert!(containers["container_steps_file"].is_string());
        assert_eq!(found["config"]["enable_bios_bootloader_install"], false);
        assert_eq!(found["config"]["tls_min_version"], "1.3");
        assert!(found["config"].get("tls_cipher_suites").unwrap().is_null());
        site.conductor.next(Ok(Reply::AgentToken(None)));
        let again = site.get(&format!("/v1/lookup?{query}"), LATEST).await;
        assert_eq!(again.expect(200).json()["config"]["agent_token"], "******");
    }
}

#[tokio::test]
async fn old_agents_get_no_token_and_see_none() {
    let site = Site::new().await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    let path = format!("/v1/lookup?node_uuid={}", node.uuid);
    for minor in [gate::LOOKUP_TOKEN_SINCE - 1, 22] {
        let answer = site.get(&path, Some(minor)).await.expect(200);
        assert_eq!(answer.json()["config"]["agent_token"], Value::Null);
    }
    assert_eq!(site.conductor.count(), 0, "nobody was asked for a token");
    let reservation = site.db.node_reserve(&node.uuid, HOST).await.unwrap();
    let mut held = site.db.reserved(&reservation).await.unwrap();
    let mut with_token = held.node().await.unwrap();
    with_token
        .driver_internal_info
        .insert("agent_secret_token".to_owned(), Value::from(TOKEN));
    held.save_node(&with_token).await.unwrap();
    held.commit_and_release().await.unwrap();
    for minor in [gate::LOOKUP_TOKEN_SINCE - 1, 22] {
        let answer = site.get(&path, Some(minor)).await.expect(200);
        assert_eq!(answer.json()["config"]["agent_token"], "******");
        assert!(!answer.text.contains(TOKEN));
    }
}

#[tokio::test]
async fn who_is_not_expected_learns_nothing() {
    let site = Site::new().await;
    for state in S::ALL {
        let node = node(&site, *state, &[]).await;
        site.conductor.next(minted());
        let answer = site
            .get(&format!("/v1/lookup?node_uuid={}", node.uuid), LATEST)
            .await;
        let expected = if state.allows_lookup() { 200 } else { 404 };
        assert_eq!(answer.status.as_u16(), expected, "{state}");
    }
    node(&site, S::WaitCallBack, &["52:54:00:aa:00:01"]).await;
    node(&site, S::WaitCallBack, &["52:54:00:aa:00:02"]).await;
    let active = node(&site, S::Active, &["52:54:00:aa:00:03"]).await;
    let mut faults = Vec::new();
    for query in [
        // Of two nodes.
        "addresses=52:54:00:aa:00:01,52:54:00:aa:00:02",
        // Of none.
        "addresses=52:54:00:aa:00:09",
        // Of one that is active.
        "addresses=52:54:00:aa:00:03",
        &format!("node_uuid={}", active.uuid),
        "node_uuid=1be26c0b-03f2-4d2e-ae87-c02d7f33c999",
    ] {
        let answer = site.get(&format!("/v1/lookup?{query}"), LATEST).await;
        faults.push(answer.expect(404).fault());
    }
    faults.dedup();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[tokio::test]
async fn a_lookup_says_who_it_is_for() {
    let site = Site::new().await;
    let many = vec!["52:54:00:aa:00:01"; 300];
    let distinct: Vec<String> = (0..300)
        .map(|at| format!("52:54:00:aa:{:02x}:{:02x}", at / 256, at % 256))
        .collect();
    for query in [
        "",
        "addresses=",
        "addresses=a,b",
        "node_uuid=rack-1",
        "addresses=52:54:00:aa:00:01&bogus=1",
        &format!("addresses={}", distinct.join(",")),
    ] {
        site.get(&format!("/v1/lookup?{query}"), LATEST)
            .await
            .expect(400);
    }
    // The same one many times is one.
    site.get(&format!("/v1/lookup?addresses={}", many.join(",")), LATEST)
        .await
        .expect(404);
    assert_eq!(site.conductor.count(), 0);
}

#[tokio::test]
async fn a_node_that_is_held_is_told_as_such() {
    let site = Site::new().await;
    let node = node(&site, S::Deploying, &[]).await;
    site.conductor
        .next(Err(Error::node_locked(&node.uuid, HOST)));
    let answer = site
        .get(&format!("/v1/lookup?node_uuid={}", node.uuid), LATEST)
        .await;
    assert!(answer.expect(409).fault().contains("locked"));
}

fn beat() -> Value {
    json!({
        "callback_url": URL, "agent_token": TOKEN, "agent_version": "13.0.0",
        "agent_verify_ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "agent_status": "start", "agent_status_message": "begins",
    })
}

#[tokio::test]
async fn a_heartbeat_goes_to_the_conductor_as_it_came() {
    let site = Site::new().await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    let path = format!("/v1/heartbeat/{}", node.uuid);
    let answer = site.send("POST", &path, LATEST, Some(beat())).await;
    assert_eq!(answer.expect(202).text, "");
    let Request::Ramdisk { node: to, request } = site.conductor.last() else {
        panic!("something else was asked");
    };
    assert_eq!(to, node.uuid);
    assert!(!format!("{request:?}").contains(TOKEN), "{request:?}");
    let RamdiskRequest::Heartbeat(heard) = request else {
        panic!("no heartbeat");
    };
    assert_eq!(heard.callback_url, URL);
    assert_eq!(heard.agent_token.unwrap().into_secret().expose(), TOKEN);
    assert_eq!(heard.agent_version.as_deref(), Some("13.0.0"));
    assert_eq!(heard.agent_status.as_deref(), Some("start"));
    site.send("GET", &path, LATEST, None).await.expect(405);
    let nobody = "/v1/heartbeat/1be26c0b-03f2-4d2e-ae87-c02d7f33c999";
    site.send("POST", nobody, LATEST, Some(beat()))
        .await
        .expect(404);
}

#[tokio::test]
async fn what_a_heartbeat_may_say_grew_with_the_versions() {
    let site = Site::new().await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    let path = format!("/v1/heartbeat/{}", node.uuid);
    for row in gate::HEARTBEAT {
        let mut body = json!({"callback_url": URL});
        body[row.name] = beat()[row.name].clone();
        let before = site
            .send("POST", &path, Some(row.since - 1), Some(body.clone()))
            .await;
        // The whole resource came with the first of them.
        before.expect(if row.since == 22 { 404 } else { 400 });
        site.send("POST", &path, Some(row.since), Some(body))
            .await
            .expect(202);
    }
}

#[tokio::test]
async fn malformed_heartbeats_reach_nobody() {
    let site = Site::new().await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    let path = format!("/v1/heartbeat/{}", node.uuid);
    for (name, value) in [
        ("callback_url", Value::Null),
        ("callback_url", json!(7)),
        ("callback_url", json!("192.0.2.7:9999")),
        ("callback_url", json!("https://user:hush@192.0.2.7")),
        (
            "callback_url",
            json!(format!("https://{}", "a".repeat(2000))),
        ),
        ("agent_token", json!("x".repeat(300))),
        ("agent_version", json!({})),
        ("agent_verify_ca", json!("no certificate")),
        ("bogus", json!(1)),
    ] {
        let mut body = beat();
        body[name] = value;
        let answer = site.send("POST", &path, LATEST, Some(body)).await;
        assert_eq!(answer.status.as_u16(), 400, "{name}: {}", answer.text);
        assert!(!answer.text.contains("hush"));
    }
    let large = json!({"callback_url": URL, "agent_verify_ca": "x".repeat(200 * 1024)});
    site.send("POST", &path, LATEST, Some(large))
        .await
        .expect(413);
    assert_eq!(site.conductor.count(), 0);
}

#[tokio::test]
async fn ramdisks_need_no_password_and_can_be_kept_out() {
    let users = tempfile::NamedTempFile::new().unwrap();
    let hash = bcrypt::hash("secret", 4).unwrap();
    std::fs::write(users.path(), format!("ada:{hash}\n")).unwrap();
    let site = Site::with(ApiConfig {
        auth: Auth::HttpBasic(Htpasswd::read(users.path()).unwrap()),
        ..ApiConfig::default()
    })
    .await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    site.get("/v1/nodes", LATEST).await.expect(401);
    site.conductor.next(minted());
    let lookup = format!("/v1/lookup?node_uuid={}", node.uuid);
    site.get(&lookup, LATEST).await.expect(200);
    let heartbeat = format!("/v1/heartbeat/{}", node.uuid);
    site.send("POST", &heartbeat, LATEST, Some(beat()))
        .await
        .expect(202);

    let closed = Site::with(ApiConfig {
        ramdisk_endpoints: false,
        ..ApiConfig::default()
    })
    .await;
    for (method, path) in [
        ("GET", lookup.as_str()),
        ("POST", &heartbeat),
        ("POST", "/v1/continue_inspection"),
    ] {
        closed
            .send(method, path, LATEST, Some(beat()))
            .await
            .expect(403);
    }
    assert_eq!(closed.conductor.count(), 0);
}

#[tokio::test]
async fn ramdisks_have_room_of_their_own() {
    let site = Site::with(ApiConfig {
        limits: Limits {
            ramdisks: 0,
            ..Limits::default()
        },
        ..ApiConfig::default()
    })
    .await;
    let node = node(&site, S::WaitCallBack, &[]).await;
    let lookup = format!("/v1/lookup?node_uuid={}", node.uuid);
    let refused = site.get(&lookup, LATEST).await.expect(503);
    assert!(refused.fault().contains("try again"), "{}", refused.text);
    site.get("/v1/nodes", LATEST).await.expect(200);

    let small = Site::with(ApiConfig {
        limits: Limits {
            ramdisk_memory: 8 * 1024,
            ..Limits::default()
        },
        ..ApiConfig::default()
    })
    .await;
    let path = format!("/v1/heartbeat/{}", node.uuid);
    let large = json!({"callback_url": URL, "agent_status_message": "x".repeat(12 * 1024)});
    small
        .send("POST", &path, LATEST, Some(large))
        .await
        .expect(503);
    let body = Body::from(
        json!({"driver": "fake-hardware", "extra": {"a": "x".repeat(12 * 1024)}}).to_string(),
    );
    small.raw("POST", "/v1/nodes", &[], body).await.expect(201);
}

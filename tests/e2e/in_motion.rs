//! What a node that is on its way, or held by somebody, refuses to have changed: itself, its ports, and what is below it. Each row
//! has the status that Ironic answers (moving a port is an error of its server there, and has our own rule); what is refused has
//! changed nothing.

use std::time::Duration;

use ironbark_bmc_sim::{Command, Faults};
use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use serde_json::{Value, json};

fn set(name: &str, value: Value) -> Value {
    json!([{"op": "add", "path": format!("/{name}"), "value": value}])
}

/// A node of the fake driver, still in `enroll`; its UUID.
async fn node(client: &Client, name: &str) -> String {
    let body = json!({"name": name, "driver": "fake-hardware", "automated_clean": false});
    let node = client.create_node(&body).await;
    node["uuid"].as_str().unwrap().to_owned()
}

/// A port of the node; its path.
async fn port(client: &Client, node: &str, address: &str) -> String {
    let body = json!({"node_uuid": node, "address": address});
    let made = client.post("/v1/ports", &body).await.expect(201);
    format!("/v1/ports/{}", made["uuid"].as_str().unwrap())
}

/// The patch is answered so; if it is refused, nothing is other than before.
async fn patched(client: &Client, path: &str, patch: &Value, status: u16, what: &str) {
    let before = client.get(path).await.expect(200);
    let answer = client.patch(path, patch).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    if status != 200 {
        let fault = answer.refused(status);
        assert!(!fault.is_empty(), "{what}");
        assert_eq!(client.get(path).await.expect(200), before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_its_way_is_changed_by_nobody_else() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one").await;
    let other = node(client, "two").await;
    let nic = port(client, &uuid, "52:54:00:00:00:01").await;
    let guest = port(client, &other, "52:54:00:00:00:02").await;
    client.provision("one", "manage", "manageable").await;
    client.provision("two", "manage", "manageable").await;
    let step = |step: &str| json!([{"interface": "deploy", "step": step, "args": {}}]);
    let deploy = |step: &str| {
        json!({"target": "active", "deploy_steps":
            [{"interface": "deploy", "step": step, "args": {}, "priority": 50}]})
    };
    let clean = |name: &str| json!({"target": "clean", "clean_steps": step(name)});
    let path = format!("/v1/nodes/{uuid}");
    for (body, state, back) in [
        (clean("wait"), "clean wait", "manage"),
        (clean("hold"), "clean hold", "manage"),
        (deploy("wait"), "wait call-back", "undeploy"),
        (deploy("hold"), "deploy hold", "undeploy"),
    ] {
        if body["target"] == "active" {
            client.provision("one", "provide", "available").await;
        }
        client.provision_with("one", &body, state).await;
        for (name, value) in [
            ("extra", json!({"a": 1})),
            ("name", json!("renamed")),
            ("description", json!("d")),
            ("power_interface", json!("fake")),
            ("maintenance", json!(true)),
        ] {
            let what = format!("{name} of a node in {state}");
            patched(client, &path, &set(name, value), 409, &what).await;
        }
        let refused = client.delete(&path).await;
        assert_eq!(refused.status, 409, "{state}: {}", refused.text);
        // What says how the port is reached stays; what only describes it doesn't matter to anybody.
        for (port, name, value, status) in [
            (&nic, "node_uuid", json!(other), 409),
            (&guest, "node_uuid", json!(uuid), 409),
            (&nic, "pxe_enabled", json!(false), 409),
            (&nic, "is_smartnic", json!(true), 200),
            (&nic, "is_smartnic", json!(false), 200),
            (&nic, "extra", json!({"at": state}), 200),
        ] {
            let what = format!("{name} of a port while the node is in {state}");
            patched(client, port, &set(name, value), status, &what).await;
        }
        let aborted = if body["target"] == "active" {
            "deploy failed"
        } else {
            "clean failed"
        };
        client
            .verb("one", &json!({"target": "abort"}))
            .await
            .expect(202);
        client
            .wait_for_node("one", "to be aborted", |node| {
                node["provision_state"] == aborted && node["reservation"].is_null()
            })
            .await;
        let rest = if back == "manage" {
            "manageable"
        } else {
            "available"
        };
        client.provision("one", back, rest).await;
        if rest == "available" {
            client.provision("one", "manage", "manageable").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_moves_between_nodes_that_are_at_rest() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one").await;
    let other = node(client, "two").await;
    let nic = port(client, &uuid, "52:54:00:00:00:01").await;
    patched(
        client,
        &nic,
        &set("node_uuid", json!("nobody")),
        400,
        "to nobody",
    )
    .await;
    patched(client, &nic, &set("node_uuid", json!(other)), 200, "enroll").await;
    patched(
        client,
        &nic,
        &set("node_uuid", json!(uuid)),
        200,
        "and back",
    )
    .await;
    for (verb, state, status) in [
        ("manage", "manageable", 200),
        ("provide", "available", 409),
        ("active", "active", 409),
    ] {
        client.provision("one", verb, state).await;
        patched(client, &nic, &set("node_uuid", json!(other)), status, state).await;
        if status == 200 {
            patched(client, &nic, &set("node_uuid", json!(uuid)), 200, state).await;
        }
    }
    // To a node that is in use neither.
    let second = port(client, &other, "52:54:00:00:00:02").await;
    patched(
        client,
        &second,
        &set("node_uuid", json!(uuid)),
        409,
        "into use",
    )
    .await;
    client
        .put("/v1/nodes/one/maintenance", &json!({}))
        .await
        .expect(202);
    patched(
        client,
        &nic,
        &set("node_uuid", json!(other)),
        200,
        "in maintenance",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smart_nic_says_where_its_cable_ends_or_nothing() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one").await;
    let mut made = 0;
    for (link, status) in [
        (
            json!({"port_id": "e1", "switch_id": "0a:1b:2c:3d:4e:5f"}),
            400,
        ),
        (json!({"network_type": "unmanaged"}), 400),
        (json!({"port_id": "e1", "hostname": "h"}), 201),
        (json!({}), 201),
    ] {
        let body = json!({"node_uuid": uuid, "address": format!("52:54:00:00:00:0{made}"), "is_smartnic": true,
            "local_link_connection": link});
        let answer = client.post("/v1/ports", &body).await;
        assert_eq!(answer.status, status, "{link}: {}", answer.text);
        made += usize::from(status == 201);
    }
    let ports = client.get("/v1/nodes/one/ports").await.expect(200);
    assert_eq!(ports["ports"].as_array().unwrap().len(), made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_by_somebody_is_locked_for_all_others() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let service = Service::start(
        &stage,
        Setup::default()
            .set("conductor", "node_locked_retry_attempts", 1)
            .set("conductor", "node_locked_retry_interval", 0.01),
    )
    .await;
    let client = service.client();
    let held = enrol(client, &ipmi_node("one", bmc)).await;
    let uuid = held["uuid"].as_str().unwrap();
    let nic = port(client, uuid, "52:54:00:00:00:01").await;
    bmc.set_faults(Faults {
        slow: vec![(Command::CHASSIS_CONTROL, Duration::from_secs(60))],
        ..Faults::default()
    });
    client.power("one", "power on").await.expect(202);
    eventually("the command at the machine", async || {
        bmc.power().then_some(())
    })
    .await;
    assert!(client.node("one").await["reservation"].is_string());
    let locked = |answer: &ironbark_tests::Answer, what: &str| {
        assert_eq!(answer.status, 409, "{what}: {}", answer.text);
        assert!(answer.refused(409).contains("is locked by host"), "{what}");
    };
    let node = "/v1/nodes/one";
    let new = json!({"node_uuid": uuid, "address": "52:54:00:00:00:02"});
    locked(
        &client.patch(node, &set("extra", json!({}))).await,
        "a patch",
    );
    locked(&client.delete(node).await, "deletion");
    locked(
        &client.patch(&nic, &set("extra", json!({}))).await,
        "a port's patch",
    );
    locked(&client.post("/v1/ports", &new).await, "a new port");
    locked(&client.delete(&nic).await, "a port's deletion");
    let group = json!({"node_uuid": uuid});
    locked(
        &client.post("/v1/portgroups", &group).await,
        "a new port group",
    );
    for (path, body) in [
        ("states/power", json!({"target": "power off"})),
        ("states/provision", json!({"target": "provide"})),
        // Not allowed in this state either, but that may change.
        ("states/provision", json!({"target": "active"})),
        ("maintenance", json!({})),
        ("traits", json!({"traits": ["CUSTOM_A"]})),
        ("management/boot_device", json!({"boot_device": "pxe"})),
    ] {
        locked(&client.put(&format!("{node}/{path}"), &body).await, path);
    }
    bmc.set_faults(Faults::default());
}

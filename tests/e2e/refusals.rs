//! What can't be changed about what belongs to a node, and when, with the real conductor: each row has the status by which clients of
//! Ironic know what to do next. What is refused has changed nothing.

use ironbark_tests::{Answer, Client, Service, Setup, Stage};
use serde_json::{Value, json};

/// How far a node has come. Later ones come after earlier ones in a node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Enroll,
    Manageable,
    Available,
    Active,
    ActiveInMaintenance,
}

use Reached::{Active, ActiveInMaintenance, Available, Enroll, Manageable};

const LIFE: [Reached; 5] = [Enroll, Manageable, Available, Active, ActiveInMaintenance];

/// Takes a node from the stage before to this one.
async fn bring(client: &Client, node: &str, stage: Reached) {
    match stage {
        Enroll => {}
        Manageable => drop(client.provision(node, "manage", "manageable").await),
        Available => drop(client.provision(node, "provide", "available").await),
        Active => drop(client.provision(node, "active", "active").await),
        ActiveInMaintenance => set_aside(client, node).await,
    }
}

async fn set_aside(client: &Client, node: &str) {
    let path = format!("/v1/nodes/{node}/maintenance");
    client.put(&path, &json!({})).await.expect(202);
}

/// Creates something; its path.
async fn made(client: &Client, list: &str, body: &Value) -> String {
    let made = client.post(list, body).await.expect(201);
    format!("{list}/{}", made["uuid"].as_str().unwrap())
}

fn set(name: &str, value: Value) -> Value {
    json!([{"op": "add", "path": format!("/{name}"), "value": value}])
}

async fn node(client: &Client, name: &str, more: &Value) -> String {
    let mut body = json!({"name": name, "driver": "fake-hardware", "automated_clean": false});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let node = client.create_node(&body).await;
    node["uuid"].as_str().unwrap().to_owned()
}

/// The patch is answered as it should be, and if it is refused nothing is other than before.
async fn patched(client: &Client, path: &str, patch: &Value, status: u16, what: &str) {
    let before = client.get(path).await.expect(200);
    let answer = client.patch(path, patch).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    let changed = client.get(path).await.expect(200) != before;
    assert_eq!(changed, status == 200, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_change_as_far_as_their_node_has_not_come() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one", &json!({})).await;
    let mut groups = Vec::new();
    for _ in 0..2 {
        let path = made(client, "/v1/portgroups", &json!({"node_uuid": uuid})).await;
        groups.push(path.rsplit('/').next().unwrap().to_owned());
    }
    let port = json!({"node_uuid": uuid, "address": "52:54:00:00:00:01"});
    let port = made(client, "/v1/ports", &port).await;
    let member = json!({"node_uuid": uuid, "address": "52:54:00:00:00:02"});
    let member = made(client, "/v1/ports", &member).await;
    for (count, stage) in LIFE.into_iter().enumerate() {
        bring(client, "one", stage).await;
        let address = stage != Active;
        let connectivity = !matches!(stage, Available | Active);
        // What is set is never what is there already: that would be allowed everywhere.
        for (path, name, value, allowed) in [
            (
                &port,
                "address",
                json!(format!("52:54:00:00:01:0{count}")),
                address,
            ),
            (
                &port,
                "pxe_enabled",
                json!(stage == Manageable),
                connectivity,
            ),
            (
                &port,
                "local_link_connection",
                json!({"port_id": format!("e{count}"), "hostname": "h"}),
                connectivity,
            ),
            (
                &port,
                "physical_network",
                json!(format!("net-{count}")),
                connectivity,
            ),
            (
                &member,
                "portgroup_uuid",
                json!(groups[usize::from(stage == Manageable)]),
                connectivity,
            ),
            (&port, "extra", json!({"at": count}), true),
            (&port, "name", json!(format!("p{count}")), true),
            (&port, "description", json!(format!("d{count}")), true),
            (&port, "vendor", json!(format!("v{count}")), true),
            (&port, "category", json!(format!("c{count}")), true),
        ] {
            let status = if allowed { 200 } else { 409 };
            let what = format!("{name} while {stage:?}");
            patched(client, path, &set(name, value), status, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_change_while_the_machine_is_off() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one", &json!({})).await;
    bring(client, "one", Manageable).await;
    let bodies = [
        (
            "/v1/volume/connectors",
            json!({"node_uuid": uuid, "type": "iqn", "connector_id": "iqn.1"}),
        ),
        (
            "/v1/volume/targets",
            json!({"node_uuid": uuid, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v"}),
        ),
    ];
    for (stage, power, update, delete) in [
        (Manageable, "power on", 400, 204),
        (Manageable, "power off", 200, 204),
        (Available, "power on", 400, 400),
        (Available, "power off", 200, 204),
    ] {
        if stage == Available && power == "power on" {
            bring(client, "one", Available).await;
        }
        client.power_to("one", power, power).await;
        for (list, body) in &bodies {
            let path = made(client, list, body).await;
            let what = format!("{list} while {stage:?}, {power}");
            patched(client, &path, &set("extra", json!({"a": 1})), update, &what).await;
            let answer = client.delete(&path).await;
            assert_eq!(answer.status, delete, "{what}: {}", answer.text);
            if delete == 400 {
                assert!(answer.refused(400).contains("power"), "{what}");
                client.power_to("one", "power off", "power off").await;
                client.delete(&path).await.expect(204);
                client.power_to("one", power, power).await;
            }
            client.get(&path).await.refused(404);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vifs_ports_and_port_groups_hold_each_other() {
    let stage = Stage::shared().await;
    let service = Service::start(
        &stage,
        Setup::default().set("drivers", "vif_recorder", true),
    )
    .await;
    let client = service.client();
    let fields = json!({"network_interface": "ironbark-recorder"});
    let uuid = node(client, "one", &fields).await;
    let other = node(client, "two", &fields).await;
    let vifs = "/v1/nodes/one/vifs";
    let attach = async |id: &str| client.post(vifs, &json!({"id": id})).await.status;
    assert_eq!(attach("a").await, 400, "there is no port");
    let port = json!({"node_uuid": uuid, "address": "52:54:00:00:00:01"});
    let port = made(client, "/v1/ports", &port).await;
    assert_eq!(attach("a").await, 204);
    assert_eq!(attach("a").await, 409, "it is attached");
    assert_eq!(attach("b").await, 400, "no port is free");
    client.delete(&format!("{vifs}/b")).await.refused(400);
    client.get("/v1/nodes/nobody/vifs").await.refused(404);
    client.delete(&port).await.refused(409);

    let group = json!({"node_uuid": uuid, "name": "bond"});
    let group = made(client, "/v1/portgroups", &group).await;
    let of_group = |address: &str, network: &str| json!({"node_uuid": uuid, "address": address, "physical_network": network, "portgroup_uuid": group.rsplit('/').next()});
    let red = of_group("52:54:00:00:00:02", "red");
    let member = made(client, "/v1/ports", &red).await;
    let blue = of_group("52:54:00:00:00:03", "blue");
    client.post("/v1/ports", &blue).await.refused(409);
    for (patch, status, what) in [
        (
            set("standalone_ports_supported", json!(false)),
            409,
            "a member boots from the network",
        ),
        (set("node_uuid", json!(other)), 400, "another node"),
        (
            json!([{"op": "remove", "path": "/mode"}]),
            400,
            "without a mode",
        ),
        (
            set("internal_info", json!({"a": 1})),
            400,
            "not the client's",
        ),
        (set("extra", json!({"a": 1})), 200, "what is the client's"),
    ] {
        patched(client, &group, &patch, status, what).await;
    }
    client.delete(&group).await.refused(400);
    client.delete(&member).await.expect(204);
    client.delete(&group).await.expect(204);

    // In maintenance the operator knows better.
    set_aside(client, "one").await;
    client.delete(&port).await.expect(204);
    client.get(&port).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocation_stays_while_its_node_is_in_use() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let uuid = node(client, "one", &json!({"resource_class": "tin"})).await;
    bring(client, "one", Manageable).await;
    bring(client, "one", Available).await;
    let backfill = async |name: &str| -> Answer {
        let body = json!({"node": "one", "name": name});
        client.post("/v1/allocations", &body).await
    };
    backfill("early").await.refused(409);
    let listed = client.get("/v1/allocations").await.expect(200);
    assert_eq!(listed["allocations"], json!([]), "nothing is stored");
    bring(client, "one", Active).await;
    let shown = backfill("mine").await.expect(201);
    assert_eq!(
        (&shown["state"], &shown["node_uuid"]),
        (&json!("active"), &json!(uuid))
    );
    backfill("twice").await.refused(409);
    let own = "/v1/allocations/mine";
    for (name, value, status) in [
        ("resource_class", json!("gold"), 400),
        ("node_uuid", json!(uuid), 400),
        ("owner", json!("ada"), 400),
        ("extra", json!({"a": 1}), 200),
    ] {
        patched(client, own, &set(name, value), status, name).await;
    }
    for path in [own, "/v1/nodes/one/allocation"] {
        client.delete(path).await.refused(409);
    }
    set_aside(client, "one").await;
    client.delete(own).await.expect(204);
    let freed = client.node("one").await;
    assert_eq!(
        (&freed["instance_uuid"], &freed["allocation_uuid"]),
        (&Value::Null, &Value::Null)
    );
}

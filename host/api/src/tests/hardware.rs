//! What is below a node about its hardware, and what a hardware type says of RAID.

use ironbark_model::hardware::{BiosSetting, FirmwareComponent, Inventory};
use ironbark_model::{Error, ProvisionState, Secret};
use ironbark_rpc::{Carried, HardwareRequest, Reply, Request};
use serde_json::{Value, json};

use super::harness::{HOST, LATEST, Site};

/// What the conductor was asked last.
fn asked(site: &Site) -> HardwareRequest {
    match site.conductor.last() {
        Request::Hardware { request, .. } => request,
        other => panic!("asked {other:?}"),
    }
}

/// Stores what a driver would have read.
async fn read(site: &Site, node: &str, found: Option<Inventory>) {
    let settings = [
        BiosSetting {
            name: "BootMode".into(),
            value: Some("Uefi".into()),
            attribute_type: Some("Enumeration".into()),
            allowable_values: vec!["Bios".into(), "Uefi".into()],
            read_only: Some(false),
            ..BiosSetting::default()
        },
        BiosSetting {
            name: "Proc Name".into(),
            max_length: Some(64),
            ..BiosSetting::default()
        },
    ];
    let bmc = FirmwareComponent {
        component: "bmc".into(),
        current_version: Some("1.0".into()),
        vendor: Some("Acme".into()),
        ..FirmwareComponent::default()
    };
    let reservation = site.db.node_reserve(node, HOST).await.unwrap();
    let mut tx = site.db.reserved(&reservation).await.unwrap();
    tx.bios_settings_write(&settings).await.unwrap();
    tx.firmware_components_write(&[bmc], false).await.unwrap();
    if let Some(found) = found {
        tx.inventory_write(&found).await.unwrap();
    }
    tx.commit_and_release().await.unwrap();
}

#[tokio::test]
async fn vifs() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/vifs", node.uuid);
    let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";
    site.conductor.next(Ok(Reply::Json(json!(["one"]))));
    let listed = site.get(&path, Some(28)).await.expect(200).json();
    assert_eq!(listed, json!({"vifs": [{"id": "one"}]}));
    let vif = json!({"id": uuid, "port_uuid": uuid, "anything": [1]});
    let answer = site
        .send("POST", &path, LATEST, Some(vif.clone()))
        .await
        .expect(204);
    assert!(answer.text.is_empty() && answer.header("content-type").is_none());
    let HardwareRequest::AttachVif(sent) = asked(&site) else {
        panic!("asked {:?}", asked(&site));
    };
    assert_eq!(Value::Object(sent), vif);
    // Ports and groups are found by the form in which their UUIDs are stored.
    for key in ["port_uuid", "portgroup_uuid"] {
        let loud = json!({"id": uuid, key: uuid.to_uppercase().replace('-', "")});
        let answer = site.send("POST", &path, LATEST, Some(loud)).await;
        answer.expect(204);
        let HardwareRequest::AttachVif(sent) = asked(&site) else {
            panic!("asked {:?}", asked(&site));
        };
        assert_eq!(sent[key], uuid);
    }
    let count = site.conductor.count();
    for wrong in [
        json!({}),
        json!({"id": 1}),
        json!({"id": "a b"}),
        json!([]),
        json!({"id": uuid, "port_uuid": "x"}),
        json!({"id": uuid, "port_uuid": uuid, "portgroup_uuid": uuid}),
    ] {
        site.send("POST", &path, LATEST, Some(wrong))
            .await
            .expect(400);
    }
    assert_eq!(site.conductor.count(), count);
    // Before 1.67 these were like everything else that goes to the network.
    let both = json!({"id": uuid, "port_uuid": 1, "portgroup_uuid": uuid});
    site.send("POST", &path, Some(66), Some(both))
        .await
        .expect(204);
    for (error, status) in [
        (Error::conflict("attached already"), 409),
        (Error::invalid("no free port"), 400),
    ] {
        site.conductor.next(Err(error));
        site.send("POST", &path, LATEST, Some(json!({"id": "v"})))
            .await
            .expect(status);
    }
    let one = format!("{path}/{uuid}");
    site.send("DELETE", &one, Some(28), None).await.expect(204);
    assert!(matches!(asked(&site), HardwareRequest::DetachVif(vif) if vif == uuid));
    site.get(&one, LATEST).await.expect(405);
    site.get(&path, Some(27)).await.expect(404);
}

#[tokio::test]
async fn raid() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/states/raid", node.uuid);
    let config = json!({"logical_disks": [{"raid_level": "1", "size_gb": 10}]});
    for sent in [config, json!({})] {
        site.send("PUT", &path, Some(12), Some(sent.clone()))
            .await
            .expect(204);
        assert!(
            matches!(asked(&site), HardwareRequest::SetTargetRaidConfig(config) if Value::Object(config.clone()) == sent)
        );
    }
    site.send("PUT", &path, Some(12), Some(json!([])))
        .await
        .expect(400);
    site.send("PUT", &path, Some(11), Some(json!({})))
        .await
        .expect(406);

    let properties = "/v1/drivers/fake-hardware/raid/logical_disk_properties";
    site.conductor
        .next(Ok(Reply::Json(json!({"size_gb": "Its size."}))));
    let shown = site.get(properties, Some(12)).await.expect(200).json();
    assert_eq!(shown, json!({"size_gb": "Its size."}));
    site.get(properties, Some(11)).await.expect(406);
    site.get("/v1/drivers/nonesuch/raid/logical_disk_properties", LATEST)
        .await
        .expect(404);
}

#[tokio::test]
async fn console() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".into())).await;
    let path = format!("/v1/nodes/{}/states/console", node.uuid);
    let off = json!({"console_enabled": false, "console_info": null});
    assert_eq!(site.get(&path, None).await.expect(200).json(), off);
    assert_eq!(site.conductor.count(), 0);
    let by_query = "/v1/nodes/one/states/console?enabled=true";
    let answer = site.send("PUT", by_query, LATEST, None).await.expect(202);
    assert_eq!(
        answer.header("location"),
        Some("http://127.0.0.1:6385/v1/nodes/one/states/console")
    );
    assert!(answer.text.is_empty());
    assert_eq!(asked(&site), HardwareRequest::SetConsole(true));
    for wrong in [
        json!({}),
        json!({"enabled": "perhaps"}),
        json!({"on": true}),
    ] {
        site.send("PUT", &path, LATEST, Some(wrong))
            .await
            .expect(400);
    }
    let on = site.node(|node| node.console_enabled = true).await;
    let shown =
        json!({"console_enabled": true, "console_info": {"type": "url", "url": "https://m/"}});
    site.conductor.next(Ok(Reply::Json(shown.clone())));
    let path = format!("/v1/nodes/{}/states/console", on.uuid);
    assert_eq!(site.get(&path, None).await.expect(200).json(), shown);
    // One that the service serves itself has the API's address.
    let token = Carried::from(&Secret::new("t0ken"));
    site.conductor.next(Ok(Reply::Console(token)));
    let url = format!(
        "ws://127.0.0.1:6385/ironbark/v1/consoles/{}?token=t0ken",
        on.uuid
    );
    let shown = json!({"console_enabled": true, "console_info": {"type": "websocket", "url": url}});
    assert_eq!(site.get(&path, None).await.expect(200).json(), shown);
}

#[tokio::test]
async fn boot_mode_and_secure_boot() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let busy = site
        .node(|node| node.provision_state = ProvisionState::CleanWait)
        .await;
    for (what, good, wrong, expected) in [
        (
            "boot_mode",
            json!("uefi"),
            json!("coreboot"),
            HardwareRequest::SetBootMode("uefi".into()),
        ),
        (
            "secure_boot",
            json!("true"),
            json!("perhaps"),
            HardwareRequest::SetSecureBoot(true),
        ),
    ] {
        let path = |uuid: &str| format!("/v1/nodes/{uuid}/states/{what}");
        let put = async |uuid: &str, version, target: &Value| {
            let body = Some(json!({"target": target}));
            site.send("PUT", &path(uuid), version, body).await
        };
        let answer = put(&node.uuid, Some(76), &good).await.expect(202);
        let states = format!("http://127.0.0.1:6385/v1/nodes/{}/states", node.uuid);
        assert_eq!(answer.header("location"), Some(states.as_str()));
        assert_eq!(asked(&site), expected);
        put(&node.uuid, LATEST, &wrong).await.expect(400);
        put(&busy.uuid, LATEST, &good).await.expect(409);
        // What is wrong at any time is told first.
        put(&busy.uuid, LATEST, &wrong).await.expect(400);
        put(&node.uuid, Some(75), &good).await.expect(404);
        let here = path(&node.uuid);
        let empty = site.send("PUT", &here, LATEST, Some(json!({}))).await;
        empty.expect(400);
    }
}

#[tokio::test]
async fn indicators() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/management/indicators", node.uuid);
    site.conductor.next(Ok(Reply::Json(
        json!({"system": {"led": {"readonly": false, "states": ["off", "on"]}}}),
    )));
    let listed = site.get(&path, None).await.expect(200).json();
    assert_eq!(
        listed,
        json!({"indicators": [{
            "name": "led@system", "component": "system", "readonly": false, "states": ["off", "on"],
            "links": [
                {"href": format!("http://127.0.0.1:6385{path}/led@system"), "rel": "self"},
                {"href": format!("http://127.0.0.1:6385/nodes/{}/management/indicators/led@system", node.uuid), "rel": "bookmark"},
            ],
        }]})
    );
    // One of which the driver doesn't say that it can be set can't; links call the node as the client does.
    let named = site.node(|node| node.name = Some("rack-1".into())).await;
    assert_eq!(named.name.as_deref(), Some("rack-1"));
    site.conductor.next(Ok(Reply::Json(
        json!({"chassis": {"lamp": {"states": ["on"]}}}),
    )));
    let here = "/v1/nodes/rack-1/management/indicators";
    let listed = site.get(here, LATEST).await.expect(200).json();
    let lamp = &listed["indicators"][0];
    assert_eq!(lamp["readonly"], true);
    assert_eq!(
        lamp["links"][0]["href"],
        format!("http://127.0.0.1:6385{here}/lamp@chassis")
    );
    site.conductor.next(Ok(Reply::Json(json!("on"))));
    let one = format!("{path}/led@system");
    let state = site.get(&one, LATEST).await.expect(200).json();
    assert_eq!(state, json!({"state": "on"}));
    site.send("PUT", &one, LATEST, Some(json!({"state": "blinking"})))
        .await
        .expect(204);
    assert_eq!(
        asked(&site),
        HardwareRequest::SetIndicator {
            component: "system".into(),
            indicator: "led".into(),
            state: "blinking".into()
        }
    );
    for (name, body) in [
        ("led", json!({"state": "on"})),
        ("@system", json!({"state": "on"})),
        ("led@system", json!({"state": "purple"})),
        ("led@system", json!({})),
    ] {
        let path = format!("{path}/{name}");
        site.send("PUT", &path, LATEST, Some(body))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn bios_settings() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".into())).await;
    let path = format!("/v1/nodes/{}/bios", node.uuid);
    let empty = site.get(&path, Some(40)).await.expect(200).json();
    assert_eq!(empty, json!({"bios": []}));
    read(&site, &node.uuid, None).await;

    let listed = site
        .get("/v1/nodes/one/bios", Some(40))
        .await
        .expect(200)
        .json();
    let first = &listed["bios"][0];
    assert_eq!(
        first["links"][0]["href"],
        json!("http://127.0.0.1:6385/v1/nodes/one/bios/BootMode")
    );
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["created_at", "links", "name", "updated_at", "value"]);
    assert_eq!(
        (&first["name"], &first["value"], &first["updated_at"]),
        (&json!("BootMode"), &json!("Uefi"), &Value::Null)
    );
    let detailed = site.get(&format!("{path}?detail=true"), Some(74)).await;
    let detailed = detailed.expect(200).json();
    assert_eq!(detailed["bios"][0].as_object().unwrap().len(), 14);
    assert_eq!(
        detailed["bios"][0]["allowable_values"],
        json!(["Bios", "Uefi"])
    );
    assert_eq!(detailed["bios"][1]["max_length"], json!(64));
    let some = site
        .get(&format!("{path}?fields=name,read_only"), LATEST)
        .await;
    let some = some.expect(200).json();
    assert_eq!(some["bios"][0]["read_only"], json!(false));
    assert!(some["bios"][0].get("value").is_none() && some["bios"][0].get("links").is_some());
    for (query, version, status) in [
        ("detail=true", Some(73), 400),
        ("fields=name", Some(73), 406),
        ("fields=bogus", LATEST, 400),
        ("fields=name&detail=true", LATEST, 400),
        ("bogus=1", LATEST, 400),
    ] {
        site.get(&format!("{path}?{query}"), version)
            .await
            .expect(status);
    }
    let one = format!("{path}/Proc%20Name");
    let old = site.get(&one, Some(73)).await.expect(200).json();
    assert!(old["Proc Name"].get("max_length").is_none());
    let new = site.get(&one, Some(74)).await.expect(200).json();
    assert_eq!(new["Proc Name"]["max_length"], json!(64));
    assert_eq!(new.as_object().unwrap().len(), 1);
    site.get(&format!("{path}/nonesuch"), LATEST)
        .await
        .expect(404);
    site.get(&path, Some(39)).await.expect(404);
}

#[tokio::test]
async fn firmware() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/firmware", node.uuid);
    read(&site, &node.uuid, None).await;
    let listed = site.get(&path, Some(113)).await.expect(200).json();
    let shown = listed["firmware"][0].as_object().unwrap();
    assert!(shown["created_at"].is_string());
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert_eq!(
        (
            &shown["component"],
            &shown["initial_version"],
            &shown["current_version"]
        ),
        (&json!("bmc"), &json!("1.0"), &json!("1.0"))
    );
    let newest = site.get(&path, Some(114)).await.expect(200).json();
    assert_eq!(newest["firmware"][0]["vendor"], json!("Acme"));
    assert_eq!(newest["firmware"][0]["serial_number"], Value::Null);
    let some = site.get(&format!("{path}?fields=component"), LATEST).await;
    assert!(
        some.expect(200).json()["firmware"][0]
            .get("current_version")
            .is_none()
    );
    site.get(&format!("{path}?fields=vendor"), Some(113))
        .await
        .expect(400);
    site.get(&path, Some(85)).await.expect(404);
}

#[tokio::test]
async fn virtual_media() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/vmedia", node.uuid);
    let image = json!({"device_type": "cdrom", "image_url": "http://files/a.iso", "image_download_source": "http"});
    site.send("POST", &path, Some(89), Some(image))
        .await
        .expect(204);
    assert!(
        matches!(asked(&site), HardwareRequest::AttachVirtualMedia { device_type, image_url } if device_type == "cdrom" && image_url == "http://files/a.iso")
    );
    for wrong in [
        json!({"image_url": "http://files/a.iso"}),
        json!({"device_type": "cdrom"}),
        json!({"device_type": "tape", "image_url": "http://files/a.iso"}),
        json!({"device_type": "cdrom", "image_url": ""}),
        json!({"device_type": "cdrom", "image_url": "http://h/x", "image_download_source": "mail"}),
        json!({"device_type": "cdrom", "image_url": "http://h/x", "bogus": 1}),
        json!({"device_type": "cdrom", "image_url": "x"}),
        json!({"device_type": "cdrom", "image_url": "file:///etc/shadow"}),
        json!({"device_type": "cdrom", "image_url": "ftp://files/a.iso"}),
    ] {
        site.send("POST", &path, LATEST, Some(wrong))
            .await
            .expect(400);
    }
    for url in ["HTTPS://files/a.iso", "nfs://files/a.iso", "cifs://f/a"] {
        let image = json!({"device_type": "disk", "image_url": url});
        let answer = site.send("POST", &path, LATEST, Some(image)).await;
        answer.expect(204);
    }
    let some = format!("{path}?device_types=cdrom,disk");
    site.send("DELETE", &some, Some(89), None).await.expect(204);
    assert_eq!(
        asked(&site),
        HardwareRequest::DetachVirtualMedia(vec!["cdrom".into(), "disk".into()])
    );
    site.send("DELETE", &path, LATEST, None).await.expect(204);
    assert_eq!(
        asked(&site),
        HardwareRequest::DetachVirtualMedia(Vec::new())
    );
    let wrong = format!("{path}?device_types=tape");
    site.send("DELETE", &wrong, LATEST, None).await.expect(400);
    let devices = json!([{"media_types": ["CD"], "inserted": false, "image": ""}]);
    site.conductor.next(Ok(Reply::Json(devices.clone())));
    assert_eq!(site.get(&path, Some(93)).await.expect(200).json(), devices);
    site.get(&path, Some(92)).await.expect(404);
    site.conductor
        .next(Err(Error::unsupported("no such drive")));
    site.get(&path, Some(93)).await.expect(400);
}

#[tokio::test]
async fn inventory() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/inventory", node.uuid);
    site.get(&path, LATEST).await.expect(404);
    let found: Inventory =
        serde_json::from_value(json!({"inventory": {"cpu": {"count": 4}}, "plugin_data": {}}))
            .unwrap();
    read(&site, &node.uuid, Some(found)).await;
    let shown = site.get(&path, Some(81)).await.expect(200).json();
    assert_eq!(
        shown,
        json!({"inventory": {"cpu": {"count": 4}}, "plugin_data": {}})
    );
    site.get(&path, Some(80)).await.expect(404);
}

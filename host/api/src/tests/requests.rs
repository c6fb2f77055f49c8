//! What else can be asked of a node: maintenance, boot device, NMI, vendor methods, traits.

use axum::body::Body;
use ironbark_model::Error;
use ironbark_rpc::{Reply, Request, TraitChange};
use serde_json::{Value, json};

use super::harness::{LATEST, Site};

#[tokio::test]
async fn maintenance() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/maintenance", node.uuid);
    let answer = site
        .send("PUT", &path, None, Some(json!({"reason": "new fan"})))
        .await
        .expect(202);
    assert!(
        answer.text.is_empty()
            && answer.header("content-type").is_none()
            && answer.header("location").is_none()
    );
    let shown = site
        .get(&format!("/v1/nodes/{}", node.uuid), LATEST)
        .await
        .json();
    assert_eq!(
        (&shown["maintenance"], &shown["maintenance_reason"]),
        (&json!(true), &json!("new fan"))
    );
    site.send("PUT", &path, None, None).await.expect(202);
    site.send("PUT", &path, None, Some(json!({"bogus": 1})))
        .await
        .expect(400);
    site.send("DELETE", &path, None, None).await.expect(202);
    let shown = site
        .get(&format!("/v1/nodes/{}", node.uuid), LATEST)
        .await
        .json();
    assert_eq!(shown["maintenance"], false);
}

#[tokio::test]
async fn boot_device_and_nmi() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let path = format!("/v1/nodes/{}/management", node.uuid);
    let device = site
        .get(&format!("{path}/boot_device"), None)
        .await
        .expect(200)
        .json();
    assert_eq!(device, json!({"boot_device": "pxe", "persistent": false}));
    let devices = site
        .get(&format!("{path}/boot_device/supported"), None)
        .await
        .expect(200)
        .json();
    assert_eq!(devices, json!({"supported_boot_devices": ["pxe"]}));
    let set = format!("{path}/boot_device?boot_device=disk&persistent=true");
    site.send("PUT", &set, None, None).await.expect(204);
    assert!(
        matches!(site.conductor.last(), Request::SetBootDevice { device, persistent: true, .. } if device == "disk")
    );
    site.send(
        "PUT",
        &format!("{path}/boot_device"),
        None,
        Some(json!({"persistent": true})),
    )
    .await
    .expect(400);
    site.send(
        "PUT",
        &format!("{path}/inject_nmi"),
        Some(29),
        Some(json!({})),
    )
    .await
    .expect(204);
}

#[tokio::test]
async fn validation_in_both_forms() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".to_owned())).await;
    for path in [
        format!("/v1/nodes/{}/validate", node.uuid),
        format!("/v1/nodes/validate?node_uuid={}", node.uuid),
        "/v1/nodes/validate?node=one".to_owned(),
    ] {
        let result = site.get(&path, LATEST).await.expect(200).json();
        assert_eq!(result, json!({"power": {"result": true}}), "{path}");
    }
    site.get("/v1/nodes/validate", LATEST).await.expect(400);
    site.get("/v1/nodes/validate?node=one", Some(4))
        .await
        .expect(404);
}

#[tokio::test]
async fn vendor_calls_cross_unaltered() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    let by_path = format!("/v1/nodes/{}/vendor_passthru/m", node.uuid);
    let by_query = format!("/v1/nodes/{}/vendor_passthru?method=m", node.uuid);
    // A number that no float holds, and spaces that a parser would lose.
    let body = "{\"n\" : 12345678901234567890.5}";
    for path in [
        &by_path,
        &by_query,
        &"/v1/drivers/ipmi/vendor_passthru/m".to_owned(),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = site
                .raw(method, path, &[], Body::from(body))
                .await
                .expect(200);
            assert_eq!(answer.text, "true");
            let (Request::VendorPassthru { call, .. } | Request::DriverVendorPassthru { call, .. }) =
                site.conductor.last()
            else {
                panic!("another request");
            };
            assert_eq!(
                (
                    call.method.as_str(),
                    call.http_method.as_str(),
                    call.body.as_str()
                ),
                ("m", method, body)
            );
        }
    }
    let vendor = |is_async, attach, result: &str| {
        Ok(Reply::Vendor {
            is_async,
            attach,
            result: result.to_owned(),
        })
    };
    site.conductor.next(vendor(true, false, "null"));
    let answer = site.send("POST", &by_path, None, None).await.expect(202);
    assert!(answer.text.is_empty() && answer.header("content-type").is_none());
    site.conductor.next(vendor(false, true, "\"a file\""));
    let answer = site.send("GET", &by_path, None, None).await.expect(200);
    assert_eq!(
        (answer.text.as_str(), answer.header("content-type")),
        ("a file", Some("application/octet-stream"))
    );
    for bad in ["[1]", "x", "7"] {
        site.raw("POST", &by_path, &[], Body::from(bad))
            .await
            .expect(400);
    }
    site.send(
        "POST",
        &format!("/v1/nodes/{}/vendor_passthru", node.uuid),
        None,
        None,
    )
    .await
    .expect(400);
    site.send("HEAD", &by_path, None, None).await.expect(405);
    site.get(
        &format!("/v1/nodes/{}/vendor_passthru/methods", node.uuid),
        None,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn traits_in_all_forms() {
    let site = Site::new().await;
    let node = site.node(|node| node.name = Some("one".to_owned())).await;
    let path = format!("/v1/nodes/{}/traits", node.uuid);
    let traits = async || -> Value {
        site.get("/v1/nodes/one/traits", LATEST)
            .await
            .expect(200)
            .json()["traits"]
            .clone()
    };
    site.send(
        "PUT",
        &path,
        Some(37),
        Some(json!({"traits": ["CUSTOM_A", "HW_CPU_X86_VMX", "CUSTOM_A"]})),
    )
    .await
    .expect(204);
    assert_eq!(traits().await, json!(["CUSTOM_A", "HW_CPU_X86_VMX"]));
    for body in [json!({"traits": ["CUSTOM_A"]}), json!({"x": 1}), json!([])] {
        site.send("PUT", "/v1/nodes/one/traits/CUSTOM_B", LATEST, Some(body))
            .await
            .expect(400);
    }
    let added = site
        .send("PUT", "/v1/nodes/one/traits/CUSTOM_B", LATEST, None)
        .await
        .expect(204);
    assert_eq!(
        added.header("location"),
        Some("http://127.0.0.1:6385/v1/nodes/one/traits/CUSTOM_B")
    );
    site.send("DELETE", &format!("{path}/CUSTOM_A"), LATEST, None)
        .await
        .expect(204);
    site.send("DELETE", &format!("{path}/CUSTOM_A"), LATEST, None)
        .await
        .expect(404);
    assert_eq!(traits().await, json!(["CUSTOM_B", "HW_CPU_X86_VMX"]));
    for bad in [
        json!({"traits": ["lower"]}),
        json!({"traits": "CUSTOM_A"}),
        json!({}),
        json!({"traits": [1]}),
    ] {
        site.send("PUT", &path, LATEST, Some(bad)).await.expect(400);
    }
    site.send("PUT", &format!("{path}/lower"), LATEST, None)
        .await
        .expect(400);
    site.send("DELETE", &path, LATEST, None).await.expect(204);
    assert_eq!(traits().await, json!([]));
    assert!(
        matches!(site.conductor.last(), Request::SetTraits { change: TraitChange::Replace(all), .. } if all.is_empty())
    );
    // Before there were traits, this is 406 and not 404.
    site.get(&path, Some(36)).await.expect(406);
}

#[tokio::test]
async fn a_locked_node_says_so() {
    let site = Site::new().await;
    let node = site.node(|_| {}).await;
    site.conductor
        .next(Err(Error::node_locked(&node.uuid, "peer-1")));
    let path = format!("/v1/nodes/{}/maintenance", node.uuid);
    let refused = site.send("PUT", &path, LATEST, None).await.expect(409);
    assert!(refused.fault().contains("locked"));
}

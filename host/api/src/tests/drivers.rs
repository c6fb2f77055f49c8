//! `/v1/drivers`.

use serde_json::json;

use super::harness::{LATEST, Site};

#[tokio::test]
async fn drivers_are_those_of_conductors_that_are_online() {
    let site = Site::new().await;
    let names = async |query: &str, version| {
        let listed = site
            .get(&format!("/v1/drivers{query}"), version)
            .await
            .expect(200)
            .json();
        listed["drivers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|driver| driver["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("", None).await, ["fake-hardware", "ipmi"]);
    assert_eq!(
        names("?type=dynamic", LATEST).await,
        ["fake-hardware", "ipmi"]
    );
    assert!(names("?type=classic", LATEST).await.is_empty());
    // One that was loaded a moment ago is there at once.
    site.register(&["fake-hardware", "new"]).await;
    assert_eq!(names("", None).await, ["fake-hardware", "new"]);
    site.get("/v1/drivers/new/properties", None)
        .await
        .expect(200);
    site.get("/v1/drivers/ipmi", None).await.expect(404);
}

#[tokio::test]
async fn details_fit_the_version() {
    let site = Site::new().await;
    let shown = async |version| {
        site.get("/v1/drivers/fake-hardware", version)
            .await
            .expect(200)
            .json()
    };
    let old = shown(None).await;
    assert_eq!(old.as_object().unwrap().len(), 3, "{old}");
    assert!(shown(Some(14)).await.get("properties").is_some());
    let at_30 = shown(Some(30)).await;
    assert_eq!(at_30["type"], "dynamic");
    assert_eq!(at_30["default_network_interface"], "noop");
    assert_eq!(at_30["enabled_power_interfaces"], json!(["fake"]));
    for (kind, since) in [
        ("storage", 33),
        ("rescue", 38),
        ("bios", 40),
        ("firmware", 86),
    ] {
        let key = format!("default_{kind}_interface");
        assert!(shown(Some(since - 1)).await.get(&key).is_none(), "{kind}");
        assert!(shown(Some(since)).await.get(&key).is_some(), "{kind}");
    }
    let chosen = site
        .get("/v1/drivers?fields=name,hosts", LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(chosen["drivers"][0].as_object().unwrap().len(), 3);
    site.get("/v1/drivers?fields=bogus", LATEST)
        .await
        .expect(400);
    site.get("/v1/drivers?fields=name&detail=true", LATEST)
        .await
        .expect(400);
    site.get("/v1/drivers/nonesuch", LATEST).await.expect(404);
    site.get("/v1/drivers/nonesuch/properties", LATEST)
        .await
        .expect(404);
    let properties = site
        .get("/v1/drivers/ipmi/properties", LATEST)
        .await
        .expect(200)
        .json();
    assert_eq!(properties, json!({"a": "An address."}));
    site.get("/v1/drivers/ipmi/vendor_passthru/methods", LATEST)
        .await
        .expect(200);
}

//! Driver packages come, change and go while the service runs.

use std::time::Duration;

use ironbark_tests::{
    Answer, Client, Package, Service, Setup, Stage, enrol, eventually, fixture, ipmi_node, rack,
    shipped,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const TEST: &str = "/ironbark/v1/packages/test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_is_usable_when_its_upload_is_answered() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    client.get("/v1/drivers/test-hardware").await.refused(404);
    installed(&client.upload(fixture("test").bytes(), "state").await);
    // At once: no waiting anywhere here.
    let driver = client.get("/v1/drivers/test-hardware").await.expect(200);
    assert_eq!(driver["default_power_interface"], "fake-slow");
    let conductors = client.get("/v1/conductors?detail=true").await.expect(200);
    assert!(
        conductors["conductors"][0]["drivers"]
            .as_array()
            .unwrap()
            .contains(&json!("test-hardware")),
        "{conductors}"
    );
    let properties = client
        .get("/v1/drivers/test-hardware/properties")
        .await
        .expect(200);
    assert!(properties["fake_step_ms"].is_string(), "{properties}");
    let listed = client.get("/ironbark/v1/packages").await.expect(200);
    let package = named(&listed, "test");
    assert_eq!(package["version"], "0.1.0", "{package}");
    assert_eq!(client.get(TEST).await.expect(200)["name"], "test");
    enrol(client, &json!({"name": "user", "driver": "test-hardware"})).await;
    assert_eq!(version(client).await, "0.1.0");

    // A newer version takes over at once: its methods and properties answer.
    installed(&client.upload(fixture("test-2").bytes(), "state").await);
    assert_eq!(version(client).await, "0.2.0");
    let methods = client
        .get("/v1/nodes/user/vendor_passthru/methods")
        .await
        .expect(200);
    assert!(methods["new_in_two"].is_object(), "{methods}");
    let properties = client
        .get("/v1/drivers/test-hardware/properties")
        .await
        .expect(200);
    assert!(properties["fake_new_in_two"].is_string(), "{properties}");
    assert_eq!(client.get(TEST).await.expect(200)["version"], "0.2.0");

    // In use: it stays, and whoever asks learns why.
    let reason = client.delete(TEST).await.refused(409);
    assert!(reason.contains("user"), "{reason}");
    assert_eq!(version(client).await, "0.2.0");
    client.delete("/v1/nodes/user").await.expect(204);
    client.delete(TEST).await.expect(204);
    client.get("/v1/drivers/test-hardware").await.refused(404);
    client.get(TEST).await.refused(404);
    let reason = client
        .post("/v1/nodes", &json!({"driver": "test-hardware"}))
        .await
        .refused(400);
    assert!(reason.contains("test-hardware"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_in_the_folder_comes_changes_and_goes_with_its_file() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    let folder = service.data().join("drivers.d");
    let file = folder.join("test.wasm");
    // As careful operators do: written beside, then moved in.
    put(&fixture("test").bytes(), &file);
    let appears = async |wanted: Option<&'static str>| {
        eventually(&format!("version {wanted:?}"), async || {
            let answer = client.get(TEST).await;
            let version = (answer.status == 200).then(|| answer.expect(200)["version"].clone());
            (version.as_ref().and_then(Value::as_str) == wanted).then_some(())
        })
        .await;
    };
    appears(Some("0.1.0")).await;
    client.get("/v1/drivers/test-hardware").await.expect(200);
    put(&fixture("test-2").bytes(), &file);
    appears(Some("0.2.0")).await;
    // What is broken is said, and disturbs nothing.
    put(b"no component at all", &folder.join("broken.wasm"));
    eventually("the broken file to be named", async || {
        service.log().contains("broken.wasm").then_some(())
    })
    .await;
    assert_eq!(client.get(TEST).await.expect(200)["version"], "0.2.0");
    std::fs::remove_file(&file).unwrap();
    appears(None).await;
    client.get("/v1/drivers/test-hardware").await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_package_is_said_and_nothing_is_disturbed() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default().with("test")).await;
    let client = service.client();
    enrol(client, &json!({"name": "user", "driver": "test-hardware"})).await;
    let before = without_usage(client.get("/ironbark/v1/packages").await.expect(200));
    let test = fixture("test");
    let mut truncated = test.bytes();
    truncated.truncate(truncated.len() / 2);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("nothing", Vec::new(), &[]),
        ("garbage", b"hello".to_vec(), &[]),
        ("truncated", truncated, &[]),
        ("a core module", b"\0asm\x01\0\0\0".to_vec(), &["component"]),
        ("no metadata", test.bare(), &["ironbark-driver"]),
        ("overreaching", fixture("overreach").bytes(), &["ipmi"]),
        (
            "not granted what it uses",
            newer(&shipped("ipmi"), |metadata| {
                metadata["capabilities"] = json!([])
            }),
            &["ipmi"],
        ),
        ("lying", fixture("lying").bytes(), &["management"]),
        (
            "silent about an export",
            newer(&test, |metadata| {
                drop(
                    metadata["interfaces"]
                        .as_object_mut()
                        .unwrap()
                        .remove("boot"),
                )
            }),
            &["boot"],
        ),
        (
            "an unknown key",
            newer(&test, |metadata| metadata["colour"] = json!("red")),
            &["colour"],
        ),
        (
            "a host's name",
            newer(&test, |metadata| {
                metadata["interfaces"]["boot"] = json!([{"name": "no-boot"}])
            }),
            &["no-"],
        ),
        (
            "another one's name",
            test.edited(|metadata| {
                metadata["name"] = json!("impostor");
            }),
            &["belongs to package 'test'"],
        ),
    ];
    for (what, bytes, says) in cases {
        let answer = client.upload(bytes, "").await;
        assert!(
            (400..500).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text
        );
        let reason = answer.refused(answer.status);
        for word in says {
            assert!(reason.contains(word), "{what}: {reason}");
        }
    }
    let answer = announce(&service, (64 << 20) + 1).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(
        without_usage(client.get("/ironbark/v1/packages").await.expect(200)),
        before
    );
    assert_eq!(version(client).await, "0.1.0");
}

/// What packages used goes on being counted meanwhile.
fn without_usage(mut listed: Value) -> Value {
    for package in listed["packages"].as_array_mut().unwrap() {
        for version in package["versions"].as_array_mut().unwrap() {
            let used = version.as_object_mut().unwrap().remove("used");
            assert!(used.is_some(), "{version}");
        }
    }
    listed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_granted_is_denied() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client();
    installed(&client.upload(fixture("test").bytes(), "").await);
    client
        .create_node(&json!({"name": "user", "driver": "test-hardware"}))
        .await;
    // What needs no capability works, what does is refused by name.
    assert_eq!(version(client).await, "0.1.0");
    let reason = client
        .get("/v1/nodes/user/vendor_passthru/notes")
        .await
        .refused(403);
    assert!(reason.contains("state"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_uploaded_is_there_after_a_kill() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    installed(&client.upload(fixture("test").bytes(), "state").await);
    enrol(&client, &json!({"name": "user", "driver": "test-hardware"})).await;
    service.kill().await;
    service.restart().await;
    assert_eq!(version(&client).await, "0.1.0");
    client.get("/v1/drivers/test-hardware").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_replaced_while_500_power_actions_run_loses_none() {
    const MACHINES: usize = 25;
    const EACH: usize = 20;
    let stage = Stage::shared().await;
    let rack = rack(MACHINES).await;
    let service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    let mut actions = JoinSet::new();
    for (index, bmc) in rack.bmcs().iter().enumerate() {
        let (client, bmc) = (client.clone(), bmc.clone());
        actions.spawn(async move {
            let name = format!("machine-{index}");
            enrol(&client, &ipmi_node(&name, &bmc)).await;
            for number in 0..EACH {
                let target = if number % 2 == 0 {
                    "power on"
                } else {
                    "power off"
                };
                let node = client.power_to(&name, target, target).await;
                assert_eq!(node["last_error"], Value::Null, "{name}, action {number}");
                assert_eq!(bmc.power(), number % 2 == 0, "{name}, action {number}");
            }
        });
    }
    let mut replaced = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    let mut done = 0;
    while done < MACHINES {
        tokio::select! {
            ended = actions.join_next() => {
                ended.unwrap().unwrap();
                done += 1;
            }
            _ = pace.tick() => {
                // A version never changes: each is a new one.
                let build = shipped("ipmi").edited(|metadata| {
                    metadata["version"] = json!(format!("0.1.{}", replaced + 1));
                });
                installed(&client.upload(build, "ipmi,state").await);
                replaced += 1;
            }
        }
    }
    assert!(replaced >= 3, "it was replaced only {replaced} times");
    eprintln!("{} power actions, {replaced} versions", MACHINES * EACH);
}

/// The package with other metadata, and as a newer version: the one that is installed never changes.
fn newer(package: &Package, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    package.edited(|metadata| {
        metadata["version"] = json!("9.9.9");
        change(metadata);
    })
}

/// The answer to the mere announcement of a package of this size.
async fn announce(service: &Service, size: usize) -> String {
    let mut connection = TcpStream::connect(service.listen()).await.unwrap();
    let head = format!(
        "POST /ironbark/v1/packages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/wasm\r\n\
         Content-Length: {size}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer);
    tokio::time::timeout(ironbark_tests::PATIENCE, read)
        .await
        .expect("an answer without a body being sent")
        .unwrap();
    answer
}

/// Puts a file into a folder in one go.
fn put(bytes: &[u8], file: &std::path::Path) {
    let beside = file.with_extension("part");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(&beside, file).unwrap();
}

fn installed(answer: &Answer) {
    answer.expect(201);
}

fn named<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let packages = listed["packages"].as_array().unwrap();
    packages
        .iter()
        .find(|package| package["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {listed}"))
}

/// The version of the package that answers for the node `user`.
async fn version(client: &Client) -> String {
    let answer = client
        .get("/v1/nodes/user/vendor_passthru/version")
        .await
        .expect(200);
    answer["version"].as_str().unwrap().to_owned()
}

//! Stopping on purpose: what runs ends, or is carried on by the next process.

use std::time::Duration;

use ironbark_bmc_sim::{Command, Faults, PowerFault};
use ironbark_tests::{Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use rustix::process::Signal;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_short_work_end() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let mut service = Service::start(&stage, Setup::default()).await;
    let client = service.client().clone();
    enrol(&client, &ipmi_node("slow", bmc)).await;
    bmc.set_faults(Faults {
        power: PowerFault::Slow(Duration::from_secs(2)),
        ..Faults::default()
    });
    client.power("slow", "power on").await.expect(202);
    eventually("the command", async || {
        (bmc.count(Command::CHASSIS_CONTROL) > 0).then_some(())
    })
    .await;
    assert!(service.terminate().await.success());
    assert!(bmc.power(), "it did not wait for the machine");
    assert_eq!(bmc.snapshot().open_sessions, 0, "sessions were left open");
    let commands = bmc.snapshot().commands;
    service.restart().await;
    let node = client.node("slow").await;
    assert_eq!(
        (
            node["power_state"].clone(),
            node["target_power_state"].clone()
        ),
        (json!("power on"), Value::Null)
    );
    assert_eq!(node["reservation"], Value::Null);
    assert_eq!(
        bmc.snapshot().commands,
        commands,
        "there was nothing to carry on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_leaves_long_work_to_the_next_process() {
    let stage = Stage::shared().await;
    let setup = Setup::default()
        .with("test")
        .set("conductor", "graceful_shutdown_timeout", 0.5);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    let node = json!({"name": "long", "driver": "test-hardware", "deploy_interface": "test-resume", "automated_clean": false,
        "driver_info": {"fake_step_ms": 4000, "fake_rounds": 4}});
    enrol(&client, &node).await;
    client.provision("long", "provide", "available").await;
    client
        .verb("long", &json!({"target": "active"}))
        .await
        .expect(202);
    eventually("the step", async || {
        service.log().contains("step deploy starts").then_some(())
    })
    .await;
    assert!(service.terminate().await.success());
    service.restart().await;
    let node = client.settled("long", "active").await;
    assert_eq!(node["last_error"], Value::Null);
    assert_eq!(
        service.log().matches("step deploy starts").count(),
        1,
        "it began again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_ends_everything_and_takes_nothing_new() {
    let stage = Stage::shared().await;
    let setup = Setup::default()
        .with("test")
        .set("conductor", "graceful_shutdown_timeout", 0);
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    let node = json!({"name": "long", "driver": "test-hardware", "automated_clean": false, "driver_info": {"fake_step_ms": 2000}});
    enrol(&client, &node).await;
    client.provision("long", "provide", "available").await;
    enrol(&client, &json!({"name": "late", "driver": "test-hardware"})).await;
    client
        .verb("long", &json!({"target": "active"}))
        .await
        .expect(202);
    eventually("the step", async || {
        service.log().contains("step deploy starts").then_some(())
    })
    .await;
    service.signal(Signal::USR2);
    // New work is refused, or nobody listens any more; it is never accepted and dropped.
    eventually("new work to be refused", async || {
        match client
            .attempt(
                reqwest::Method::PUT,
                "/v1/nodes/late/states/power",
                Some(&json!({"target": "power on"})),
            )
            .await
        {
            Ok(answer) if answer.status == 202 => None,
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.text);
                Some(())
            }
            Err(_) => Some(()),
        }
    })
    .await;
    assert!(service.ended().await.success());
    service.restart().await;
    let node = client.node("long").await;
    assert_eq!(node["provision_state"], "active", "{node}");
    assert_eq!(
        service.log().matches("step deploy starts").count(),
        1,
        "it was cut off"
    );
}

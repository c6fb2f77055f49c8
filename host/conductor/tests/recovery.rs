//! What becomes of work whose conductor is killed: the rows of docs/recovery.md, in one process.
//!
//! Killing is done by dropping all work where it stands. Most of the same rows are tested with the real program and `kill -9` in `tests/e2e`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::Duration;

use common::World;
use ironbark_model::{PowerState, PowerTarget, ProvisionState as S, Verb};
use ironbark_rpc::{Request, VendorCall};
use serde_json::{Value, json};

/// Long enough that a kill finds the call under way.
const SLOW_MS: u64 = 400;

fn clean_steps(step: &str) -> Value {
    json!({"clean_steps": [{"interface": "deploy", "step": step}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rerun_step_runs_again_and_finishes() {
    let mut world = World::start().await;
    let node = world
        .test_node(json!({"fake_step_ms": SLOW_MS}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Clean, clean_steps("sleep"))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the step", |operation| operation.step_started)
        .await;
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(world.notes(&node.uuid).await["finished sleep"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_step_goes_on_from_its_cursor() {
    let mut world = World::start().await;
    let node = world
        .test_node(json!({"fake_step_ms": 600}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Clean, clean_steps("resume"))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "a first part", |operation| {
            operation.cursor == Some(json!(1))
        })
        .await;
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Manageable).await;
    let notes = world.notes(&node.uuid).await;
    assert_eq!(
        (&notes["started resume"], &notes["finished resume"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_step_is_never_started_again_and_is_named() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_step_ms": SLOW_MS, "fake_fail": {"tear_down_cleaning": "failed"}}),
            json!({}),
        )
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Clean, clean_steps("fragile"))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the step's checkpoint", |operation| {
            operation.cursor.is_some()
        })
        .await;
    world.kill_and_restart().await;
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    let error = node.last_error.clone().unwrap();
    assert!(error.contains("deploy.fragile"), "{error}");
    assert!(node.maintenance);
    let notes = world.notes(&node.uuid).await;
    assert_eq!(notes["started fragile"], json!(1));
    assert!(!notes.contains_key("finished fragile"));
    assert!(
        error.contains("Cleaning up after it failed too"),
        "the driver was not asked to clean up: {error}"
    );
    assert!(
        world
            .history(&node.uuid)
            .await
            .iter()
            .any(|entry| entry.severity == "ERROR" && entry.event == error)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deploying_goes_on_or_fails_as_its_step_says() {
    for (interface, end) in [
        ("test", S::Active),
        ("test-resume", S::Active),
        ("test-fragile", S::DeployFailed),
    ] {
        let mut world = World::start().await;
        let node = world
            .test_node(
                json!({"fake_step_ms": SLOW_MS}),
                json!({"deploy_interface": interface, "automated_clean": false}),
            )
            .await;
        world.provide(&node.uuid).await;
        world
            .provision(&node.uuid, Verb::Deploy, json!({}))
            .await
            .unwrap();
        world
            .journal_until(&node.uuid, "the step", |operation| operation.step_started)
            .await;
        world.kill_and_restart().await;
        let node = world.settled(&node.uuid, end).await;
        if end == S::DeployFailed {
            assert!(node.last_error.unwrap().contains("deploy.deploy"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_down_goes_on_into_cleaning() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"tear_down": SLOW_MS}, "fake_step_ms": 1}),
            json!({}),
        )
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    assert_eq!(world.node(&node.uuid).await.provision_state, S::Deleting);
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Available).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_and_adoption_go_on() {
    let mut world = World::start().await;
    let info = json!({"fake_delay_ms": {"get_power_state": SLOW_MS, "take_over": SLOW_MS}});
    let node = world.test_node(info, json!({})).await;
    world
        .provision(&node.uuid, Verb::Manage, json!({}))
        .await
        .unwrap();
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Manageable).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servicing_goes_on() {
    let mut world = World::start().await;
    let node = world
        .test_node(json!({"fake_step_ms": SLOW_MS}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    let steps = json!({"service_steps": [{"interface": "deploy", "step": "sleep"}]});
    world
        .provision(&node.uuid, Verb::Service, steps)
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the step", |operation| operation.step_started)
        .await;
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_power_target_is_reached_after_a_kill() {
    for (target, reached) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::Off, PowerState::Off),
        (PowerTarget::SoftOff, PowerState::Off),
        (PowerTarget::Reboot, PowerState::On),
        (PowerTarget::SoftReboot, PowerState::On),
    ] {
        let mut world = World::start().await;
        let node = world
            .test_node(
                json!({"fake_delay_ms": {"set_power_state": SLOW_MS}}),
                json!({}),
            )
            .await;
        world.manage(&node.uuid).await;
        if reached == PowerState::Off || target != PowerTarget::On {
            world.power(&node.uuid, PowerTarget::On).await.unwrap();
            world.power_settled(&node.uuid).await;
        }
        world.power(&node.uuid, target).await.unwrap();
        if matches!(target, PowerTarget::Reboot | PowerTarget::SoftReboot) {
            // The machine is off, and `on` is under way: nothing may leave it so.
            world
                .journal_until(&node.uuid, "the second half", |operation| {
                    operation.phase == "on"
                })
                .await;
            assert_eq!(
                world.notes(&node.uuid).await["power_state"],
                json!("power off")
            );
        }
        world.kill_and_restart().await;
        let node = world.power_settled(&node.uuid).await;
        assert_eq!(
            (node.power_state, node.last_error),
            (Some(reached), None),
            "{target}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_power_beside_waiting_work_loses_neither() {
    // A change that is carried on, and one that isn't any more.
    for resume in [true, false] {
        let mut world = World::start_with(|config| {
            if !resume {
                config.max_resumes = 0;
            }
        })
        .await;
        let node = world
            .test_node(
                json!({"fake_delay_ms": {"set_power_state": SLOW_MS}}),
                json!({}),
            )
            .await;
        world.manage(&node.uuid).await;
        let steps = json!({"clean_steps": [{"interface": "deploy", "step": "hold"}, {"interface": "deploy", "step": "quick"}]});
        world
            .provision(&node.uuid, Verb::Clean, steps)
            .await
            .unwrap();
        world
            .until(&node.uuid, "hold", |node| {
                node.provision_state == S::CleanHold && node.reservation.is_none()
            })
            .await;
        let waiting = world.db.operation_of(&node.uuid).await.unwrap().unwrap();
        world.power(&node.uuid, PowerTarget::On).await.unwrap();
        let changing = world
            .journal_until(&node.uuid, "the change", |operation| {
                operation.uuid != waiting.uuid
            })
            .await;
        assert_eq!(changing.parked().unwrap().as_ref(), Some(&waiting));
        world.kill_and_restart().await;
        let after = world.power_settled(&node.uuid).await;
        assert_eq!(after.power_state == Some(PowerState::On), resume);
        assert_eq!(after.last_error.is_none(), resume, "{:?}", after.last_error);
        assert_eq!(after.provision_state, S::CleanHold);
        let still = world.db.operation_of(&node.uuid).await.unwrap();
        assert_eq!(still, Some(waiting));
        world
            .provision(&node.uuid, Verb::Unhold, json!({}))
            .await
            .unwrap();
        world.settled(&node.uuid, S::Manageable).await;
        assert_eq!(world.notes(&node.uuid).await["finished quick"], json!(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_the_driver_does_in_one_go_is_sent_again() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"reboot": SLOW_MS}}),
            json!({"power_interface": "test-reboot"}),
        )
        .await;
    world.manage(&node.uuid).await;
    world.power(&node.uuid, PowerTarget::Reboot).await.unwrap();
    world
        .journal_until(&node.uuid, "the restart", |operation| {
            operation.phase == "restart"
        })
        .await;
    world.kill_and_restart().await;
    let node = world.power_settled(&node.uuid).await;
    assert_eq!(
        (node.power_state, node.last_error),
        (Some(PowerState::On), None)
    );
    // What the killed call noted was never stored.
    assert_eq!(world.notes(&node.uuid).await["reboots"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prepares_and_takes_down_runs_again() {
    for (function, verb, phase, end) in [
        ("prepare_cleaning", Verb::Provide, "prepare", S::Available),
        ("tear_down_cleaning", Verb::Provide, "finish", S::Available),
        ("prepare", Verb::Deploy, "prepare", S::Active),
    ] {
        let mut world = World::start().await;
        let node = world.test_node(json!({"fake_step_ms": 1}), json!({})).await;
        world.manage(&node.uuid).await;
        if verb == Verb::Deploy {
            world
                .provision(&node.uuid, Verb::Provide, json!({}))
                .await
                .unwrap();
            world.settled(&node.uuid, S::Available).await;
        }
        let slow = json!([{"op": "add", "path": "/driver_info/fake_delay_ms", "value": {function: SLOW_MS}}]);
        world.patch(&node.uuid, slow).await.unwrap();
        world.provision(&node.uuid, verb, json!({})).await.unwrap();
        world
            .journal_until(&node.uuid, phase, |operation| operation.phase == phase)
            .await;
        world.kill_and_restart().await;
        let node = world.settled(&node.uuid, end).await;
        assert_eq!(node.last_error, None, "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_was_under_way_stays_that_failure() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"clean_up": SLOW_MS}, "fake_fail": {"deploy": "failed"}}),
            json!({"automated_clean": false}),
        )
        .await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the clean-up", |operation| {
            operation.phase == "failing"
        })
        .await;
    world.kill_and_restart().await;
    let node = world.settled(&node.uuid, S::DeployFailed).await;
    let error = node.last_error.unwrap();
    assert!(error.contains("failing as asked (failed)"), "{error}");
    assert!(!error.contains("interrupted"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_says_nothing_in_the_second_half_of_a_restart_is_asked_again() {
    let limit = |config: &mut ironbark_conductor::Config| {
        config.power_state_change_timeout = Duration::from_secs(1);
    };
    let mut world = World::start_with(limit).await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"set_power_state": SLOW_MS}}),
            json!({}),
        )
        .await;
    world.manage(&node.uuid).await;
    world.power(&node.uuid, PowerTarget::Reboot).await.unwrap();
    world
        .journal_until(&node.uuid, "the second half", |operation| {
            operation.phase == "on"
        })
        .await;
    world.kill();
    world
        .change_held(&node.uuid, |node| {
            node.driver_info
                .insert("fake_power".to_owned(), json!("unknown"));
        })
        .await;
    world.restart().await;
    let node = world.power_settled(&node.uuid).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("within 1 s; last seen: not known"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_work_waits_on_after_a_restart() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_rounds": 1, "fake_poll_seconds": 1}),
            json!({"deploy_interface": "test-wait"}),
        )
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    world.kill_and_restart().await;
    world.settled(&node.uuid, S::Available).await;
    let notes = world.notes(&node.uuid).await;
    let counted = |key: &str| notes.get(key).cloned();
    assert_eq!(
        (counted("started poll"), counted("finished poll")),
        (Some(json!(1)), Some(json!(1))),
        "{notes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_carried_on_in_maintenance_or_too_often() {
    let mut world = World::start_with(|config| config.max_resumes = 1).await;
    let node = world
        .test_node(json!({"fake_step_ms": SLOW_MS}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Clean, clean_steps("sleep"))
        .await
        .unwrap();
    for _ in 0..2 {
        world
            .journal_until(&node.uuid, "the step", |operation| operation.step_started)
            .await;
        world.kill_and_restart().await;
    }
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    assert!(node.last_error.unwrap().contains("1 times"));

    let aside = world
        .test_node(json!({"fake_step_ms": SLOW_MS}), json!({}))
        .await;
    world.manage(&aside.uuid).await;
    world
        .provision(&aside.uuid, Verb::Clean, clean_steps("sleep"))
        .await
        .unwrap();
    world
        .journal_until(&aside.uuid, "the step", |operation| operation.step_started)
        .await;
    world.kill();
    world
        .change_held(&aside.uuid, |node| node.maintenance = true)
        .await;
    world.restart().await;
    let aside = world.settled(&aside.uuid, S::CleanFailed).await;
    let error = aside.last_error.unwrap();
    assert!(error.contains("the node is in maintenance"), "{error}");
    let notes = world.notes(&aside.uuid).await;
    assert!(!notes.contains_key("finished sleep"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_being_answered_leaves_a_free_node() {
    let mut world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"set_boot_device": 5000}}),
            json!({}),
        )
        .await;
    // The reservation of a former process, as a kill in the middle of a synchronous request leaves it.
    world
        .db
        .node_reserve(&node.uuid, "conductor-1")
        .await
        .unwrap();
    world.kill_and_restart().await;
    let node = world
        .until(&node.uuid, "a free node", |node| node.reservation.is_none())
        .await;
    let error = node.last_error.unwrap_or_default();
    assert!(
        error.contains("request to this node was interrupted"),
        "{error}"
    );
    world
        .ask(Request::SetMaintenance {
            node: node.uuid,
            maintenance: true,
            reason: None,
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_work_resumable() {
    let mut world =
        World::start_with(|config| config.graceful_shutdown_timeout = Duration::from_millis(50))
            .await;
    let node = world
        .test_node(json!({"fake_step_ms": 1500}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Clean, clean_steps("sleep"))
        .await
        .unwrap();
    world
        .journal_until(&node.uuid, "the step", |operation| operation.step_started)
        .await;
    world
        .conductor
        .stop(ironbark_conductor::Stop::Graceful)
        .await;
    assert_eq!(world.node(&node.uuid).await.provision_state, S::Cleaning);
    world.restart().await;
    world.settled(&node.uuid, S::Manageable).await;
}

fn vendor_call(node: &str, method: &str) -> Request {
    Request::VendorPassthru {
        node: node.to_owned(),
        call: VendorCall {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            body: json!({"ms": 60_000}).to_string(),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_call_that_a_stop_did_not_wait_for_leaves_an_error() {
    let mut world =
        World::start_with(|config| config.graceful_shutdown_timeout = Duration::from_millis(50))
            .await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    world.ask(vendor_call(&node.uuid, "sleep")).await.unwrap();
    world
        .conductor
        .stop(ironbark_conductor::Stop::Graceful)
        .await;
    world.restart().await;
    let node = world
        .until(&node.uuid, "a free node", |node| node.reservation.is_none())
        .await;
    assert!(node.last_error.unwrap().contains("interrupted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_vendor_call_that_held_nothing_leaves_an_error() {
    let mut world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    world
        .ask(vendor_call(&node.uuid, "sleep_shared"))
        .await
        .unwrap();
    assert_eq!(world.node(&node.uuid).await.reservation, None);
    world.kill_and_restart().await;
    let told = world
        .until(&node.uuid, "an error", |node| node.last_error.is_some())
        .await;
    let error = told.last_error.unwrap();
    assert!(error.contains("sleep_shared was interrupted"), "{error}");
    assert!(
        world
            .history(&node.uuid)
            .await
            .iter()
            .any(|entry| entry.severity == "ERROR" && entry.event == error)
    );
    // Told once; and nothing is left of a call that ends.
    assert_eq!(world.db.vendor_calls().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_changed_is_read_though_its_conductor_died_before_that() {
    let mut world = World::start().await;
    let node = world.fake_node().await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [
        {"interface": "bios", "step": "factory_reset"},
        {"interface": "deploy", "step": "hold"},
    ]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world
        .until(&node.uuid, "hold", |node| {
            node.provision_state == S::CleanHold && node.reservation.is_none()
        })
        .await;
    world.kill();
    // As if it had died as soon as the journal said that the first step is over.
    let mut operation = world.db.operation_of(&node.uuid).await.unwrap().unwrap();
    assert!(!operation.args.contains_key("changed_by_step"));
    operation
        .args
        .insert("changed_by_step".to_owned(), json!("bios"));
    let reservation = world.db.node_reserve(&node.uuid, "tests").await.unwrap();
    let mut tx = world.db.reserved(&reservation).await.unwrap();
    tx.bios_settings_write(&[]).await.unwrap();
    tx.operation_update(&operation).await.unwrap();
    tx.commit_and_release().await.unwrap();
    world.restart().await;
    world
        .provision(&node.uuid, Verb::Unhold, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await;
    let settings = world.db.bios_settings(&node.uuid).await.unwrap();
    assert!(!settings.is_empty());
}

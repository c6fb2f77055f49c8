//! Connections come and go; bounds hold.

use std::time::Duration;

use ironbark_bmc::ssh::{Client, SshError};
use serde_json::json;

use crate::hypervisor::Hypervisor;
use crate::support::{PATIENCE, client, fail, run, target};

/// Waits until a client has so many connections.
async fn until_connections(client: &Client, number: usize) {
    let reached = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while client.connections_in_use() != number {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_opened_again() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| config.idle_timeout = Duration::from_millis(200));
    let machine = target(&hypervisor, "vm-1", &[]);
    for round in 1..=2 {
        run(&client, &machine, "power-state").await;
        until_connections(&client, 0).await;
        assert_eq!(
            hypervisor.log().matches("Accepted publickey").count(),
            round
        );
    }
}

#[tokio::test]
async fn what_is_forgotten_is_logged_in_to_anew() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|_| ());
    let machine = target(&hypervisor, "vm-1", &[]);
    run(&client, &machine, "power-state").await;
    client.forget(&machine.account);
    until_connections(&client, 0).await;
    run(&client, &machine, "power-state").await;
    assert_eq!(hypervisor.log().matches("Accepted publickey").count(), 2);
    client.shutdown(PATIENCE).await;
    assert_eq!(client.connections_in_use(), 0);
    let error = fail(&client, &machine, "power-state").await;
    assert!(matches!(error, SshError::ShuttingDown), "{error:?}");
}

#[tokio::test]
async fn too_many_commands_and_connections_are_refused_at_once() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| {
        config.concurrency = 1;
        config.max_queued = 1;
        config.max_connections = 1;
    });
    let machine = target(&hypervisor, "vm-1", &[]);
    hypervisor.trouble("vm-1", "hang");
    let hanging = {
        let (client, machine) = (client.clone(), machine.clone());
        tokio::spawn(async move { client.run(&machine, "power-on", PATIENCE).await })
    };
    let begun = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while hypervisor.commands().is_empty() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.unwrap();
    let waiting = {
        let (client, machine) = (client.clone(), machine.clone());
        tokio::spawn(async move {
            client
                .run(&machine, "power-off", Duration::from_secs(1))
                .await
        })
    };
    // One of these takes the place that there is in the queue; no more than one can.
    let short = Duration::from_millis(100);
    let mut refused = 0;
    for _ in 0..4 {
        match client.run(&machine, "power-state", short).await {
            Err(SshError::Overloaded { .. }) => refused += 1,
            Err(SshError::Deadline { sent: false }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(refused >= 3, "{refused}");
    let other = target(&hypervisor, "vm-1", &[("ssh_username", json!("somebody"))]);
    let error = fail(&client, &other, "power-state").await;
    assert!(matches!(error, SshError::Overloaded { .. }), "{error:?}");
    hanging.abort();
    waiting.abort();
    assert_eq!(hypervisor.commands().len(), 1);
}

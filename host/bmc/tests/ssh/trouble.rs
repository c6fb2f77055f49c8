//! What goes wrong on the other side.

use std::time::{Duration, Instant};

use ironbark_bmc::ssh::SshError;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::hypervisor::Hypervisor;
use crate::support::{PATIENCE, client, fail, run, target};

#[tokio::test]
async fn a_command_that_hangs_is_given_up_and_the_next_one_runs() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    // The other command must be done within it, on a busy machine too.
    let client = client(|config| config.command_limit = Duration::from_secs(8));
    hypervisor.trouble("vm-1", "hang");
    let error = fail(&client, &target(&hypervisor, "vm-1", &[]), "power-on").await;
    assert!(matches!(error, SshError::Unreachable { .. }), "{error:?}");
    let other = run(&client, &target(&hypervisor, "vm-2", &[]), "power-on").await;
    assert_eq!(other.exit_status, 0);
    assert_eq!(hypervisor.commands().len(), 2, "a command was sent again");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_command_that_was_sent_alone() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    let client = client(|_| ());
    let (one, two) = (
        target(&hypervisor, "vm-1", &[]),
        target(&hypervisor, "vm-2", &[]),
    );
    run(&client, &two, "power-state").await;
    hypervisor.trouble("vm-1", "hang");
    let asked = client.run(&one, "power-on", Duration::from_secs(2)).await;
    assert!(
        matches!(asked, Err(SshError::Deadline { sent: true })),
        "{asked:?}"
    );
    // The connection is not broken by that.
    run(&client, &two, "power-state").await;
    assert_eq!(hypervisor.log().matches("Accepted publickey").count(), 1);
}

#[tokio::test]
async fn a_command_that_writes_without_end_is_cut_off() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    let client = client(|_| ());
    for trouble in ["flood", "complain"] {
        hypervisor.trouble("vm-1", trouble);
        let error = fail(&client, &target(&hypervisor, "vm-1", &[]), "power-state").await;
        assert!(matches!(error, SshError::TooMuch { .. }), "{error:?}");
        let other = run(&client, &target(&hypervisor, "vm-2", &[]), "power-state").await;
        assert_eq!(other.stdout, b"shut off\n\n");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_command_leaves_its_outcome_unknown() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    let client = client(|_| ());
    hypervisor.trouble("vm-1", "lost");
    let error = fail(&client, &target(&hypervisor, "vm-1", &[]), "power-on").await;
    assert!(matches!(error, SshError::Unreachable { .. }), "{error:?}");
    run(&client, &target(&hypervisor, "vm-2", &[]), "power-on").await;
    let sent = hypervisor.commands();
    let of = |machine: &str| sent.iter().filter(|line| line.ends_with(machine)).count();
    assert_eq!((of("vm-1"), of("vm-2")), (1, 1), "a command was sent again");
}

#[tokio::test]
async fn a_server_that_begins_and_says_no_more_is_left() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| config.connect_timeout = Duration::from_secs(1));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let left = tokio::spawn(async move {
        let (mut stream, _) = silent.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-silent\r\n").await.unwrap();
        let mut said = Vec::new();
        // Returns when the other side has closed the connection.
        stream.read_to_end(&mut said).await.unwrap();
        said
    });
    let machine = target(&hypervisor, "vm-1", &[("ssh_port", json!(port))]);
    let error = fail(&client, &machine, "power-on").await;
    assert!(matches!(error, SshError::Unreachable { .. }), "{error:?}");
    let said = tokio::time::timeout(PATIENCE, left).await.unwrap().unwrap();
    assert!(said.starts_with(b"SSH-2.0-"));
}

#[tokio::test]
async fn what_is_no_sshd_is_told_apart_from_nothing() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| config.connect_timeout = Duration::from_secs(1));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let machine = target(&hypervisor, "vm-1", &[("ssh_port", json!(port))]);

    // It takes the connection and never says a word.
    let began = Instant::now();
    let error = fail(&client, &machine, "power-on").await;
    assert!(matches!(error, SshError::Unreachable { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5));

    // It speaks something else.
    let web = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = silent.accept().await.unwrap();
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
        drop(silent);
    });
    let error = fail(&client, &machine, "power-on").await;
    assert!(
        matches!(
            error,
            SshError::Unreachable { .. } | SshError::Protocol { .. }
        ),
        "{error:?}"
    );
    web.abort();
    let _ = web.await;

    // Nobody is there.
    let error = fail(&client, &machine, "power-on").await;
    assert!(error.to_string().contains("connecting"), "{error}");
}

//! Who is believed, and who is believed by.

use ironbark_bmc::AllowedNetworks;
use ironbark_bmc::ssh::{KnownHosts, SshError};
use serde_json::{Value, json};

use crate::hypervisor::Hypervisor;
use crate::support::{client, fail, run, target};

#[tokio::test]
async fn a_host_key_that_is_not_pinned_is_refused_before_anything_is_sent() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let pinned = [("ssh_host_key", json!(hypervisor.fingerprint("other")))];
    let error = fail(
        &client(|_| ()),
        &target(&hypervisor, "vm-1", &pinned),
        "power-on",
    )
    .await;
    assert!(
        matches!(error, SshError::UnknownHostKey { .. }),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(said.contains(&hypervisor.fingerprint("host")), "{said}");
    assert!(said.contains("ssh_host_key"), "{said}");
    assert!(hypervisor.commands().is_empty());
    let log = hypervisor.log();
    assert!(
        !log.contains("publickey"),
        "somebody tried to log in: {log}"
    );

    // Whoever has only a pinned key of another kind has the same answer, without showing a key.
    let kind = [("ssh_host_key", json!(P384))];
    let error = fail(
        &client(|_| ()),
        &target(&hypervisor, "vm-1", &kind),
        "power-on",
    )
    .await;
    assert!(matches!(error, SshError::NoHostKey), "{error:?}");
}

#[tokio::test]
async fn the_host_key_is_pinned_in_any_form_that_tools_show() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let scanned = format!(
        "[127.0.0.1]:{} {}",
        hypervisor.port(),
        hypervisor.public_key("host")
    );
    for pin in [
        hypervisor.fingerprint("host"),
        hypervisor.public_key("host"),
        hypervisor.public_key("host-ecdsa"),
        format!("# hypervisor\n{scanned}"),
        format!(
            "{},{}",
            hypervisor.fingerprint("other"),
            hypervisor.fingerprint("host")
        ),
    ] {
        let target = target(&hypervisor, "vm-1", &[("ssh_host_key", json!(pin))]);
        assert_eq!(
            run(&client(|_| ()), &target, "power-state")
                .await
                .exit_status,
            0,
            "{pin}"
        );
    }
}

#[tokio::test]
async fn hypervisors_are_looked_up_in_the_operators_file() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let unpinned = target(&hypervisor, "vm-1", &[("ssh_host_key", Value::Null)]);
    let with = |file: &std::path::Path| {
        let known = KnownHosts::open(file).unwrap();
        client(|config| config.known_hosts = Some(known))
    };
    for (key, hashed) in [("host", false), ("host", true), ("host-ecdsa", true)] {
        let client = with(&hypervisor.known_hosts(key, hashed));
        let output = run(&client, &unpinned, "power-state").await;
        assert_eq!(output.exit_status, 0, "{key} {hashed}");
    }
    let logins = hypervisor.log().matches("Accepted publickey").count();

    // Another key than that of the file, another key than its own: neither is asked for a login.
    let other = with(&hypervisor.known_hosts("other", true));
    let error = fail(&other, &unpinned, "power-state").await;
    assert!(
        matches!(error, SshError::UnknownHostKey { .. }),
        "{error:?}"
    );
    let pinned = [("ssh_host_key", json!(hypervisor.fingerprint("other")))];
    let right = hypervisor.known_hosts("host", true);
    let error = fail(
        &with(&right),
        &target(&hypervisor, "vm-1", &pinned),
        "power-state",
    )
    .await;
    assert!(
        matches!(error, SshError::UnknownHostKey { .. }),
        "{error:?}"
    );

    // The file may change meanwhile.
    let client = with(&right);
    std::fs::write(&right, "").unwrap();
    let error = fail(&client, &unpinned, "power-state").await;
    assert!(matches!(error, SshError::NotInKnownHosts), "{error:?}");
    std::fs::write(&right, "nonsense").unwrap();
    let error = fail(&client, &unpinned, "power-state").await;
    assert!(matches!(error, SshError::KnownHosts { .. }), "{error:?}");
    hypervisor.known_hosts("host", false);
    run(&client, &unpinned, "power-state").await;
    let log = hypervisor.log();
    assert_eq!(log.matches("Accepted publickey").count(), logins + 1);

    // Without any file nobody says which key is right.
    let error = self::client(|_| ()).check(&unpinned).unwrap_err();
    assert_eq!(error.key(), "ssh_host_key");
    assert!(client.check(&unpinned).is_ok());
}

#[tokio::test]
async fn an_encrypted_key_logs_in_with_its_passphrase() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let key = hypervisor.encrypted_key("user", "open sesame");
    let with = |passphrase: &str| {
        let changes = [
            ("ssh_key_contents", json!(key)),
            ("ssh_key_passphrase", json!(passphrase)),
        ];
        target(&hypervisor, "vm-1", &changes)
    };
    let client = client(|_| ());
    let error = fail(&client, &with("open barley"), "power-state").await;
    assert!(matches!(error, SshError::AuthFailed { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("ssh_key_passphrase") && !said.contains("barley"),
        "{said}"
    );
    let output = run(&client, &with("open sesame"), "power-state").await;
    assert_eq!(output.exit_status, 0);
    let log = hypervisor.log();
    assert_eq!(log.matches("Accepted publickey").count(), 1);
    assert!(!log.contains("Failed publickey"), "{log}");
}

#[tokio::test]
async fn who_may_not_log_in_is_told_what_to_check() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|_| ());
    let wrong_key = [("ssh_key_contents", json!(hypervisor.private_key("other")))];
    let wrong_password = [
        ("ssh_key_contents", Value::Null),
        ("ssh_password", json!("let-me-in")),
    ];
    let nobody = [("ssh_username", json!("nobody-knows-me"))];
    for (changes, hint) in [
        (&wrong_key[..], "authorized_keys"),
        (&wrong_password[..], "ssh_password"),
        (&nobody[..], "ssh_username"),
    ] {
        let error = fail(&client, &target(&hypervisor, "vm-1", changes), "power-on").await;
        assert!(matches!(error, SshError::AuthFailed { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(hint) && !said.contains("let-me-in"), "{said}");
    }
    assert!(hypervisor.commands().is_empty());
    let log = hypervisor.log();
    assert!(
        log.contains("Failed password"),
        "no password was tried: {log}"
    );
}

#[tokio::test]
async fn a_hypervisor_outside_of_the_allowed_networks_gets_no_packet() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| {
        config.allowed_networks = AllowedNetworks::parse(["192.0.2.0/24"]).unwrap();
    });
    for address in ["127.0.0.1", "localhost"] {
        let target = target(&hypervisor, "vm-1", &[("ssh_address", json!(address))]);
        let error = fail(&client, &target, "power-on").await;
        assert!(matches!(error, SshError::AddressDenied { .. }), "{error:?}");
        assert!(!error.to_string().contains("127.0.0.1"));
    }
    assert!(
        !hypervisor.log().contains("Connection from"),
        "{}",
        hypervisor.log()
    );
}

/// A good key, of a kind that the hypervisor of these tests hasn't.
const P384: &str = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBFgZ0u63/clChKGFOvoBThsGmvyEvvAZu9oQ2++nMld8Ub/X2wnACksBRIAMPdZQct3GDnkfQBZ3zgl3zAR3IuHnUBKs+L/NtymiXEwNP3o5WQyJoSZyNO0Is9j54R0NyA==";

//! What works.

use crate::hypervisor::Hypervisor;
use crate::support::{client, fail, run, target};
use ironbark_bmc::ssh::{Output, SshError};

#[tokio::test]
async fn a_machine_is_switched_on_and_off_and_told_what_to_boot() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1", "vm-2"]) else {
        return;
    };
    let client = client(|_| ());
    let machine = target(&hypervisor, "vm-1", &[]);
    assert_eq!(
        run(&client, &machine, "power-state").await.stdout,
        b"shut off\n\n"
    );
    assert_eq!(run(&client, &machine, "power-on").await.exit_status, 0);
    assert_eq!(hypervisor.state("vm-1"), "running");
    assert_eq!(
        run(&client, &machine, "power-state").await.stdout,
        b"running\n\n"
    );
    run(&client, &machine, "power-off").await;
    assert_eq!(hypervisor.state("vm-1"), "shut off");
    for (template, device) in [
        ("boot-device-pxe", "network"),
        ("boot-device-cdrom", "cdrom"),
        ("boot-device-disk", "hd"),
    ] {
        let output = run(&client, &machine, template).await;
        assert_eq!(output.exit_status, 0, "{output:?}");
        assert_eq!(hypervisor.boot("vm-1"), device);
    }
    let devices = run(&client, &machine, "boot-device").await;
    assert_eq!(devices.stdout, b"<boot dev=\"hd\"/>\n");
    assert_eq!(hypervisor.state("vm-2"), "shut off");
    assert_eq!(hypervisor.boot("vm-2"), "hd");
}

#[tokio::test]
async fn what_a_command_says_when_it_fails_is_kept_apart() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|_| ());
    let output = run(&client, &target(&hypervisor, "other", &[]), "power-on").await;
    let expected = Output {
        exit_status: 1,
        stdout: Vec::new(),
        stderr: b"error: failed to get domain 'other'\n".to_vec(),
    };
    assert_eq!(output, expected);
}

#[tokio::test]
async fn many_commands_share_a_connection_and_run_side_by_side() {
    let Some(hypervisor) = Hypervisor::start(&["vm-0", "vm-1", "vm-2", "vm-3"]) else {
        return;
    };
    let client = client(|_| ());
    let all = (0..32).map(|number| {
        let (client, target) = (
            client.clone(),
            target(&hypervisor, &format!("vm-{}", number % 4), &[]),
        );
        tokio::spawn(async move { run(&client, &target, "power-state").await })
    });
    for command in all.collect::<Vec<_>>() {
        assert_eq!(command.await.unwrap().stdout, b"shut off\n\n");
    }
    assert_eq!(hypervisor.commands().len(), 32);
    assert_eq!(hypervisor.log().matches("Accepted publickey").count(), 1);
    assert_eq!(client.connections_in_use(), 1);
}

#[tokio::test]
async fn nothing_is_run_but_the_operators_commands() {
    let Some(hypervisor) = Hypervisor::start(&["vm-1"]) else {
        return;
    };
    let client = client(|config| {
        let say = ["printf", "%s|", "it's; $(reboot)", "{domain}"].map(str::to_owned);
        config.templates.set("own", "say", say.into()).unwrap();
    });
    let own = target(&hypervisor, "vm-1", &[("ssh_virt_type", "own".into())]);
    assert_eq!(
        run(&client, &own, "say").await.stdout,
        b"it's; $(reboot)|vm-1|"
    );
    let error = fail(&client, &own, "power-on").await;
    assert!(matches!(error, SshError::NoTemplate { .. }), "{error}");
    let unknown = target(&hypervisor, "vm-1", &[("ssh_virt_type", "vbox".into())]);
    let error = fail(&client, &unknown, "power-on").await;
    assert!(error.to_string().contains("ssh_virt_type"), "{error}");
    assert_eq!(hypervisor.commands().len(), 1);
}

//! From settings to what may be run on hypervisors.

use anyhow::{Context, Result};
use ironbark_bmc::ssh::{ClientConfig, KnownHosts, Templates};

use super::parts::allowed_networks;
use crate::config::{At, Settings};

/// How hypervisors are spoken to over SSH.
pub(crate) fn ssh(settings: &Settings) -> Result<ClientConfig> {
    let bmc = &settings.bmc;
    let mut templates = Templates::default();
    for (set, commands) in &settings.ssh.templates {
        for (name, arguments) in commands {
            templates
                .set(set, name, arguments.clone())
                .context(At::of(["ssh", "templates", set, name]))?;
        }
    }
    let known_hosts = settings
        .ssh
        .known_hosts
        .as_deref()
        .map(KnownHosts::open)
        .transpose()
        .context(At::of(["ssh", "known_hosts"]))?;
    Ok(ClientConfig {
        allowed_networks: allowed_networks(settings)?,
        templates,
        known_hosts,
        pacing: bmc.min_command_interval.0,
        idle_timeout: bmc.session_idle_timeout.0,
        ..ClientConfig::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_bmc::ssh::Domain;

    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_operators_commands_are_laid_over_those_that_ship() {
        let settings = settings(
            r#"
            [ssh.templates.virsh]
            power-on = ["/usr/local/bin/vm", "on", "{domain}"]
            [ssh.templates.vbox]
            power-on = ["VBoxManage", "startvm", "{domain}", "--type", "headless"]
            "#,
        );
        let templates = ssh(&settings).unwrap().templates;
        let vm = Domain::parse("vm-1").unwrap();
        let command = |set, name| templates.command(set, name, &vm);
        assert_eq!(
            command("virsh", "power-on").as_deref(),
            Some("/usr/local/bin/vm on vm-1")
        );
        assert!(command("virsh", "power-off").is_some());
        assert!(command("vbox", "power-on").is_some());
        assert_eq!(command("vbox", "power-off"), None);
    }

    #[test]
    fn a_file_of_host_keys_is_looked_into_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let settings = settings(&format!("[ssh]\nknown_hosts = {file:?}"));
        let error = format!("{:#}", ssh(&settings).unwrap_err());
        assert!(error.contains("[ssh] known_hosts"), "{error}");
        std::fs::write(&file, "# nothing yet\n").unwrap();
        assert!(ssh(&settings).unwrap().known_hosts.is_some());
        std::fs::write(&file, "# nothing yet\nhypervisor\n").unwrap();
        let error = format!("{:#}", ssh(&settings).unwrap_err());
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_wrong_command_is_named() {
        let settings = settings("[ssh.templates.virsh]\npower-on = [\"virsh\", \"start\", \"x\"]");
        let error = format!("{:#}", ssh(&settings).unwrap_err());
        assert!(
            error.contains("virsh.power-on") && error.contains("{domain}"),
            "{error}"
        );
    }
}

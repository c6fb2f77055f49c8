//! Which IPMI commands a package may send.
//!
//! Being granted `ipmi` gives every command but those of [`IPMI_GROUPS`], each of which is granted by a name of
//! its own (`ipmi:users`). A package that lists its commands is held to its list. OEM commands mean something else on
//! every machine, so no table can know which of them change users or networks: they need their group, or to be listed, so
//! that the operator sees which they are.
//!
//! Numbers: IPMI 2.0 revision 1.1, appendix G, table G-1; what they do: chapters 21 (firmware firewall), 22 (channels,
//! sessions, users), 23 (LAN), 24 (payloads), 25 and 26 (serial, serial over LAN). DCMI 1.5, section 6.1.

use std::collections::BTreeSet;
use std::sync::Arc;

/// A group of commands that `ipmi` alone doesn't give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpmiGroup {
    /// Its name in grants, after `ipmi:`.
    pub name: &'static str,
    /// What it gives, for the operator who decides.
    pub description: &'static str,
    commands: &'static [(u8, Commands)],
}

/// Which commands of a network function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commands {
    All,
    These(&'static [u8]),
}

const BRIDGE: u8 = 0x02;
const APP: u8 = 0x06;
const TRANSPORT: u8 = 0x0C;
/// Commands of groups such as DCMI, which their first byte of data names.
const GROUP_EXTENSION: u8 = 0x2C;
/// The group of commands that a list of commands gives as well.
const OEM: &str = "oem";

/// All groups.
pub const IPMI_GROUPS: &[IpmiGroup] = &[
    IpmiGroup {
        name: "messages",
        description: "passing messages to other controllers (Send Message, Get Message, bridging): reaches beyond this node",
        // Enable Message Channel Receive, Get Message, Send Message.
        commands: &[
            (APP, Commands::These(&[0x32, 0x33, 0x34])),
            (BRIDGE, Commands::All),
        ],
    },
    IpmiGroup {
        name: "bus",
        description: "raw access to the machine's I2C buses (Master Write-Read)",
        commands: &[(APP, Commands::These(&[0x52]))],
    },
    IpmiGroup {
        name: "sessions",
        description: "opening, raising and closing sessions, and starting payloads",
        // Get Session Challenge, Activate Session, Set Session Privilege Level, Close Session, Get Session Info,
        // Get AuthCode; Activate Payload, Deactivate Payload, Suspend/Resume Payload Encryption.
        commands: &[(
            APP,
            Commands::These(&[0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3F, 0x48, 0x49, 0x55]),
        )],
    },
    IpmiGroup {
        name: "users",
        description: "reading and changing the BMC's users and passwords",
        // Set and Get User Access, Set and Get User Name, Set User Password, Set and Get User Payload Access.
        commands: &[(
            APP,
            Commands::These(&[0x43, 0x44, 0x45, 0x46, 0x47, 0x4C, 0x4D]),
        )],
    },
    IpmiGroup {
        name: "lan-configuration",
        description: "reading and changing the BMC's network, channel access and channel keys",
        // Set and Get Channel Access, Set Channel Security Keys; everything about LAN, serial lines, PPP and serial over LAN;
        // Set DCMI Configuration Parameters (DHCP).
        commands: &[
            (APP, Commands::These(&[0x40, 0x41, 0x56])),
            (TRANSPORT, Commands::All),
            (GROUP_EXTENSION, Commands::These(&[0x12])),
        ],
    },
    IpmiGroup {
        name: "firewall",
        description: "switching the BMC's own commands off and on (firmware firewall)",
        // Set and Get Command Enables, Set and Get Command Sub-function Enables, Get OEM NetFn IANA Support.
        commands: &[(APP, Commands::These(&[0x60, 0x61, 0x62, 0x63, 0x64, 0x65]))],
    },
    IpmiGroup {
        name: OEM,
        description: "the machine's own commands (network functions 0x2E to 0x3E), which may do anything, users and network included",
        commands: &[
            (0x2E, Commands::All),
            (0x30, Commands::All),
            (0x32, Commands::All),
            (0x34, Commands::All),
            (0x36, Commands::All),
            (0x38, Commands::All),
            (0x3A, Commands::All),
            (0x3C, Commands::All),
            (0x3E, Commands::All),
        ],
    },
];

/// The commands that a package may send.
#[derive(Clone, Debug, Default)]
pub struct IpmiPolicy {
    groups: BTreeSet<&'static str>,
    only: Option<Arc<BTreeSet<(u8, u8)>>>,
}

impl IpmiPolicy {
    /// What `ipmi` alone gives.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the group of this name (without `ipmi:`); `false` if there is none.
    pub fn grant_group(&mut self, name: &str) -> bool {
        match IPMI_GROUPS.iter().find(|group| group.name == name) {
            Some(group) => {
                self.groups.insert(group.name);
                true
            }
            None => false,
        }
    }

    /// Holds the package to these commands (network function and number), within what is granted.
    pub fn restrict_to(&mut self, commands: impl IntoIterator<Item = (u8, u8)>) {
        self.only = Some(Arc::new(commands.into_iter().collect()));
    }

    /// Whether the command may be sent; why not, for the operator.
    pub(crate) fn check(&self, netfn: u8, command: u8) -> Result<(), String> {
        let named = format_args!("IPMI command 0x{command:02x} of network function 0x{netfn:02x}")
            .to_string();
        let listed = self
            .only
            .as_ref()
            .is_some_and(|only| only.contains(&(netfn, command)));
        for group in IPMI_GROUPS {
            let given = self.groups.contains(group.name) || (group.name == OEM && listed);
            if group.has(netfn, command) && !given {
                return Err(format!("{named} needs the grant 'ipmi:{}'", group.name));
            }
        }
        if self.only.is_some() && !listed {
            return Err(format!(
                "{named} is not among the commands that the driver's metadata declares"
            ));
        }
        Ok(())
    }
}

impl IpmiGroup {
    fn has(&self, netfn: u8, command: u8) -> bool {
        self.commands.iter().any(|(function, commands)| {
            *function == netfn
                && match commands {
                    Commands::All => true,
                    Commands::These(numbers) => numbers.contains(&command),
                }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn power_and_sensors_need_no_more_than_ipmi() {
        let policy = IpmiPolicy::new();
        // Get Device ID, Get Chassis Status, Chassis Control, Set System Boot Options, Get Sensor Reading, Get SDR.
        // DCMI's Get Power Reading.
        for (netfn, command) in [
            (6, 1),
            (0, 1),
            (0, 2),
            (0, 8),
            (4, 0x2D),
            (0x0A, 0x23),
            (0x2C, 2),
        ] {
            assert_eq!(policy.check(netfn, command), Ok(()));
        }
    }

    #[test]
    fn what_reaches_further_needs_its_group() {
        for (netfn, command, group) in [
            (6, 0x34, "messages"),
            (2, 0x77, "messages"),
            (6, 0x52, "bus"),
            (6, 0x3A, "sessions"),
            (6, 0x47, "users"),
            (0x0C, 1, "lan-configuration"),
            (6, 0x40, "lan-configuration"),
            (0x0C, 0x12, "lan-configuration"),
            (0x0C, 0x14, "lan-configuration"),
            (0x0C, 0x1A, "lan-configuration"),
            (0x0C, 0xFF, "lan-configuration"),
            (0x2C, 0x12, "lan-configuration"),
            (6, 0x60, "firewall"),
            (6, 0x65, "firewall"),
            (0x2E, 1, "oem"),
            (0x30, 0x30, "oem"),
            (0x3E, 0xFF, "oem"),
        ] {
            let mut policy = IpmiPolicy::new();
            let reason = policy.check(netfn, command).unwrap_err();
            assert!(reason.contains(&format!("'ipmi:{group}'")), "{reason}");
            assert!(policy.grant_group(group));
            assert_eq!(policy.check(netfn, command), Ok(()));
        }
        assert!(!IpmiPolicy::new().grant_group("everything"));
    }

    #[test]
    fn a_list_of_commands_restricts_and_only_adds_oem_commands() {
        let mut policy = IpmiPolicy::new();
        policy.restrict_to([(0, 1), (6, 0x34), (0x2E, 1)]);
        assert_eq!(policy.check(0x2E, 1), Ok(()));
        assert!(policy.check(0x2E, 2).unwrap_err().contains("ipmi:oem"));
        assert_eq!(policy.check(0, 1), Ok(()));
        assert!(policy.check(0, 2).is_err());
        assert!(policy.check(6, 0x34).unwrap_err().contains("ipmi:messages"));
    }
}

//! What an operator can set about drivers.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use ironbark_model::InterfaceKind;

/// Hardware types that ship and that no site should have without having asked for them.
const ONLY_BY_NAME: &[&str] = &["ssh"];

/// Settings of [`Drivers`](crate::Drivers).
#[derive(Clone, Debug)]
pub struct DriversConfig {
    /// Only these hardware types are registered; `None` means all that packages bring, but for those that are for tests (`ssh`).
    pub enabled_hardware_types: Option<Vec<String>>,
    /// Only these implementations of an interface are used; an interface that isn't here has all.
    pub enabled_interfaces: BTreeMap<InterfaceKind, Vec<String>>,
    /// What nodes get that name none; an interface that isn't here gets the first that its hardware type lists.
    pub default_interfaces: BTreeMap<InterfaceKind, String>,
    /// Nodes of every hardware type may have the network `ironbark-recorder`; none has it unless it is named.
    pub vif_recorder: bool,
    /// The host's connection keys, by capability: name and description of each, as `ipmi` → `ipmi_address` → text.
    pub connection_properties: BTreeMap<String, BTreeMap<String, String>>,
    /// When a package counts as broken.
    pub quarantine: QuarantineConfig,
    /// The time zone of cron lines that name none. Default UTC.
    pub time_zone: Tz,
}

/// When a package version counts as broken.
#[derive(Clone, Debug)]
pub struct QuarantineConfig {
    /// After so many faults. Each call that goes well makes up for one of the same function. Default 5; 0 never quarantines.
    pub faults: u32,
    /// A fault is forgotten when there is no other for so long. Default 10 minutes.
    pub window: Duration,
}

impl Default for QuarantineConfig {
    fn default() -> Self {
        Self {
            faults: 5,
            window: Duration::from_secs(600),
        }
    }
}

impl Default for DriversConfig {
    fn default() -> Self {
        Self {
            enabled_hardware_types: None,
            enabled_interfaces: BTreeMap::new(),
            default_interfaces: BTreeMap::new(),
            vif_recorder: false,
            connection_properties: BTreeMap::new(),
            quarantine: QuarantineConfig::default(),
            time_zone: Tz::UTC,
        }
    }
}

impl DriversConfig {
    /// Whether implementations of this name may be used.
    pub(crate) fn is_enabled(&self, kind: InterfaceKind, name: &str) -> bool {
        self.enabled_interfaces
            .get(&kind)
            .is_none_or(|enabled| enabled.is_empty() || enabled.iter().any(|entry| entry == name))
    }

    /// Whether hardware types of this name may be used.
    pub(crate) fn is_type_enabled(&self, name: &str) -> bool {
        match &self.enabled_hardware_types {
            Some(enabled) => enabled.iter().any(|entry| entry == name),
            None => !ONLY_BY_NAME.contains(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_on_hypervisors_are_for_those_who_ask_for_them() {
        let mut config = DriversConfig::default();
        assert!(config.is_type_enabled("ipmi") && config.is_type_enabled("acme"));
        assert!(!config.is_type_enabled("ssh"));
        config.enabled_hardware_types = Some(vec!["ssh".into()]);
        assert!(config.is_type_enabled("ssh") && !config.is_type_enabled("ipmi"));
    }
}

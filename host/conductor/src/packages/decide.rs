//! What has to happen with packages: pure decisions.

use std::collections::BTreeSet;

use ironbark_db::NodeRef;
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, Result};

/// How many nodes an error names.
const NAMED_NODES: usize = 10;

/// What this conductor has active of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Active {
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) granted: Vec<String>,
}

/// What makes this conductor's packages those of the database.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// To be loaded, in place of what has the same name.
    pub(super) load: Vec<DriverPackage>,
    /// To be taken out of use.
    pub(super) remove: Vec<String>,
}

/// Compares the database's list with what is active here.
pub(super) fn difference(wanted: &[DriverPackage], active: &[Active]) -> Difference {
    Difference {
        load: wanted
            .iter()
            .filter(|package| {
                !active.iter().any(|active| {
                    active.name == package.name
                        && active.digest == package.digest
                        && active.granted == package.granted
                })
            })
            .cloned()
            .collect(),
        remove: active
            .iter()
            .filter(|active| !wanted.iter().any(|package| package.name == active.name))
            .map(|active| active.name.clone())
            .collect(),
    }
}

/// What goes when a conductor's implementations change from `before` to `after`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    types: BTreeSet<String>,
    implementations: BTreeSet<HardwareInterface>,
}

impl Lost {
    pub(super) fn between(before: &[HardwareInterface], after: &[HardwareInterface]) -> Self {
        let types = |list: &[HardwareInterface]| -> BTreeSet<String> {
            list.iter().map(|one| one.hardware_type.clone()).collect()
        };
        let without_default = |list: &[HardwareInterface]| -> BTreeSet<HardwareInterface> {
            list.iter()
                .map(|one| HardwareInterface {
                    is_default: false,
                    ..one.clone()
                })
                .collect()
        };
        let kept = types(after);
        Self {
            types: types(before).difference(&kept).cloned().collect(),
            implementations: without_default(before)
                .difference(&without_default(after))
                .cloned()
                .collect(),
        }
    }

    /// The hardware types that lose something, or go.
    pub(super) fn hardware_types(&self) -> Vec<String> {
        let losing = self
            .implementations
            .iter()
            .map(|lost| &lost.hardware_type)
            .chain(&self.types);
        losing
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect()
    }

    /// Whether `node` can't do without what goes.
    fn is_used_by(&self, node: &NodeRef) -> bool {
        self.types.contains(&node.driver)
            || self.implementations.iter().any(|lost| {
                lost.hardware_type == node.driver
                    && node.interface(lost.interface) == Some(lost.implementation.as_str())
            })
    }

    /// Refuses if a node needs what goes; names the first ten and says how many there are.
    pub(super) fn check_unused(&self, what: &str, nodes: &[NodeRef]) -> Result<()> {
        let users: Vec<&NodeRef> = nodes.iter().filter(|node| self.is_used_by(node)).collect();
        if users.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = users
            .iter()
            .take(NAMED_NODES)
            .map(|node| node.name.as_deref().unwrap_or(&node.uuid))
            .collect();
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let goes = if types.is_empty() {
            "interface implementations that it brings".to_owned()
        } else {
            format!("hardware types {}", types.join(", "))
        };
        Err(Error::conflict(format!(
            "{what}: {goes} would go, and {} node{} still use{} them: {}{}. Move these nodes to another driver or delete \
             them first.",
            users.len(),
            if users.len() == 1 { "" } else { "s" },
            if users.len() == 1 { "s" } else { "" },
            named.join(", "),
            if users.len() > NAMED_NODES {
                ", …"
            } else {
                ""
            },
        )))
    }
}

/// The version to go back to from `active`: the one that was active last, and that is still good.
pub(super) fn last_good<'v>(
    versions: &'v [PackageVersion],
    active: &str,
) -> Option<&'v PackageVersion> {
    versions
        .iter()
        .filter(|version| {
            version.version != active
                && version.state == VersionState::Installed
                && version.activated_at.is_some()
        })
        .max_by_key(|version| version.activated_at)
}

/// Whether a file takes the place of the active package of the same name. `versions` are those that are installed.
///
/// `changed` says that the file came or changed while we watched: then it is what the operator did last. At the start nobody
/// knows, and a file doesn't replace what was installed through the API, nor a version that was chosen instead of it once it
/// was installed; what ships with Ironbark replaces only what shipped with an older or the same Ironbark.
pub(super) fn takes_over(
    file: PackageSource,
    version: &str,
    digest: &str,
    active: Option<&DriverPackage>,
    versions: &[PackageVersion],
    changed: bool,
) -> bool {
    if !changed && versions.iter().any(|version| version.digest == digest) {
        return false;
    }
    let Some(active) = active else { return true };
    if active.digest == digest {
        return false;
    }
    match (file, active.source) {
        (PackageSource::Bundled, PackageSource::Bundled) => !is_newer(&active.version, version),
        (PackageSource::Bundled, _) => false,
        (_, PackageSource::Api) => changed,
        (_, PackageSource::Folder | PackageSource::Bundled) => true,
    }
}

/// The version of the highest number; what isn't a semantic version counts least.
pub(super) fn newest<'v>(
    versions: impl Iterator<Item = &'v PackageVersion>,
) -> Option<&'v PackageVersion> {
    versions.max_by_key(|version| semver::Version::parse(&version.version).ok())
}

/// Whether version `a` is newer than `b`. What isn't a semantic version isn't newer.
pub(super) fn is_newer(a: &str, b: &str) -> bool {
    match (semver::Version::parse(a), semver::Version::parse(b)) {
        (Ok(a), Ok(b)) => a > b,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ironbark_model::{InterfaceKind, ProvisionState, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn package(name: &str, digest: &str, source: PackageSource, version: &str) -> DriverPackage {
        DriverPackage {
            name: name.into(),
            version: version.into(),
            digest: digest.into(),
            size: 1,
            vendor: "v".into(),
            granted: Vec::new(),
            hardware_types: Vec::new(),
            source,
            file: None,
            created_at: Timestamp(0),
        }
    }

    fn active(name: &str, digest: &str) -> Active {
        Active {
            name: name.into(),
            digest: digest.into(),
            granted: Vec::new(),
        }
    }

    fn offers(list: &[(&str, InterfaceKind, &str)]) -> Vec<HardwareInterface> {
        list.iter()
            .map(
                |(hardware_type, interface, implementation)| HardwareInterface {
                    hardware_type: (*hardware_type).into(),
                    interface: *interface,
                    implementation: (*implementation).into(),
                    is_default: true,
                },
            )
            .collect()
    }

    fn node(name: &str, driver: &str, power: &str) -> NodeRef {
        NodeRef {
            id: 1,
            uuid: format!("uuid-of-{name}"),
            name: Some(name.into()),
            driver: driver.into(),
            conductor_group: String::new(),
            conductor_affinity: None,
            reservation: None,
            fence: 0,
            provision_state: ProvisionState::Active,
            target_provision_state: None,
            provision_updated_at: None,
            power_state: None,
            target_power_state: None,
            maintenance: false,
            fault: None,
            has_last_error: false,
            updated_at: None,
            power_interface: Some(power.into()),
            management_interface: None,
            deploy_interface: None,
            console_interface: None,
            inspect_interface: None,
            vendor_interface: None,
            boot_interface: None,
            bios_interface: None,
            firmware_interface: None,
            network_interface: None,
            raid_interface: None,
            rescue_interface: None,
            storage_interface: None,
        }
    }

    #[test]
    fn a_type_in_use_names_ten_nodes_and_says_how_many() {
        let before = offers(&[("acme", InterfaceKind::Power, "acme")]);
        let lost = Lost::between(&before, &[]);
        let mut nodes: Vec<NodeRef> = (0..12)
            .map(|number| node(&format!("n{number}"), "acme", "acme"))
            .collect();
        nodes.push(node("elsewhere", "ipmi", "ipmitool"));
        let error = lost
            .check_unused("Package acme can't be removed", &nodes)
            .unwrap_err();
        assert_eq!(error.kind(), ironbark_model::ErrorKind::Conflict);
        let message = error.message();
        assert!(message.contains("12 nodes") && message.contains("n9") && message.contains("acme"));
        assert!(!message.contains("n10") && !message.contains("elsewhere"));
        assert!(lost.check_unused("x", &nodes[12..]).is_ok());
    }

    #[test]
    fn an_implementation_in_use_of_another_packages_type_counts_too() {
        let before = offers(&[
            ("ipmi", InterfaceKind::Power, "ipmitool"),
            ("ipmi", InterfaceKind::Power, "acme"),
        ]);
        let after = offers(&[("ipmi", InterfaceKind::Power, "ipmitool")]);
        let lost = Lost::between(&before, &after);
        assert!(
            lost.check_unused("x", &[node("a", "ipmi", "ipmitool")])
                .is_ok()
        );
        assert!(
            lost.check_unused("x", &[node("a", "ipmi", "acme")])
                .is_err()
        );
        assert!(Lost::between(&after, &before).hardware_types().is_empty());
    }

    #[test]
    fn an_implementation_of_any_interface_counts() {
        let kinds = InterfaceKind::ALL.iter().copied();
        for kind in kinds.filter(|kind| *kind != InterfaceKind::Power) {
            let before = offers(&[
                ("ipmi", InterfaceKind::Power, "ipmitool"),
                ("ipmi", kind, "acme"),
            ]);
            let after = offers(&[("ipmi", InterfaceKind::Power, "ipmitool")]);
            let lost = Lost::between(&before, &after);
            assert_eq!(lost.hardware_types(), ["ipmi"]);
            let other = node("other", "ipmi", "ipmitool");
            assert!(lost.check_unused("x", &[other]).is_ok());
            let user = NodeRef {
                bios_interface: Some("acme".into()),
                boot_interface: Some("acme".into()),
                console_interface: Some("acme".into()),
                deploy_interface: Some("acme".into()),
                firmware_interface: Some("acme".into()),
                inspect_interface: Some("acme".into()),
                management_interface: Some("acme".into()),
                network_interface: Some("acme".into()),
                raid_interface: Some("acme".into()),
                rescue_interface: Some("acme".into()),
                storage_interface: Some("acme".into()),
                vendor_interface: Some("acme".into()),
                ..node("user", "ipmi", "ipmitool")
            };
            assert!(lost.check_unused("x", &[user]).is_err(), "{kind}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn files_replace_what_they_should() {
        use PackageSource::{Api, Bundled, Folder};
        for (file, version, installed, changed, expected) in [
            (Folder, "1.0.0", None, false, true),
            (Folder, "1.0.0", Some((Folder, "2.0.0")), false, true),
            (Folder, "1.0.0", Some((Bundled, "2.0.0")), false, true),
            (Folder, "1.0.0", Some((Api, "0.1.0")), false, false),
            (Folder, "1.0.0", Some((Api, "0.1.0")), true, true),
            (Bundled, "1.0.0", Some((Bundled, "1.0.0")), false, true),
            (Bundled, "1.1.0", Some((Bundled, "1.0.0")), false, true),
            (Bundled, "1.0.0", Some((Bundled, "1.1.0")), false, false),
            (Bundled, "9.0.0", Some((Folder, "1.0.0")), false, false),
            (Bundled, "9.0.0", Some((Api, "1.0.0")), false, false),
        ] {
            let installed = installed.map(|(source, version)| package("p", "old", source, version));
            assert_eq!(takes_over(file, version, "new", installed.as_ref(), &[], changed), expected,
                "{file:?} {version} over {installed:?}, changed: {changed}");
        }
        let same = package("p", "same", Bundled, "1.0.0");
        assert!(!takes_over(Folder, "1.0.0", "same", Some(&same), &[], true));
        // A version that was installed from this file, and then replaced, disabled or quarantined by somebody.
        let known = [installed("2.0.0", "new", None, VersionState::Disabled)];
        for active in [None, Some(&same)] {
            assert!(!takes_over(Folder, "2.0.0", "new", active, &known, false));
            assert!(takes_over(Folder, "2.0.0", "new", active, &known, true));
        }
    }

    fn installed(
        version: &str,
        digest: &str,
        activated_at: Option<i64>,
        state: VersionState,
    ) -> PackageVersion {
        PackageVersion {
            package: "p".into(),
            version: version.into(),
            digest: digest.into(),
            size: 1,
            vendor: "v".into(),
            asked: Vec::new(),
            capabilities: Vec::new(),
            hardware_types: Vec::new(),
            implementations: Vec::new(),
            state_schema: String::new(),
            source: PackageSource::Api,
            file: None,
            publisher: None,
            publisher_key: None,
            state,
            reason: None,
            stopped: false,
            created_at: Timestamp(0),
            activated_at: activated_at.map(Timestamp),
        }
    }

    #[test]
    fn the_last_good_version_was_active_and_may_be_used() {
        use VersionState::{AwaitingApproval, Disabled, Installed, Quarantined};
        let versions = [
            installed("1.0.0", "a", Some(1), Installed),
            installed("1.1.0", "b", Some(3), Installed),
            installed("1.2.0", "c", Some(4), Quarantined),
            installed("1.3.0", "d", Some(5), Disabled),
            installed("1.4.0", "e", None, AwaitingApproval),
            installed("1.10.0", "f", None, Installed),
            installed("2.0.0", "g", Some(6), Installed),
        ];
        assert_eq!(last_good(&versions, "2.0.0").unwrap().version, "1.1.0");
        assert_eq!(last_good(&versions[..1], "1.0.0"), None);
        assert_eq!(newest(versions[..6].iter()).unwrap().version, "1.10.0");
    }

    proptest! {
        #[test]
        fn carrying_out_the_difference_leaves_none(
            wanted in prop::collection::btree_map("[a-d]", "[xyz]", 0..4),
            here in prop::collection::btree_map("[a-d]", "[xyz]", 0..4),
        ) {
            let wanted: Vec<DriverPackage> = wanted.iter().map(|(name, digest)| package(name, digest, PackageSource::Api, "1.0.0")).collect();
            let mut here: Vec<Active> = here.iter().map(|(name, digest)| active(name, digest)).collect();
            let todo = difference(&wanted, &here);
            here.retain(|one| !todo.remove.contains(&one.name));
            for package in &todo.load {
                here.retain(|one| one.name != package.name);
                here.push(active(&package.name, &package.digest));
            }
            prop_assert_eq!(difference(&wanted, &here), Difference::default());
            prop_assert_eq!(here.len(), wanted.len());
        }
    }
}

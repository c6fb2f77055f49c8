//! A package that is loaded: its metadata, its compiled component, and how it is doing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironbark_model::{InterfaceKind, JsonObject, Node};
use ironbark_package::{ImplementationEntry, Metadata};
use ironbark_sandbox::{
    CallError, Completed, Driver, DriverError, FaultKind, Limits, PackageUsage,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::binds::Binds;
use crate::config::QuarantineConfig;
use crate::grants;
use crate::prepare::Checked;
use crate::properties::PropertyRules;
use crate::quarantine::{CallCounts, Health, Quarantine};

/// A package that was checked, compiled and started once. Not active yet.
#[derive(Clone)]
pub struct PreparedPackage(pub(crate) Arc<Package>);

impl PreparedPackage {
    /// The package as it will be.
    pub fn package(&self) -> &Arc<Package> {
        &self.0
    }
}

/// A loaded package.
pub struct Package {
    metadata: Metadata,
    digest: String,
    size: usize,
    granted: BTreeSet<String>,
    driver: Driver,
    rules: PropertyRules,
    binds: Binds,
    health: Health,
    /// Told when it is quarantined.
    alarm: Arc<Notify>,
}

impl Package {
    pub(crate) fn new(
        checked: Checked,
        size: usize,
        driver: Driver,
        quarantine: QuarantineConfig,
        alarm: Arc<Notify>,
    ) -> Self {
        Self {
            binds: Binds::new(&checked.metadata),
            metadata: checked.metadata,
            digest: checked.digest,
            size,
            granted: checked.granted,
            driver,
            rules: checked.rules,
            health: Health::new(quarantine),
            alarm,
        }
    }

    /// What the package says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The package's version.
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// SHA-256 of its bytes, in lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Names of the capabilities that it was granted, sorted.
    pub fn granted(&self) -> &BTreeSet<String> {
        &self.granted
    }

    /// Names of the capabilities that it asks for, sorted.
    pub fn asked(&self) -> BTreeSet<String> {
        grants::asked(&self.metadata)
    }

    /// Checks the package's own keys of a node's `driver_info`, for those of the node's interfaces that it implements.
    pub fn check_node(&self, node: &Node) -> Result<(), DriverError> {
        for &kind in InterfaceKind::ALL {
            let Some(name) = node.interface(kind) else {
                continue;
            };
            if self.entry(kind, name).is_some() {
                self.rules.check(kind, name, &node.driver_info)?;
            }
        }
        Ok(())
    }

    /// What `other` offers and this package doesn't: hardware types and implementations (`power/acme`).
    pub fn lacks_of(&self, other: &Package) -> Vec<String> {
        let types = other
            .metadata
            .hardware_types
            .iter()
            .filter(|theirs| {
                !self
                    .metadata
                    .hardware_types
                    .iter()
                    .any(|own| own.name == theirs.name)
            })
            .map(|theirs| theirs.name.clone());
        let implementations = other
            .metadata
            .interfaces
            .iter()
            .flat_map(|(kind, entries)| entries.iter().map(move |entry| (*kind, entry)))
            .filter(|(kind, entry)| self.entry(*kind, &entry.name).is_none())
            .map(|(kind, entry)| format!("{kind}/{}", entry.name));
        types.chain(implementations).collect()
    }

    /// Keys of `driver_info` that are secrets of this package.
    pub fn secret_keys(&self) -> &BTreeSet<String> {
        self.rules.secret_keys()
    }

    /// Keys of `driver_info` that the package binds to connection keys: drivers don't see them.
    pub fn bound_keys(&self) -> &BTreeSet<String> {
        self.binds.own()
    }

    /// `driver_info` as the host's connections read it: with the keys that the package binds to them.
    pub fn connection_info<'a>(&self, driver_info: &'a JsonObject) -> Cow<'a, JsonObject> {
        self.binds.apply(driver_info)
    }

    /// How its calls ended since it was loaded.
    pub fn call_counts(&self) -> CallCounts {
        self.health.total()
    }

    /// What broke since it was loaded, by kind and how often: `trap`, `cpu`, `deadline`, `no-answer`, `memory`, `host-calls`,
    /// `bad-result`, `missing-export`, `host`, and `denied` for trying what it doesn't even ask for.
    pub fn faults_by_kind(&self) -> BTreeMap<&'static str, u64> {
        self.health.kinds()
    }

    /// Calls that found no place, or weren't made because it is quarantined.
    pub fn refused_calls(&self) -> u64 {
        self.health.refused().saturating_add(self.usage().refused)
    }

    /// What it has used so far.
    pub fn usage(&self) -> PackageUsage {
        self.driver.usage()
    }

    /// The bounds on its calls.
    pub fn limits(&self) -> &Limits {
        self.driver.limits()
    }

    /// How many calls of it there may be at a time.
    pub fn max_live_calls(&self) -> usize {
        self.driver.max_live_calls()
    }

    /// How long a call may take, if the operator gave this package limits of its own.
    pub fn own_deadline(&self) -> Option<Duration> {
        self.driver.own_deadline()
    }

    /// Why it isn't called; `None` if it is in use.
    pub fn quarantine(&self) -> Option<Quarantine> {
        self.health.quarantine()
    }

    /// Makes the quarantine what is written down. `stopped` ends also steps that began with it.
    pub fn set_quarantine(&self, stopped: bool) {
        self.health.set(stopped);
    }

    /// Gives it another chance.
    pub fn release_quarantine(&self) {
        self.health.release();
    }

    /// Takes over how the same version was doing.
    pub(crate) fn inherit(&self, before: &Package) {
        self.health.inherit(&before.health);
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn rules(&self) -> &PropertyRules {
        &self.rules
    }

    pub(crate) fn entry(&self, kind: InterfaceKind, name: &str) -> Option<&ImplementationEntry> {
        self.metadata
            .interfaces
            .get(&kind)?
            .iter()
            .find(|entry| entry.name == name)
    }

    /// Refuses calls of a package in quarantine. `pinned` says that a step began with this version.
    pub(crate) fn admit(&self, pinned: bool) -> Result<(), CallError> {
        match self.health.refuses(pinned) {
            Some(faults) => Err(self.driver.fault(FaultKind::Quarantined(faults)).into()),
            None => Ok(()),
        }
    }

    /// Counts how a call of `function` ended; `over_reached` says that it tried what it wasn't granted.
    pub(crate) fn record<T>(
        &self,
        function: &'static str,
        result: &Result<Completed<T>, CallError>,
        over_reached: bool,
    ) {
        if let Err(CallError::Fault(fault)) = result {
            self.health.record_kind(fault.kind.name());
        }
        if over_reached {
            self.health.record_kind("denied");
        }
        let broke = match result {
            Err(CallError::Fault(fault)) => over_reached || fault.kind.is_packages_own(),
            Ok(_) | Err(CallError::Driver(_)) => over_reached,
            Err(CallError::Overloaded | CallError::NotRecorded) => return,
        };
        if broke {
            if self.health.record_fault(function, Instant::now()) {
                tracing::error!(
                    package = self.name(),
                    version = self.version(),
                    digest = self.digest(),
                    "driver package quarantined after too many faults: install another version, or release it"
                );
                self.alarm.notify_one();
            }
        } else if !matches!(result, Err(CallError::Fault(_))) {
            self.health.record_success(function);
        }
    }
}

/// SHA-256 of a package's bytes, in lower-case hex.
pub fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

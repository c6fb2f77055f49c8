//! A package that is loaded: its metadata, its compiled component, and how it is doing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_package::{ImplementationEntry, Metadata};
use ironbark_sandbox::{CallError, Completed, Driver, FaultKind};
use sha2::{Digest as _, Sha256};

use crate::binds::Binds;
use crate::config::QuarantineConfig;
use crate::prepare::Checked;
use crate::properties::PropertyRules;
use crate::quarantine::Health;

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
}

impl Package {
    pub(crate) fn new(
        checked: Checked,
        size: usize,
        driver: Driver,
        quarantine: QuarantineConfig,
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

    /// Calls that broke since it was activated.
    pub fn faults(&self) -> u64 {
        self.health.total()
    }

    /// After how many faults it was quarantined; `None` if it is in use.
    pub fn quarantined(&self) -> Option<u32> {
        self.health.quarantined()
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn rules(&self) -> &PropertyRules {
        &self.rules
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn entry(&self, kind: InterfaceKind, name: &str) -> Option<&ImplementationEntry> {
        self.metadata
            .interfaces
            .get(&kind)?
            .iter()
            .find(|entry| entry.name == name)
    }

    /// Refuses calls of a package in quarantine.
    pub(crate) fn admit(&self) -> Result<(), CallError> {
        match self.health.quarantined() {
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
                    "driver package quarantined after too many faults: install another version, or the same again to give it another chance"
                );
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

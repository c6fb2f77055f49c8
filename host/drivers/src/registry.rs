//! What a set of packages makes: hardware types with their implementations. Pure: built anew at every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironbark_model::lifecycle::CanaryScope;
use ironbark_model::{Error, ErrorKind, InterfaceKind};
use ironbark_package::{HardwareType as Declared, ImplementationRef};

use crate::config::DriversConfig;
use crate::host_side::{HostSide, RECORDER};
use crate::implementation::Implementation;
use crate::package::Package;
use crate::quarantine::CallCounts;

/// A registered hardware type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareType {
    /// Its name: what a node's `driver` holds.
    pub name: String,
    /// For operators.
    pub description: String,
    /// The package that brings it.
    pub package: String,
    /// What its nodes may have, in order of preference; every interface has at least one.
    pub interfaces: BTreeMap<InterfaceKind, Vec<String>>,
}

/// Versions that some nodes use instead of the active one, by name of the package.
pub(crate) type Canaries = BTreeMap<String, Canary>;

/// A version that some nodes use instead of the active one.
#[derive(Clone)]
pub(crate) struct Canary {
    pub(crate) scope: CanaryScope,
    pub(crate) package: Arc<Package>,
    /// How its calls had ended when it became one: what it did before, perhaps as the active version, says nothing of it as a
    /// canary.
    pub(crate) before: CallCounts,
}

/// Everything that is looked up by name.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) packages: BTreeMap<String, Arc<Package>>,
    /// What they offer is no part of hardware types: those are of the active versions.
    pub(crate) canaries: Canaries,
    pub(crate) hardware_types: BTreeMap<String, HardwareType>,
    pub(crate) report: Vec<String>,
    implementations: BTreeMap<(InterfaceKind, String), Implementation>,
}

impl Registry {
    pub(crate) fn build(packages: BTreeMap<String, Arc<Package>>, config: &DriversConfig) -> Self {
        let mut registry = Self {
            packages,
            ..Self::default()
        };
        registry.add_implementations();
        registry.add_hardware_types(config);
        for name in config.enabled_hardware_types.iter().flatten() {
            if !registry.hardware_types.contains_key(name) {
                registry.report.push(format!(
                    "hardware type '{name}' is enabled, but no active package brings it"
                ));
            }
        }
        registry
    }

    /// The implementation of this name, whatever hardware types list it.
    pub(crate) fn find(&self, kind: InterfaceKind, name: &str) -> Option<Implementation> {
        self.implementations
            .get(&(kind, name.to_owned()))
            .cloned()
            .or_else(|| Implementation::of_host(kind, name))
    }

    /// The hardware type of this name; an error that says so if it isn't registered.
    pub(crate) fn hardware_type(&self, name: &str) -> Result<&HardwareType, Error> {
        self.hardware_types.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.hardware_types.keys().map(String::as_str).collect();
            Error::not_found(format!(
                "Could not find the following driver(s) or hardware type(s): {name}. Registered here: {}.",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            ))
        })
    }

    /// The implementations of `kind` that a hardware type's nodes may have.
    pub(crate) fn supported(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
    ) -> Result<&[String], Error> {
        let hardware_type = self.hardware_type(hardware_type)?;
        Ok(hardware_type
            .interfaces
            .get(&kind)
            .map_or(&[], Vec::as_slice))
    }

    pub(crate) fn default_implementation(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
        config: &DriversConfig,
    ) -> Result<String, Error> {
        let supported = self.supported(hardware_type, kind)?;
        let chosen = match config.default_interfaces.get(&kind) {
            Some(name) => supported.iter().find(|entry| *entry == name),
            None => supported.first(),
        };
        chosen.cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidParameter,
                format!(
                    "No default value found for the {kind} interface of hardware type '{hardware_type}'. Set {}, or check default_{kind}_interface and enabled_{kind}_interfaces of the service.",
                    kind.field()
                ),
            )
        })
    }

    pub(crate) fn check_interface(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
        name: &str,
        config: &DriversConfig,
    ) -> Result<(), Error> {
        let supported = self.supported(hardware_type, kind)?;
        if supported.iter().any(|entry| entry == name) {
            return Ok(());
        }
        let known = self.find(kind, name).is_some() && config.is_enabled(kind, name);
        Err(Error::invalid(if known {
            format!(
                "{kind} interface implementation '{name}' is not supported by hardware type {hardware_type}. Supported: {}.",
                supported.join(", ")
            )
        } else {
            format!(
                "Could not find the following interface in the 'ironic.hardware.interfaces.{kind}' entrypoint: {name}. Valid interfaces are [{}].",
                supported.join(", ")
            )
        }))
    }

    fn add_implementations(&mut self) {
        for package in self.packages.values() {
            for (kind, entries) in &package.metadata().interfaces {
                for entry in entries {
                    let key = (*kind, entry.name.clone());
                    if let Some(taken) = self.implementations.get(&key) {
                        self.report.push(format!(
                            "{kind} implementation '{}' of package '{}' is skipped: package '{}' has one of that name",
                            entry.name,
                            package.name(),
                            taken.package_name().unwrap_or_default()
                        ));
                        continue;
                    }
                    let implementation =
                        Implementation::of_package(*kind, &entry.name, Arc::clone(package));
                    self.implementations.insert(key, implementation);
                }
            }
        }
    }

    fn add_hardware_types(&mut self, config: &DriversConfig) {
        let declared: Vec<(String, Declared)> = self
            .packages
            .values()
            .flat_map(|package| {
                package
                    .metadata()
                    .hardware_types
                    .iter()
                    .map(|declared| (package.name().to_owned(), declared.clone()))
            })
            .filter(|(_, declared)| config.is_type_enabled(&declared.name))
            .collect();
        for (package, declared) in declared {
            if let Some(taken) = self.hardware_types.get(&declared.name) {
                self.report.push(format!(
                    "hardware type '{}' of package '{package}' is skipped: package '{}' has one of that name",
                    declared.name, taken.package
                ));
                continue;
            }
            if let Some(resolved) = self.resolve(&package, &declared, config) {
                self.hardware_types.insert(declared.name, resolved);
            }
        }
    }

    /// The hardware type with what can be had of it; `None` if it has no power or no deploy.
    fn resolve(
        &mut self,
        package: &str,
        declared: &Declared,
        config: &DriversConfig,
    ) -> Option<HardwareType> {
        let mut interfaces = BTreeMap::new();
        for &kind in InterfaceKind::ALL {
            let mut names: Vec<String> = Vec::new();
            for entry in declared.interfaces.get(&kind).into_iter().flatten() {
                if kind == InterfaceKind::Network && entry.name() == RECORDER {
                    continue;
                }
                match self.resolve_entry(kind, entry) {
                    Ok(()) if config.is_enabled(kind, entry.name()) => names.push(entry.name().to_owned()),
                    Ok(()) => {}
                    Err(reason) => self.report.push(format!(
                        "hardware type '{}' of package '{package}': {kind} entry '{}' is skipped: {reason}",
                        declared.name,
                        entry.name()
                    )),
                }
            }
            if !declared.interfaces.contains_key(&kind) {
                names.extend(HostSide::fallback(kind));
            }
            if declared.any_interface {
                let all = self.names(kind);
                names.extend(all.into_iter().filter(|name| config.is_enabled(kind, name)));
                let mut seen = std::collections::BTreeSet::new();
                names.retain(|name| seen.insert(name.clone()));
            }
            // Behind another, so that nobody gets it by default.
            if kind == InterfaceKind::Network && config.vif_recorder && !names.is_empty() {
                names.push(RECORDER.to_owned());
            }
            if !names.is_empty() {
                interfaces.insert(kind, names);
            }
        }
        for kind in [InterfaceKind::Power, InterfaceKind::Deploy] {
            if !interfaces.contains_key(&kind) {
                self.report.push(format!(
                    "hardware type '{}' of package '{package}' is not registered: it has no usable {kind} implementation",
                    declared.name
                ));
                return None;
            }
        }
        Some(HardwareType {
            name: declared.name.clone(),
            description: declared.description.clone(),
            package: package.to_owned(),
            interfaces,
        })
    }

    fn resolve_entry(&self, kind: InterfaceKind, entry: &ImplementationRef) -> Result<(), String> {
        let Some(found) = self.find(kind, entry.name()) else {
            return Err("no active package brings it".to_owned());
        };
        let ImplementationRef::Of {
            package, version, ..
        } = entry
        else {
            return Ok(());
        };
        if found.package_name() != Some(package) {
            return Err(format!("package '{package}' doesn't bring it"));
        }
        let Some(range) = version else {
            return Ok(());
        };
        // Both were checked when the packages were prepared.
        let fits = semver::VersionReq::parse(range).ok().zip(
            found
                .package_version()
                .and_then(|version| semver::Version::parse(version).ok()),
        );
        match fits {
            Some((range, version)) if range.matches(&version) => Ok(()),
            _ => Err(format!("package '{package}' isn't of a version {range}")),
        }
    }

    /// Names of all implementations of `kind`: the packages' first.
    fn names(&self, kind: InterfaceKind) -> Vec<String> {
        let of_packages = self
            .implementations
            .keys()
            .filter(|(entry, _)| *entry == kind)
            .map(|(_, name)| name.clone());
        of_packages.chain(HostSide::names(kind)).collect()
    }
}

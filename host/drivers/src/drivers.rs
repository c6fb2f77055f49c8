//! The active packages, and everything that is asked about them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::lifecycle::CanaryScope;
use ironbark_model::operation::PlannedStep;
use ironbark_model::step::StepKind;
use ironbark_model::{Error, InterfaceKind, JsonObject, Node};
use ironbark_package::{VendorMethod, VendorScope};
use ironbark_sandbox::{DriverError, Engine};
use tokio::sync::Notify;

use crate::config::DriversConfig;
use crate::error::PackageError;
use crate::grants::Grants;
use crate::implementation::Implementation;
use crate::package::{Package, PreparedPackage};
use crate::periodic::PeriodicTask;
use crate::quarantine::CallCounts;
use crate::registry::{Canaries, Canary, HardwareType, Registry};

/// The driver packages of this process. Clones share everything; reading never waits.
#[derive(Clone)]
pub struct Drivers {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    config: DriversConfig,
    registry: ArcSwap<Registry>,
    /// Held while the registry is replaced. Also has the versions that are no longer active but may be pinned, by digest.
    retained: Mutex<BTreeMap<String, Arc<Package>>>,
    /// A package was quarantined.
    alarm: Arc<Notify>,
}

/// What activating a package would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivationPlan {
    /// The package of the same name that it replaces: version and digest.
    pub replaces: Option<(String, String)>,
    /// Hardware types that are registered only then.
    pub hardware_types_added: Vec<String>,
    /// Hardware types that are no longer registered then.
    pub hardware_types_removed: Vec<String>,
    /// Implementations (`power/acme`) that are no longer there then: nodes may still name them.
    pub implementations_removed: Vec<String>,
    /// Entries of hardware types that can't be resolved then.
    pub report: Vec<String>,
}

impl Drivers {
    /// No packages yet.
    pub fn new(engine: Engine, config: DriversConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                engine,
                registry: ArcSwap::from_pointee(Registry::build(BTreeMap::new(), &config)),
                config,
                retained: Mutex::default(),
                alarm: Arc::default(),
            }),
        }
    }

    /// Checks a package: its structure, size and metadata, that metadata and component agree, that nothing is imported
    /// that wasn't asked for; compiles it and starts it once. Nothing active changes.
    pub async fn prepare(
        &self,
        bytes: Arc<[u8]>,
        grants: &Grants,
    ) -> Result<PreparedPackage, PackageError> {
        let inner = &self.inner;
        let alarm = Arc::clone(&inner.alarm);
        crate::prepare::prepare(&inner.engine, &inner.config, bytes, grants, alarm).await
    }

    /// What activating it would change; an error if a name that it declares belongs to another package.
    pub fn check_activation(
        &self,
        prepared: &PreparedPackage,
    ) -> Result<ActivationPlan, PackageError> {
        let now = self.registry();
        let package = prepared.package();
        let others = || {
            now.packages
                .values()
                .filter(|other| other.name() != package.name())
        };
        for other in others() {
            check_names(package, other)?;
        }
        let mut packages = now.packages.clone();
        let replaced = packages.insert(package.name().to_owned(), Arc::clone(package));
        Ok(plan(&now, packages, replaced, &self.inner.config))
    }

    /// What removing this package would change; `None` if there is no such package.
    pub fn check_removal(&self, name: &str) -> Option<ActivationPlan> {
        let now = self.registry();
        let mut packages = now.packages.clone();
        let removed = packages.remove(name)?;
        Some(plan(&now, packages, Some(removed), &self.inner.config))
    }

    /// Makes it the active version; returns the one that it replaces. Calls and [`Implementation`]s in use stay on the
    /// old version, which is retained until [`release`](Self::release).
    pub fn activate(&self, prepared: PreparedPackage) -> Option<Arc<Package>> {
        let mut retained = self.retained();
        let now = self.registry();
        let mut packages = now.packages.clone();
        let package = prepared.0;
        self.inherit(&package, retained.remove(package.digest()));
        let old = packages.insert(package.name().to_owned(), package);
        self.swap(packages, now.canaries.clone());
        retain(&mut retained, old.as_ref());
        old
    }

    /// Takes the package out of use, and its canary; both are retained until [`release`](Self::release).
    pub fn remove(&self, name: &str) -> Option<Arc<Package>> {
        let mut retained = self.retained();
        let now = self.registry();
        let (mut packages, mut canaries) = (now.packages.clone(), now.canaries.clone());
        let old = packages.remove(name)?;
        let canary = canaries.remove(name);
        self.swap(packages, canaries);
        retain(&mut retained, canary.map(|canary| canary.package).as_ref());
        retain(&mut retained, Some(&old));
        Some(old)
    }

    /// Refuses a canary that nodes couldn't take for the active version: there is none, or it offers more.
    pub fn check_canary(&self, prepared: &PreparedPackage) -> Result<(), PackageError> {
        let canary = prepared.package();
        self.check_activation(prepared)?;
        let now = self.registry();
        let active = now
            .packages
            .get(canary.name())
            .ok_or_else(|| PackageError::NothingActive(canary.name().to_owned()))?;
        let lacks = canary.lacks_of(active);
        if lacks.is_empty() {
            Ok(())
        } else {
            Err(PackageError::OffersLess {
                canary: canary.version().to_owned(),
                active: active.version().to_owned(),
                lacks: lacks.join(", "),
            })
        }
    }

    /// Lets the nodes of `scope` use this version from their next call on, in place of an earlier canary, which is
    /// retained until [`release`](Self::release).
    pub fn set_canary(&self, prepared: PreparedPackage, scope: CanaryScope) {
        let mut retained = self.retained();
        let now = self.registry();
        let mut canaries = now.canaries.clone();
        let package = prepared.0;
        self.inherit(&package, retained.remove(package.digest()));
        let old = canaries.remove(package.name());
        let goes_on = old
            .as_ref()
            .filter(|old| old.package.digest() == package.digest());
        let canary = Canary {
            // The same one loaded anew, with other grants or for other nodes, is judged by all that it did as a canary.
            before: goes_on.map_or_else(|| package.call_counts(), |old| old.before),
            scope,
            package: Arc::clone(&package),
        };
        canaries.insert(package.name().to_owned(), canary);
        self.swap(now.packages.clone(), canaries);
        retain(&mut retained, old.map(|old| old.package).as_ref());
    }

    /// Lets all nodes use the active version again; the canary is retained until [`release`](Self::release).
    pub fn clear_canary(&self, name: &str) {
        let mut retained = self.retained();
        let now = self.registry();
        let mut canaries = now.canaries.clone();
        let Some(old) = canaries.remove(name) else {
            return;
        };
        self.swap(now.packages.clone(), canaries);
        retain(&mut retained, Some(&old.package));
    }

    /// The canaries: which nodes use which version instead of the active one.
    pub fn canaries(&self) -> Vec<(CanaryScope, Arc<Package>)> {
        let registry = self.registry();
        let canaries = registry.canaries.values();
        canaries
            .map(|canary| (canary.scope.clone(), Arc::clone(&canary.package)))
            .collect()
    }

    /// The canaries, and how their calls ended since they became canaries here.
    pub fn canary_counts(&self) -> Vec<(Arc<Package>, CallCounts)> {
        let registry = self.registry();
        let canaries = registry.canaries.values();
        canaries
            .map(|canary| {
                let counts = canary.package.call_counts().since(canary.before);
                (Arc::clone(&canary.package), counts)
            })
            .collect()
    }

    /// Waits until a package is quarantined for its faults.
    pub async fn alarmed(&self) {
        self.inner.alarm.notified().await;
    }

    /// All versions that are loaded: the active ones, canaries, and those that are retained.
    pub fn loaded(&self) -> Vec<Arc<Package>> {
        let registry = self.registry();
        let canaries = registry.canaries.values().map(|canary| &canary.package);
        let retained = self.retained();
        registry
            .packages
            .values()
            .chain(canaries)
            .chain(retained.values())
            .cloned()
            .collect()
    }

    /// Keeps a version loaded that isn't active, because an operation pins it (after a restart).
    pub fn retain(&self, prepared: PreparedPackage) {
        let mut retained = self.retained();
        self.inherit(&prepared.0, retained.remove(prepared.0.digest()));
        retain(&mut retained, Some(&prepared.0));
    }

    /// The versions that are loaded but not active.
    pub fn retained_packages(&self) -> Vec<Arc<Package>> {
        self.retained().values().cloned().collect()
    }

    /// Digests of the versions that are loaded but not active.
    pub fn retained_digests(&self) -> Vec<String> {
        self.retained().keys().cloned().collect()
    }

    /// Lets a version go that is not active: no operation pins it any more. Calls in flight still end.
    pub fn release(&self, digest: &str) {
        self.retained().remove(digest);
    }

    /// The active packages, by name.
    pub fn packages(&self) -> Vec<Arc<Package>> {
        self.registry().packages.values().cloned().collect()
    }

    /// What was skipped, and why.
    pub fn report(&self) -> Vec<String> {
        self.registry().report.clone()
    }

    /// The registered hardware types, by name.
    pub fn hardware_types(&self) -> Vec<HardwareType> {
        self.registry().hardware_types.values().cloned().collect()
    }

    /// What a conductor registers: names of hardware types, sorted, and what each can use.
    pub fn registration(&self) -> (Vec<String>, Vec<HardwareInterface>) {
        registration(&self.registry(), &self.inner.config)
    }

    /// [`registration`](Self::registration) as it will be with this package active.
    pub fn registration_with(
        &self,
        prepared: &PreparedPackage,
    ) -> (Vec<String>, Vec<HardwareInterface>) {
        let package = prepared.package();
        let mut packages = self.registry().packages.clone();
        packages.insert(package.name().to_owned(), Arc::clone(package));
        registration(
            &Registry::build(packages, &self.inner.config),
            &self.inner.config,
        )
    }

    /// [`registration`](Self::registration) as it will be without this package.
    pub fn registration_without(&self, name: &str) -> (Vec<String>, Vec<HardwareInterface>) {
        let mut packages = self.registry().packages.clone();
        packages.remove(name);
        registration(
            &Registry::build(packages, &self.inner.config),
            &self.inner.config,
        )
    }

    /// What a node of this hardware type gets that names no implementation.
    ///
    /// Errors: `NotFound` if the type isn't registered, `InvalidParameter` if there is no default.
    pub fn default_implementation(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
    ) -> Result<String, Error> {
        self.registry()
            .default_implementation(hardware_type, kind, &self.inner.config)
    }

    /// Whether nodes of this hardware type may have this implementation.
    ///
    /// Errors: `NotFound` if the type isn't registered, `InvalidParameter` if the implementation is unknown, or known
    /// but not for this type.
    pub fn check_interface(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
        name: &str,
    ) -> Result<(), Error> {
        self.registry()
            .check_interface(hardware_type, kind, name, &self.inner.config)
    }

    /// The implementation, pinned to the package version that is active now.
    pub fn implementation(
        &self,
        hardware_type: &str,
        kind: InterfaceKind,
        name: &str,
    ) -> Result<Implementation, Error> {
        let registry = self.registry();
        registry.check_interface(hardware_type, kind, name, &self.inner.config)?;
        registry
            .find(kind, name)
            .ok_or_else(|| Error::internal(format!("{kind} implementation '{name}' has vanished")))
    }

    /// The implementation that this node uses, from the canary if the node is one of its own; pinned to the version.
    pub fn implementation_for(
        &self,
        node: &Node,
        kind: InterfaceKind,
        name: &str,
    ) -> Result<Implementation, Error> {
        let implementation = self.implementation(&node.driver, kind, name)?;
        let registry = self.registry();
        let canary = implementation
            .package_name()
            .and_then(|package| registry.canaries.get(package))
            .filter(|canary| {
                canary.scope.includes(&node.uuid, &node.conductor_group)
                    && canary.package.entry(kind, name).is_some()
            });
        Ok(match canary {
            Some(canary) => Implementation::of_package(kind, name, Arc::clone(&canary.package)),
            None => implementation,
        })
    }

    /// The implementation of a certain package version, for a step that began with it: also one that is retained, and
    /// also in quarantine.
    pub fn implementation_pinned(
        &self,
        digest: &str,
        kind: InterfaceKind,
        name: &str,
    ) -> Option<Implementation> {
        let package = self
            .loaded()
            .into_iter()
            .find(|package| package.digest() == digest)?;
        package.entry(kind, name)?;
        Some(Implementation::of_package(kind, name, package).pinned())
    }

    /// The keys of `driver_info` that a hardware type knows with its default implementations, and what they mean.
    pub fn properties(&self, hardware_type: &str) -> Result<BTreeMap<String, String>, Error> {
        let registry = self.registry();
        let interfaces = &registry.hardware_type(hardware_type)?.interfaces;
        let mut found = BTreeMap::new();
        for kind in interfaces.keys() {
            let Ok(name) =
                registry.default_implementation(hardware_type, *kind, &self.inner.config)
            else {
                continue;
            };
            let implementation = registry.find(*kind, &name);
            let Some(package) = implementation.as_ref().and_then(Implementation::package) else {
                continue;
            };
            found.extend(package.rules().descriptions(*kind, &name));
            for capability in package.granted() {
                let keys = self.inner.config.connection_properties.get(capability);
                found.extend(
                    keys.into_iter()
                        .flatten()
                        .map(|(key, text)| (key.clone(), text.clone())),
                );
            }
        }
        Ok(found)
    }

    /// Checks the packages' own keys of a node's `driver_info` against the schemas of all its implementations.
    /// (Part of [`Implementation::validate`]; this runs nothing.)
    pub fn validate_properties(
        &self,
        node: &Node,
        driver_info: &JsonObject,
    ) -> Result<(), DriverError> {
        for implementation in self.node_implementations(node) {
            implementation.validate_properties(driver_info)?;
        }
        Ok(())
    }

    /// The vendor methods of one vendor implementation, by name.
    pub fn vendor_methods(
        &self,
        hardware_type: &str,
        implementation: &str,
        scope: VendorScope,
    ) -> Result<BTreeMap<String, VendorMethod>, Error> {
        let implementation =
            self.implementation(hardware_type, InterfaceKind::Vendor, implementation)?;
        Ok(implementation.vendor_methods(scope))
    }

    /// The steps of `kind` that the node's implementations bring, as declared and in no order that matters.
    /// Interfaces that the node doesn't name, or names wrongly, bring none.
    pub fn steps(&self, node: &Node, kind: StepKind) -> Vec<PlannedStep> {
        self.node_implementations(node)
            .flat_map(|implementation| implementation.steps(kind))
            .collect()
    }

    /// The periodic tasks of the active packages.
    pub fn periodic_tasks(&self) -> Vec<PeriodicTask> {
        self.registry()
            .packages
            .values()
            .flat_map(|package| self.tasks_of(package))
            .collect()
    }

    /// A task as the version of its package has it that this node uses: the canary's if the node is one of its own. `None` if
    /// that has no task of this name for the same nodes.
    pub fn periodic_task_for(&self, node: &Node, task: &PeriodicTask) -> Option<PeriodicTask> {
        let registry = self.registry();
        let canary = registry
            .canaries
            .get(&task.package)
            .filter(|canary| canary.scope.includes(&node.uuid, &node.conductor_group));
        let Some(canary) = canary else {
            return Some(task.clone());
        };
        self.tasks_of(&canary.package)
            .find(|of_canary| of_canary.is_same_as(task))
    }

    fn tasks_of(&self, package: &Arc<Package>) -> impl Iterator<Item = PeriodicTask> {
        package.metadata().periodic.iter().filter_map(|task| {
            let (kind, name) = match task.on.split_once('/') {
                Some((kind, name)) => (kind.parse().ok()?, name),
                None => (InterfaceKind::Power, task.on.as_str()),
            };
            let implementation = Implementation::of_package(kind, name, Arc::clone(package));
            let zone = self.inner.config.time_zone;
            PeriodicTask::new(package.name(), task, implementation, zone)
        })
    }

    fn node_implementations(&self, node: &Node) -> impl Iterator<Item = Implementation> {
        InterfaceKind::ALL.iter().filter_map(|kind| {
            self.implementation_for(node, *kind, node.interface(*kind)?)
                .ok()
        })
    }

    /// The same version loaded anew, with other grants, is doing as it did.
    fn inherit(&self, package: &Package, retained: Option<Arc<Package>>) {
        let now = self.registry();
        let canaries = now.canaries.values().map(|canary| &canary.package);
        let before = now
            .packages
            .values()
            .chain(canaries)
            .chain(&retained)
            .find(|before| before.digest() == package.digest());
        if let Some(before) = before {
            package.inherit(before);
        }
    }

    fn registry(&self) -> Arc<Registry> {
        self.inner.registry.load_full()
    }

    fn swap(&self, packages: BTreeMap<String, Arc<Package>>, canaries: Canaries) {
        let mut registry = Registry::build(packages, &self.inner.config);
        registry.canaries = canaries;
        for line in &registry.report {
            tracing::warn!("{line}");
        }
        self.inner.registry.store(Arc::new(registry));
    }

    fn retained(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Package>>> {
        self.inner
            .retained
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Implementation {
    /// The vendor methods that it has, by name.
    pub fn vendor_methods(&self, scope: VendorScope) -> BTreeMap<String, VendorMethod> {
        let methods = self
            .package()
            .map(|package| package.metadata().vendor_methods.as_slice());
        methods
            .unwrap_or_default()
            .iter()
            .filter(|method| {
                self.kind() == InterfaceKind::Vendor && method.implementation == self.name()
            })
            .filter(|method| method.scope == scope)
            .map(|method| (method.name.clone(), method.clone()))
            .collect()
    }
}

fn registration(
    registry: &Registry,
    config: &DriversConfig,
) -> (Vec<String>, Vec<HardwareInterface>) {
    let mut interfaces = Vec::new();
    for hardware_type in registry.hardware_types.values() {
        for (kind, names) in &hardware_type.interfaces {
            let default = registry
                .default_implementation(&hardware_type.name, *kind, config)
                .ok();
            interfaces.extend(names.iter().map(|name| HardwareInterface {
                hardware_type: hardware_type.name.clone(),
                interface: *kind,
                implementation: name.clone(),
                is_default: default.as_ref() == Some(name),
            }));
        }
    }
    (
        registry.hardware_types.keys().cloned().collect(),
        interfaces,
    )
}

fn retain(retained: &mut BTreeMap<String, Arc<Package>>, package: Option<&Arc<Package>>) {
    if let Some(package) = package {
        retained.insert(package.digest().to_owned(), Arc::clone(package));
    }
}

fn check_names(package: &Package, other: &Package) -> Result<(), PackageError> {
    let taken = |what: String, name: &str| PackageError::NameTaken {
        what,
        name: name.to_owned(),
        owner: other.name().to_owned(),
    };
    for (kind, entries) in &package.metadata().interfaces {
        if let Some(entry) = entries
            .iter()
            .find(|entry| other.entry(*kind, &entry.name).is_some())
        {
            return Err(taken(format!("{kind} implementation"), &entry.name));
        }
    }
    for declared in &package.metadata().hardware_types {
        if other
            .metadata()
            .hardware_types
            .iter()
            .any(|theirs| theirs.name == declared.name)
        {
            return Err(taken("hardware type".to_owned(), &declared.name));
        }
    }
    Ok(())
}

fn plan(
    now: &Registry,
    packages: BTreeMap<String, Arc<Package>>,
    replaced: Option<Arc<Package>>,
    config: &DriversConfig,
) -> ActivationPlan {
    let then = Registry::build(packages, config);
    let missing = |from: &Registry, other: &Registry| -> Vec<String> {
        from.hardware_types
            .keys()
            .filter(|name| !other.hardware_types.contains_key(*name))
            .cloned()
            .collect()
    };
    let implementations = replaced.iter().flat_map(|package| {
        package
            .metadata()
            .interfaces
            .iter()
            .flat_map(|(kind, entries)| {
                entries.iter().map(move |entry| (*kind, entry.name.clone()))
            })
    });
    ActivationPlan {
        hardware_types_added: missing(&then, now),
        hardware_types_removed: missing(now, &then),
        implementations_removed: implementations
            .filter(|(kind, name)| then.find(*kind, name).is_none())
            .map(|(kind, name)| format!("{kind}/{name}"))
            .collect(),
        replaces: replaced
            .map(|package| (package.version().to_owned(), package.digest().to_owned())),
        report: then.report,
    }
}

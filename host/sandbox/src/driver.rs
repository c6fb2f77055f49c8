//! A compiled package, ready to be called.

use std::sync::Arc;

use ironbark_package::{Export, interface_name};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, InstancePre};

use crate::bindings::exports::ironbark::driver as exports;
use crate::capabilities::CallContext;
use crate::engine::{Engine, Inner};
use crate::error::CallError;
use crate::faults::{Fault, FaultKind, LoadError};
use crate::imports::{IpmiPolicy, LogGate};
use crate::state::State;

/// Interfaces of the contract that a guest may import. `types` only has types.
const IMPORTS: &[&str] = &["call", "clock", "ipmi", "log", "state", "types"];
/// WASI 0.2: linked in full, with nothing in it.
const WASI: &[&str] = &[
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Which package: what messages and log lines name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageName {
    /// The package's name.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
}

/// What the operator granted to a package. `call`, `log` and `clock` always are.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    /// IPMI to the node's BMC, and which commands.
    pub ipmi: Option<IpmiPolicy>,
    /// Notes on the node.
    pub state: bool,
}

/// A package that was compiled and probed. Clones share everything.
#[derive(Clone)]
pub struct Driver {
    pub(crate) engine: Arc<Inner>,
    pub(crate) package: Arc<Package>,
    pub(crate) loaded: Arc<Loaded>,
}

/// What all calls of a package share.
pub(crate) struct Package {
    pub(crate) name: PackageName,
    pub(crate) granted: Granted,
    pub(crate) log: LogGate,
    pub(crate) turns: Arc<Semaphore>,
}

/// The component, linked, and where its exports are.
pub(crate) struct Loaded {
    pub(crate) instance: InstancePre<State>,
    pub(crate) power: Option<exports::power::GuestIndices>,
    pub(crate) management: Option<exports::management::GuestIndices>,
    pub(crate) boot: Option<exports::boot::GuestIndices>,
    pub(crate) deploy: Option<exports::deploy::GuestIndices>,
    pub(crate) vendor: Option<exports::vendor::GuestIndices>,
    pub(crate) steps: Option<exports::steps::GuestIndices>,
    pub(crate) periodic: Option<exports::periodic::GuestIndices>,
}

impl Engine {
    /// Compiles a component (on the compiler's thread), links it, and starts it once to look at every export.
    ///
    /// Nothing of the contract is called. What the guest does when it is started is bound as every call is.
    pub async fn load(
        &self,
        name: PackageName,
        granted: Granted,
        component: Arc<[u8]>,
    ) -> Result<Driver, LoadError> {
        let engine = self.inner.wasmtime.clone();
        let compiled = self
            .inner
            .compiler
            .run(move || Component::new(&engine, &component))
            .await
            .ok_or(LoadError::Overloaded)?
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        self.check_imports(&compiled)?;
        let instance = self
            .inner
            .linker
            .instantiate_pre(&compiled)
            .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        let driver = Driver {
            engine: Arc::clone(&self.inner),
            package: Arc::new(Package {
                name,
                granted,
                log: LogGate::default(),
                turns: Arc::new(Semaphore::new(self.inner.runnable_per_package)),
            }),
            loaded: Arc::new(Loaded::new(&compiled, instance)?),
        };
        driver.probe().await?;
        Ok(driver)
    }

    fn check_imports(&self, component: &Component) -> Result<(), LoadError> {
        let forbidden: Vec<String> = component
            .component_type()
            .imports(&self.inner.wasmtime)
            .map(|(name, _)| name.to_owned())
            .filter(|name| !is_allowed_import(name))
            .collect();
        if forbidden.is_empty() {
            Ok(())
        } else {
            Err(LoadError::ForbiddenImports(forbidden))
        }
    }
}

impl Driver {
    /// Which package this is.
    pub fn name(&self) -> &PackageName {
        &self.package.name
    }

    /// What it was granted.
    pub fn granted(&self) -> &Granted {
        &self.package.granted
    }

    /// The exports that it has.
    pub fn exports(&self) -> Vec<Export> {
        let loaded = &self.loaded;
        Export::ALL
            .iter()
            .copied()
            .filter(|export| match export {
                Export::Power => loaded.power.is_some(),
                Export::Management => loaded.management.is_some(),
                Export::Boot => loaded.boot.is_some(),
                Export::Deploy => loaded.deploy.is_some(),
                Export::Vendor => loaded.vendor.is_some(),
                Export::Steps => loaded.steps.is_some(),
                Export::Periodic => loaded.periodic.is_some(),
            })
            .collect()
    }

    /// A fault of this package.
    pub fn fault(&self, kind: FaultKind) -> Fault {
        self.fault_with(kind, String::new())
    }

    pub(crate) fn fault_with(&self, kind: FaultKind, detail: String) -> Fault {
        Fault {
            package: Arc::clone(&self.package.name.name),
            version: Arc::clone(&self.package.name.version),
            kind,
            detail,
        }
    }

    /// Starts the component once, and checks every export's type.
    async fn probe(&self) -> Result<(), LoadError> {
        let loaded = Arc::clone(&self.loaded);
        let mismatch = Arc::new(std::sync::Mutex::new(None));
        let found = Arc::clone(&mismatch);
        let result = self
            .call(
                "",
                CallContext::without_node("probe"),
                false,
                move |store, instance| {
                    Box::pin(async move {
                        if let Err(error) = loaded.check_exports(store, &instance)
                            && let Ok(mut found) = found.lock()
                        {
                            *found = Some(error);
                        }
                        Ok(Ok(()))
                    })
                },
            )
            .await;
        if let Some(error) = mismatch.lock().ok().and_then(|mut found| found.take()) {
            return Err(error);
        }
        match result {
            Ok(_) => Ok(()),
            Err(CallError::Fault(fault)) => Err(LoadError::Instantiate(fault)),
            Err(CallError::Overloaded | CallError::NotRecorded | CallError::Driver(_)) => {
                Err(LoadError::Overloaded)
            }
        }
    }
}

/// Whether drivers may import something of this name.
pub(crate) fn is_allowed_import(name: &str) -> bool {
    match interface_name(name) {
        Some(interface) => IMPORTS.contains(&interface),
        None => WASI.iter().any(|prefix| name.starts_with(prefix)) && name.contains("@0.2."),
    }
}

macro_rules! probe_export {
    ($component:expr, $instance:expr, $export:ident, $name:literal) => {{
        let full_name = concat!("ironbark:driver/", $name, "@0.1.0");
        if $component.get_export_index(None, full_name).is_some() {
            let indices = exports::$export::GuestIndices::new($instance)
                .map_err(|error| export_error($name, &error))?;
            Some(indices)
        } else {
            None
        }
    }};
}

impl Loaded {
    fn new(component: &Component, instance: InstancePre<State>) -> Result<Self, LoadError> {
        Ok(Self {
            power: probe_export!(component, &instance, power, "power"),
            management: probe_export!(component, &instance, management, "management"),
            boot: probe_export!(component, &instance, boot, "boot"),
            deploy: probe_export!(component, &instance, deploy, "deploy"),
            vendor: probe_export!(component, &instance, vendor, "vendor"),
            steps: probe_export!(component, &instance, steps, "steps"),
            periodic: probe_export!(component, &instance, periodic, "periodic"),
            instance,
        })
    }

    fn check_exports(
        &self,
        store: &mut wasmtime::Store<State>,
        instance: &wasmtime::component::Instance,
    ) -> Result<(), LoadError> {
        macro_rules! check {
            ($field:ident, $name:literal) => {
                if let Some(indices) = &self.$field {
                    indices
                        .load(&mut *store, instance)
                        .map_err(|error| export_error($name, &error))?;
                }
            };
        }
        check!(power, "power");
        check!(management, "management");
        check!(boot, "boot");
        check!(deploy, "deploy");
        check!(vendor, "vendor");
        check!(steps, "steps");
        check!(periodic, "periodic");
        Ok(())
    }
}

fn export_error(export: &'static str, error: &wasmtime::Error) -> LoadError {
    LoadError::Export {
        export,
        reason: format!("{error:#}"),
    }
}

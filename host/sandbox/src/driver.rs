//! A compiled package, ready to be called.

use std::sync::Arc;
use std::time::Duration;

use ironbark_package::{Export, interface_name};
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use crate::admission::Room;
use crate::capabilities::CallContext;
use crate::engine::{Engine, Inner};
use crate::error::CallError;
use crate::faults::{Fault, FaultKind, LoadError};
use crate::imports::{IpmiPolicy, LogGate, SshPolicy};
use crate::limits::Limits;
use crate::loaded::Loaded;
use crate::pace::Pace;
use crate::redfish::RedfishPolicy;
use crate::usage::{Counters, PackageUsage};

/// Interfaces of the contract that a guest may import. `types` only has types.
const IMPORTS: &[&str] = &[
    "agent",
    "boot-media",
    "call",
    "clock",
    "ipmi",
    "log",
    "redfish",
    "ssh",
    "state",
    "types",
];
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
    /// Redfish about the node, and which requests.
    pub redfish: Option<RedfishPolicy>,
    /// Commands on the node's hypervisor, and which.
    pub ssh: Option<SshPolicy>,
    /// Commands to the agent on the node.
    pub agent: bool,
    /// What the node boots from.
    pub boot_media: bool,
    /// Notes on the node.
    pub state: bool,
    /// What it would have if it had all that it asks for. What is denied only because the operator withholds it is no over-reaching.
    pub asked: Option<Arc<Granted>>,
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
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) log: LogGate,
    pub(crate) pace: Arc<Pace>,
    pub(crate) room: Room,
    pub(crate) turns: Arc<Semaphore>,
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
        let limits = self.inner.limits_of(&name.name);
        let driver = Driver {
            engine: Arc::clone(&self.inner),
            package: Arc::new(Package {
                counters: self.inner.book.of(&name),
                name,
                granted,
                log: LogGate::default(),
                pace: Arc::new(Pace::new(limits.host_calls_per_second)),
                room: Room::new(self.inner.live_calls(&limits), self.inner.max_queued),
                limits,
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

    /// The bounds on its calls.
    pub fn limits(&self) -> &Limits {
        &self.package.limits
    }

    /// How many calls of it there may be at a time.
    pub fn max_live_calls(&self) -> usize {
        self.engine.live_calls(&self.package.limits)
    }

    /// Longest that a call takes unless another time is asked for, if the operator gave this package bounds of its own.
    pub fn own_deadline(&self) -> Option<Duration> {
        self.engine
            .has_limits_of(&self.package.name.name)
            .then_some(self.package.limits.default_deadline)
    }

    /// What it has used so far.
    pub fn usage(&self) -> PackageUsage {
        self.package.counters.read(self.package.room.taken())
    }

    /// The exports that it has.
    pub fn exports(&self) -> Vec<Export> {
        Export::ALL
            .iter()
            .copied()
            .filter(|export| self.loaded.has(*export))
            .collect()
    }

    /// Whether it has this export.
    pub fn has(&self, export: Export) -> bool {
        self.loaded.has(export)
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

//! A package, loaded as a conductor loads it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ironbark_bmc::{
    ipmi::{Client, ClientConfig},
    redfish,
};
use ironbark_drivers::{
    Drivers, DriversConfig, Grants, Implementation, Package, PackageError, QuarantineConfig,
};
use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_package::Metadata;
use ironbark_sandbox::{Engine, EngineConfig, EngineError};
use tokio::runtime::Handle;

use crate::machine::Machine;

/// Calls that run at a time: checks go one after the other, and a driver's own tests rarely need more.
const LIVE_CALLS: u32 = 16;
/// How long the client waits for an answer before it asks again. Simulated BMCs are near, and silence is waited for often.
const RETRANSMIT_AFTER: Duration = Duration::from_millis(200);

/// What a test may say about the package's machines.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The package's own keys of `driver_info`. The host's (`ipmi_*`, `redfish_*`) are there anyway.
    pub driver_info: JsonObject,
}

/// Why there is nothing to test.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// A host would refuse the package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The sandbox can't start on this machine.
    #[error(transparent)]
    Sandbox(#[from] EngineError),
    /// A simulated BMC can't start.
    #[error("a simulated BMC can't be started")]
    Simulator(#[source] io::Error),
}

/// A package in the sandbox, granted what it asks for, and a client for its machines' BMCs.
///
/// Faults of the driver are reported and never quarantine it.
pub struct Kit {
    drivers: Drivers,
    package: Arc<Package>,
    client: Client,
    redfish: redfish::Client,
    options: Options,
}

impl Kit {
    /// Checks, compiles and starts the package, as installing it does. Must be called inside of a tokio runtime with several threads.
    pub async fn load(package: Arc<[u8]>, options: Options) -> Result<Self, KitError> {
        let engine = Engine::new(
            EngineConfig {
                max_live_calls: LIVE_CALLS,
                ..EngineConfig::default()
            },
            Handle::current(),
        )?;
        let drivers = Drivers::new(
            engine,
            DriversConfig {
                quarantine: QuarantineConfig {
                    faults: 0,
                    ..QuarantineConfig::default()
                },
                ..DriversConfig::default()
            },
        );
        let prepared = drivers.prepare(package, &Grants::AsAsked).await?;
        let package = Arc::clone(prepared.package());
        // Not activated: a hardware type may need other packages, an implementation doesn't.
        drivers.retain(prepared);
        let client = Client::new(ClientConfig {
            retransmit_after: RETRANSMIT_AFTER,
            sockets: 1,
            ..ClientConfig::default()
        });
        Ok(Self {
            drivers,
            package,
            client,
            redfish: crate::redfish::client(),
            options,
        })
    }

    /// What the package says about itself.
    pub fn metadata(&self) -> &Metadata {
        self.package.metadata()
    }

    /// Whether the package talks to BMCs over IPMI.
    pub fn uses_ipmi(&self) -> bool {
        self.package.granted().contains("ipmi")
    }

    /// Whether the package talks to Redfish services.
    pub fn uses_redfish(&self) -> bool {
        self.package.granted().contains("redfish")
    }

    /// Whether the package runs commands on hypervisors, of which none is simulated.
    pub fn uses_ssh(&self) -> bool {
        self.package.granted().contains("ssh")
    }

    /// One of the package's implementations.
    pub fn implementation(&self, kind: InterfaceKind, name: &str) -> Option<Implementation> {
        self.drivers
            .implementation_pinned(self.package.digest(), kind, name)
    }

    /// The package's implementations of an interface.
    pub fn implementations(&self, kind: InterfaceKind) -> Vec<Implementation> {
        let entries = self.metadata().interfaces.get(&kind);
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| self.implementation(kind, &entry.name))
            .collect()
    }

    /// A new machine, switched off, with a BMC of its own and a node that says how to reach it.
    pub async fn machine(&self) -> Result<Machine, KitError> {
        Machine::start(
            self.client.clone(),
            self.redfish.clone(),
            &self.package,
            &self.options.driver_info,
        )
        .await
        .map_err(KitError::Simulator)
    }
}

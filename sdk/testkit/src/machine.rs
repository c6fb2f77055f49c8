//! A node whose BMC is simulated.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ironbark_bmc::ipmi::{Client, Target};
use ironbark_bmc::redfish as over_redfish;
use ironbark_bmc_sim::{BmcHandle, Rack, RackConfig, redfish};
use ironbark_drivers::{Package, snapshot};
use ironbark_model::{JsonObject, Node};
use ironbark_sandbox::{CallContext, CallError, Capabilities, Completed, Lock};
use serde_json::{Value, json};

use crate::bmc::BmcOverIpmi;
use crate::notes::Notes;
use crate::redfish::BmcOverRedfish;
use crate::simulated::Simulated;

/// How long a call may take here. Generous: it is about calls that end, not about fast ones.
const DEADLINE: Duration = Duration::from_secs(30);
const NODE: &str = "00000000-0000-4000-8000-000000000001";

/// A node, its simulated BMC and Redfish service, and what the package remembers of it. They stop when this is dropped.
pub struct Machine {
    bmc: BmcHandle,
    service: redfish::Service,
    client: Client,
    redfish_client: over_redfish::Client,
    package: Arc<Package>,
    node: Node,
    notes: Arc<Notes>,
    _rack: Rack,
}

impl Machine {
    pub(crate) async fn start(
        client: Client,
        redfish_client: over_redfish::Client,
        package: &Arc<Package>,
        driver_info: &JsonObject,
    ) -> io::Result<Self> {
        let rack = Rack::start(RackConfig::default()).await?;
        let bmc = rack
            .bmc(0)
            .ok_or_else(|| io::Error::other("the rack is empty"))?;
        let mut info = driver_info.clone();
        info.extend(connection(&bmc));
        let service = redfish::Service::start(redfish::ServiceConfig::default()).await?;
        info.extend(redfish_connection(&service));
        Ok(Self {
            client,
            redfish_client,
            service,
            package: Arc::clone(package),
            node: node(package, info),
            notes: Arc::default(),
            bmc,
            _rack: rack,
        })
    }

    /// The BMC: what it saw, what the machine is like, and its faults.
    pub fn bmc(&self) -> &BmcHandle {
        &self.bmc
    }

    /// The Redfish service: what it saw, what the machine is like, and its faults. It is another machine than that of [`bmc`](Self::bmc).
    pub fn redfish(&self) -> &redfish::Service {
        &self.service
    }

    /// The BMCs that the package talks to.
    pub(crate) fn simulated(&self) -> Simulated<'_> {
        let granted = self.package.granted();
        Simulated {
            ipmi: granted.contains("ipmi").then_some(&self.bmc),
            redfish: granted.contains("redfish").then_some(&self.service),
        }
    }

    /// The node's `driver_info`, connection keys included: what `validate` is given.
    pub fn driver_info(&self) -> &JsonObject {
        &self.node.driver_info
    }

    /// Changes a key of `driver_info`.
    pub fn set_driver_info(&mut self, key: &str, value: Value) {
        self.node.driver_info.insert(key.to_owned(), value);
    }

    /// A call about this node, with everything that the package asked for.
    pub fn context(&self, lock: Lock) -> CallContext {
        let seen = snapshot(
            &self.node,
            &[],
            self.package.secret_keys(),
            self.package.bound_keys(),
        );
        let granted = self.package.granted();
        let mut context = CallContext::without_node("req-testkit");
        context.node = Some(seen.json);
        context.secrets = seen.secrets;
        context.secret_refs = seen.secret_refs;
        context.node_label = NODE.into();
        context.deadline = DEADLINE;
        context.lock = lock;
        context.capabilities = Capabilities {
            ipmi: granted.contains("ipmi").then(|| {
                let target =
                    Target::from_driver_info(&self.package.connection_info(&self.node.driver_info));
                Arc::new(BmcOverIpmi::new(self.client.clone(), target)) as _
            }),
            redfish: granted.contains("redfish").then(|| {
                let info = self.package.connection_info(&self.node.driver_info);
                Arc::new(BmcOverRedfish::new(self.redfish_client.clone(), &info)) as _
            }),
            state: granted
                .contains("state")
                .then(|| Arc::clone(&self.notes) as _),
            // No simulated machine has these yet.
            ..Capabilities::default()
        };
        context
    }

    /// Waits for a call, and keeps what it wrote through `state` if it went well, as a conductor does.
    pub async fn call<T>(
        &self,
        call: impl Future<Output = Result<Completed<T>, CallError>>,
    ) -> Result<T, CallError> {
        let completed = call.await?;
        self.notes.keep(completed.writes);
        Ok(completed.value)
    }
}

fn connection(bmc: &BmcHandle) -> JsonObject {
    let credentials = bmc.credentials();
    JsonObject::from_iter([
        (
            "ipmi_address".to_owned(),
            json!(bmc.address().ip().to_string()),
        ),
        ("ipmi_port".to_owned(), json!(bmc.address().port())),
        ("ipmi_username".to_owned(), json!(credentials.username)),
        ("ipmi_password".to_owned(), json!(credentials.password)),
    ])
}

fn redfish_connection(service: &redfish::Service) -> JsonObject {
    let credentials = service.credentials();
    JsonObject::from_iter([
        ("redfish_address".to_owned(), json!(service.url())),
        ("redfish_username".to_owned(), json!(credentials.username)),
        ("redfish_password".to_owned(), json!(credentials.password)),
    ])
}

fn node(package: &Package, driver_info: JsonObject) -> Node {
    let metadata = package.metadata();
    let mut node = Node {
        uuid: NODE.to_owned(),
        name: Some("testkit".to_owned()),
        driver: metadata
            .hardware_types
            .first()
            .map_or_else(String::new, |hardware_type| hardware_type.name.clone()),
        driver_info,
        target_raid_config: raid_config(),
        ..Node::default()
    };
    for (kind, entries) in &metadata.interfaces {
        let first = entries.first().map(|entry| entry.name.clone());
        node.set_interface(*kind, first);
    }
    node
}

/// What steps of the RAID interface have to do.
fn raid_config() -> JsonObject {
    let disks = serde_json::json!([{"size_gb": 10, "raid_level": "1", "is_root_volume": true}]);
    JsonObject::from_iter([("logical_disks".to_owned(), disks)])
}

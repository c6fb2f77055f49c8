//! What is asked of a conductor, and what it answers.

use ironbark_model::lifecycle::{CanaryScope, Publisher};
use ironbark_model::patch::PatchOp;
use ironbark_model::{Allocation, Error, JsonObject, Node, Port, PowerTarget, Timestamp, Verb};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::allocations::ChangeAllocation;
use crate::belongings::{Belonging, ChangeBelonging};
use crate::hardware::HardwareRequest;
use crate::ramdisk::{Carried, RamdiskRequest};

/// The version of these messages. A conductor refuses newer ones by name; older ones are understood.
pub const VERSION: u32 = 1;

/// A request, or the opening of a stream, with what every one of them has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope<R = Request> {
    /// [`VERSION`] of the sender.
    pub version: u32,
    /// `req-…`, of the API request that this is part of.
    pub request_id: String,
    /// Who asks: a user of the API, if it knows its users.
    #[serde(default)]
    pub user: Option<String>,
    /// After this nobody waits for the answer any more.
    pub deadline: Timestamp,
    /// What is asked.
    pub request: R,
}

/// What a client may ask of a conductor. Requests about a node go to the conductor that owns it.
///
/// Unless said otherwise the reply is [`Reply::Done`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Stores a new node: fills in what it left out, checks driver and interfaces. Reply: `Node`.
    CreateNode {
        /// The node; empty fields get their defaults.
        node: Box<Node>,
    },
    /// Applies a patch to a node under its reservation. Reply: `Node`.
    UpdateNode {
        /// Which node.
        node: String,
        /// Checked for form and types; applied to the node as it is then.
        patch: Vec<PatchOp>,
        /// With a change of driver: interfaces that the patch doesn't name are calculated anew.
        reset_interfaces: bool,
    },
    /// Deletes a node and what hangs on it.
    DestroyNode {
        /// Which node.
        node: String,
    },
    /// Sets or clears maintenance.
    SetMaintenance {
        /// Which node.
        node: String,
        /// On or off.
        maintenance: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Changes power; accepted when the node shows the target, then goes on.
    ChangePowerState {
        /// Which node.
        node: String,
        /// What is wanted.
        target: PowerTarget,
        /// How long the change may take, in seconds.
        timeout: Option<u32>,
    },
    /// Begins a provisioning verb; accepted when the node shows the new state, then goes on.
    Provision {
        /// Which node.
        node: String,
        /// What is wanted.
        verb: Verb,
        /// What goes with it.
        args: ProvisionArgs,
    },
    /// Asks each interface whether the node has what it needs. Reply: `Json`, an object by interface.
    Validate {
        /// Which node.
        node: String,
    },
    /// Reply: `Json`, `{"boot_device", "persistent"}`.
    GetBootDevice {
        /// Which node.
        node: String,
    },
    /// Sets the boot device.
    SetBootDevice {
        /// Which node.
        node: String,
        /// `pxe`, `disk`, …
        device: String,
        /// For all boots.
        persistent: bool,
    },
    /// Reply: `Json`, a list.
    SupportedBootDevices {
        /// Which node.
        node: String,
    },
    /// Raises a non-maskable interrupt.
    InjectNmi {
        /// Which node.
        node: String,
    },
    /// Calls a vendor method. Reply: `Vendor`.
    VendorPassthru {
        /// Which node.
        node: String,
        /// The call.
        call: VendorCall,
    },
    /// Reply: `Json`, an object by method.
    VendorMethods {
        /// Which node.
        node: String,
    },
    /// Asks something about the hardware. The reply depends on what.
    Hardware {
        /// Which node.
        node: String,
        /// What.
        request: HardwareRequest,
    },
    /// A ramdisk that runs on the machine reports. The reply depends on what.
    Ramdisk {
        /// Which node.
        node: String,
        /// What.
        request: RamdiskRequest,
    },
    /// Changes traits.
    SetTraits {
        /// Which node.
        node: String,
        /// How.
        change: TraitChange,
    },
    /// Stores a new port. Reply: `Port`.
    CreatePort {
        /// The port, with the UUID of its node.
        port: Box<Port>,
    },
    /// Applies a patch to a port under the reservation of its node. Reply: `Port`.
    UpdatePort {
        /// The port's UUID.
        port: String,
        /// The UUID of the node that it belongs to.
        node: String,
        /// Checked for form and types.
        patch: Vec<PatchOp>,
    },
    /// Deletes a port.
    DestroyPort {
        /// The port's UUID.
        port: String,
        /// The UUID of the node that it belongs to.
        node: String,
    },
    /// Changes a port group or a volume. Reply: `Belonging`, or `Done` when it is deleted.
    ChangeBelonging {
        /// What, and how.
        change: ChangeBelonging,
    },
    /// Creates or deletes an allocation.
    ChangeAllocation {
        /// How.
        change: ChangeAllocation,
    },
    /// Reply: `Json`, an object of descriptions by property.
    DriverProperties {
        /// A hardware type.
        driver: String,
    },
    /// Reply: `Json`, an object of descriptions by property of a logical disk.
    DriverRaidProperties {
        /// A hardware type.
        driver: String,
    },
    /// Reply: `Json`, an object by method.
    DriverVendorMethods {
        /// A hardware type.
        driver: String,
    },
    /// Calls a vendor method that has no node. Reply: `Vendor`.
    DriverVendorPassthru {
        /// A hardware type.
        driver: String,
        /// The call.
        call: VendorCall,
    },
    /// Installs a package whose bytes are in the database, and activates it if that is asked. Reply: `Json`, an object
    /// with `name`, `version`, `state` and `active`.
    InstallPackage {
        /// What and how.
        installation: Installation,
    },
    /// Changes something about a package's versions. Reply: `Json`, an object that says what came of it.
    ChangePackage {
        /// The package's name.
        name: String,
        /// What.
        change: PackageChange,
        /// The API's user.
        by: String,
    },
    /// Takes a package out of use and forgets it, or one version that isn't in use.
    RemovePackage {
        /// The package's name.
        name: String,
        /// Only this version.
        version: Option<String>,
        /// The API's user.
        by: String,
    },
    /// Makes the packages here those of the database, now.
    FollowPackages,
    /// What this conductor says of the packages that it has loaded. Reply: `Json`, a [`PackageReport`](crate::PackageReport).
    ReportPackages {
        /// Only of the package of this name.
        package: Option<String>,
    },
    /// Trusts a publisher, once its key was checked. Reply: `Json`, the publisher.
    TrustPublisher {
        /// Its key may still be a whole `.pub` file.
        publisher: Publisher,
        /// The API's user.
        by: String,
    },
    /// Trusts a publisher no longer. Reply: `Json`, an object with the `packages` that it signed.
    RemovePublisher {
        /// Its name.
        name: String,
        /// Also quarantine what it signed.
        quarantine: bool,
        /// The API's user.
        by: String,
    },
}

/// How a package is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// SHA-256 of the bytes, lower-case hex.
    pub digest: String,
    /// Capabilities that the operator grants, `*` for all that it asks for; `None` leaves it at what was granted before.
    pub grants: Option<Vec<String>>,
    /// The minisign signature.
    pub signature: Option<String>,
    /// Also activate it, unless it has to wait for approval.
    pub activate: bool,
    /// Activate it even if nodes don't fit its schema.
    pub force: bool,
    /// Install it although its package's name is another publisher's, whose it is no longer then.
    pub take_over: bool,
    /// The API's user.
    pub by: String,
}

/// What can be changed about a package's versions. Without a version, what is meant stands at each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageChange {
    /// Makes a version the active one: the newest.
    Activate {
        /// Which.
        version: Option<String>,
        /// Although nodes don't fit its schema, or it keeps its state in another form.
        force: bool,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Ends the canary; or goes back to a version that was active: the last one that is good.
    Rollback {
        /// Which.
        version: Option<String>,
        /// Although nodes don't fit its schema, or it keeps its state in another form.
        force: bool,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Takes a version out of use: the active one.
    Disable {
        /// Which.
        version: Option<String>,
        /// Although nodes use what goes with it.
        force: bool,
    },
    /// Stops a version as one that does harm: the active one.
    Quarantine {
        /// Which.
        version: Option<String>,
        /// Also steps that began with it.
        now: bool,
    },
    /// Ends a quarantine or a disablement: that of the only version that has one.
    Release {
        /// Which.
        version: Option<String>,
    },
    /// Sets what is granted; with a version, adds what that asks for under these names.
    Grant {
        /// Which.
        #[serde(default)]
        version: Option<String>,
        /// Names of capabilities; `*` for all that the versions ask for.
        granted: Vec<String>,
    },
    /// Tries a version out on some nodes: the newest.
    Canary {
        /// Which.
        version: Option<String>,
        /// On which nodes.
        scope: CanaryScope,
        /// Although nodes don't fit its schema.
        force: bool,
    },
    /// Makes the canary the active version.
    Promote {
        /// Although nodes don't fit its schema.
        force: bool,
    },
}

/// What goes with a provisioning verb. Checked for form by the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProvisionArgs {
    /// A config drive: text (URL or base64), or an object.
    pub configdrive: Option<Value>,
    /// Steps of a manual cleaning.
    pub clean_steps: Option<Vec<JsonObject>>,
    /// Steps of a deployment that add to or override the driver's.
    pub deploy_steps: Option<Vec<JsonObject>>,
    /// Steps of a service.
    pub service_steps: Option<Vec<JsonObject>>,
    /// For `rescue`.
    pub rescue_password: Option<String>,
    /// Clean or service without the deploy ramdisk.
    pub disable_ramdisk: Option<bool>,
}

/// One vendor call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorCall {
    /// The method's name.
    pub method: String,
    /// `GET`, `POST`, …
    pub http_method: String,
    /// Raw JSON text, unaltered.
    pub body: String,
}

/// How traits change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraitChange {
    /// These and no others.
    Replace(Vec<String>),
    /// This one too.
    Add(String),
    /// Without this one; not found if it isn't there.
    Remove(String),
}

/// A conductor's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or accepted.
    Done,
    /// A node.
    Node(Box<Node>),
    /// A port.
    Port(Box<Port>),
    /// A port group or a volume.
    Belonging(Belonging),
    /// An allocation.
    Allocation(Box<Allocation>),
    /// Some JSON.
    Json(Value),
    /// The node's console is a stream, which is [opened](crate::Opening::Console) with this token.
    Console(Carried),
    /// The token with which the agent on the node's machine proves who it is; `None` if it was handed out before.
    AgentToken(Option<Carried>),
    /// What a vendor method answered.
    Vendor {
        /// The method runs on by itself, and there is no result.
        is_async: bool,
        /// Raw JSON text.
        result: String,
        /// The result is a file to be attached rather than a body.
        attach: bool,
    },
}

/// A reply or an error, as it crosses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It went well.
    Ok(Reply),
    /// It did not.
    Err(Error),
}

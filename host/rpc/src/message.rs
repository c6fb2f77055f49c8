//! What is asked of a conductor, and what it answers.

use ironbark_model::patch::PatchOp;
use ironbark_model::{Error, JsonObject, Node, Port, PowerTarget, Timestamp, Verb};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of these messages. A conductor refuses newer ones by name; older ones are understood.
pub const VERSION: u32 = 1;

/// A request with what every request has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
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
    pub request: Request,
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
    /// Reply: `Json`, an object of descriptions by property.
    DriverProperties {
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
    /// Checks and activates a package whose bytes are in the database. Reply: `Json`, the package.
    InstallPackage {
        /// SHA-256 of the bytes, lower-case hex.
        digest: String,
        /// Capabilities that the operator grants.
        grants: Vec<String>,
    },
    /// Takes a package out of use.
    RemovePackage {
        /// The package's name.
        name: String,
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
    /// Some JSON.
    Json(Value),
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

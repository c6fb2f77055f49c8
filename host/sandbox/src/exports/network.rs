//! `network`.

use ironbark_model::JsonObject;
use serde_json::Value;

use super::convert::{at_most, json_object};
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::network as wit;
use crate::{CallContext, CallError, Completed, Driver};

/// Most VIFs and ports in an answer (the contract's bound).
const MAX_PORTS: usize = 1024;

/// A node's port that got a port of the network service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPort {
    /// UUID of the node's port.
    pub port: String,
    /// Identifier of the network service's port.
    pub vif: String,
}

/// Functions that say nothing but whether they went well.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)+) => {
        impl Driver {
            $(
                $(#[$doc])*
                pub async fn $name(
                    &self,
                    implementation: &str,
                    context: CallContext,
                ) -> Result<Completed<()>, CallError> {
                    call!(self, context, implementation, network.$function())
                }
            )+
        }
    };
}

/// Functions that connect the node to a network for ramdisks.
macro_rules! connecting {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)+) => {
        impl Driver {
            $(
                $(#[$doc])*
                pub async fn $name(
                    &self,
                    implementation: &str,
                    context: CallContext,
                ) -> Result<Completed<Vec<BoundPort>>, CallError> {
                    let completed = call!(self, context, implementation, network.$function());
                    checked!(self, completed, bound_ports)
                }
            )+
        }
    };
}

plain! {
    /// Whether the node has what its network implementation needs.
    network_validate = call_validate;
    /// Whether a rescue ramdisk could be connected.
    network_validate_rescue = call_validate_rescue;
    /// Whether an inspection ramdisk could be connected.
    network_validate_inspection = call_validate_inspection;
    /// Undoes `add_provisioning_network`. Safe to call twice, as all of these.
    remove_provisioning_network = call_remove_provisioning_network;
    /// Undoes `add_cleaning_network`.
    remove_cleaning_network = call_remove_cleaning_network;
    /// Undoes `add_rescuing_network`.
    remove_rescuing_network = call_remove_rescuing_network;
    /// Undoes `add_inspection_network`.
    remove_inspection_network = call_remove_inspection_network;
    /// Undoes `add_servicing_network`.
    remove_servicing_network = call_remove_servicing_network;
    /// Connects the node to the networks of its instance.
    configure_tenant_networks = call_configure_tenant_networks;
    /// Disconnects it from them.
    unconfigure_tenant_networks = call_unconfigure_tenant_networks;
}

connecting! {
    /// Connects the node to the network of the deploy ramdisk.
    add_provisioning_network = call_add_provisioning_network;
    /// Connects the node to the network for cleaning.
    add_cleaning_network = call_add_cleaning_network;
    /// Connects the node to the network of the rescue ramdisk.
    add_rescuing_network = call_add_rescuing_network;
    /// Connects the node to the network for inspection.
    add_inspection_network = call_add_inspection_network;
    /// Connects the node to the network for service.
    add_servicing_network = call_add_servicing_network;
}

impl Driver {
    /// A port is about to be changed to this.
    pub async fn port_changed(
        &self,
        implementation: &str,
        context: CallContext,
        port: Value,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            network.call_port_changed(&port.to_string())
        )
    }

    /// A group of ports is about to be changed to this.
    pub async fn portgroup_changed(
        &self,
        implementation: &str,
        context: CallContext,
        portgroup: Value,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            network.call_portgroup_changed(&portgroup.to_string())
        )
    }

    /// Attaches a VIF.
    pub async fn vif_attach(
        &self,
        implementation: &str,
        context: CallContext,
        vif: Value,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            network.call_vif_attach(&vif.to_string())
        )
    }

    /// Detaches the VIF of this identifier.
    pub async fn vif_detach(
        &self,
        implementation: &str,
        context: CallContext,
        vif_id: String,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            network.call_vif_detach(&vif_id)
        )
    }

    /// Identifiers of the VIFs that are attached.
    pub async fn vif_list(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        let completed = call!(self, context, implementation, network.call_vif_list());
        checked!(self, completed, |vifs: Vec<String>| {
            at_most("network.vif-list", vifs.len(), MAX_PORTS)?;
            Ok(vifs)
        })
    }

    /// The VIF that the port of this UUID stands for now.
    pub async fn get_current_vif(
        &self,
        implementation: &str,
        context: CallContext,
        port: String,
    ) -> Result<Completed<Option<String>>, CallError> {
        call!(
            self,
            context,
            implementation,
            network.call_get_current_vif(&port)
        )
    }

    /// Whether the machine must have power while its networks are changed.
    pub async fn need_power_on(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<bool>, CallError> {
        call!(self, context, implementation, network.call_need_power_on())
    }

    /// What the instance is to be told of its networks.
    pub async fn get_node_network_data(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<JsonObject>, CallError> {
        let completed = call!(
            self,
            context,
            implementation,
            network.call_get_node_network_data()
        );
        checked!(self, completed, |text: String| json_object(
            "network.get-node-network-data",
            &text
        ))
    }
}

fn bound_ports(ports: Vec<wit::BoundPort>) -> Result<Vec<BoundPort>, String> {
    at_most("the ports that were bound", ports.len(), MAX_PORTS)?;
    Ok(ports
        .into_iter()
        .map(|bound| BoundPort {
            port: bound.port,
            vif: bound.vif,
        })
        .collect())
}

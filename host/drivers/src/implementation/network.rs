//! What the node is connected to: networks, volumes, and the rescue ramdisk. The host's `noop` of the first two is content with everything.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_sandbox::{BoundPort, CallContext, CallError, Completed, Driver, Outcome};
use serde_json::Value;

use super::{Implementation, Side};

impl Implementation {
    /// Boots the rescue ramdisk; `cursor` is what the last wait gave. (rescue)
    pub async fn rescue(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(self, noop = None, rescue(context, cursor))
    }

    /// Boots the instance again. (rescue)
    pub async fn unrescue(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch_optional!(self, noop = None, unrescue(context, cursor))
    }

    /// Takes away what is left of a rescue. Safe to call twice. (rescue)
    pub async fn rescue_clean_up(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = None, rescue_clean_up(context))
    }

    /// Connects the node's volumes. (storage)
    pub async fn attach_volumes(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), attach_volumes(context))
    }

    /// Disconnects the node's volumes. Safe to call twice. (storage)
    pub async fn detach_volumes(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), detach_volumes(context))
    }

    /// Whether an image is to be written to a disk of the machine. (storage)
    pub async fn should_write_image(
        &self,
        context: CallContext,
    ) -> Result<Completed<bool>, CallError> {
        dispatch_optional!(self, noop = Some(true), should_write_image(context))
    }

    /// Whether a rescue ramdisk could be connected. (network)
    pub async fn network_validate_rescue(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), network_validate_rescue(context))
    }

    /// Whether an inspection ramdisk could be connected. (network)
    pub async fn network_validate_inspection(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), network_validate_inspection(context))
    }

    /// A port is about to be changed to this; an error refuses the change. (network)
    pub async fn port_changed(
        &self,
        context: CallContext,
        port: Value,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), port_changed(context, port))
    }

    /// A group of ports is about to be changed to this; an error refuses the change. (network)
    pub async fn portgroup_changed(
        &self,
        context: CallContext,
        portgroup: Value,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), portgroup_changed(context, portgroup))
    }

    /// Attaches a VIF. (network)
    pub async fn vif_attach(
        &self,
        context: CallContext,
        vif: Value,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), vif_attach(context, vif))
    }

    /// Detaches the VIF of this identifier. (network)
    pub async fn vif_detach(
        &self,
        context: CallContext,
        vif_id: String,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), vif_detach(context, vif_id))
    }

    /// Identifiers of the VIFs that are attached. (network)
    pub async fn vif_list(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        dispatch_optional!(self, noop = Some(Vec::new()), vif_list(context))
    }

    /// The VIF that the port of this UUID stands for now. (network)
    pub async fn get_current_vif(
        &self,
        context: CallContext,
        port: String,
    ) -> Result<Completed<Option<String>>, CallError> {
        dispatch_optional!(self, noop = Some(None), get_current_vif(context, port))
    }

    /// Connects the node to the network of the deploy ramdisk. (network)
    pub async fn add_provisioning_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BoundPort>>, CallError> {
        dispatch_optional!(
            self,
            noop = Some(Vec::new()),
            add_provisioning_network(context)
        )
    }

    /// Undoes `add_provisioning_network`. Safe to call twice. (network)
    pub async fn remove_provisioning_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), remove_provisioning_network(context))
    }

    /// Connects the node to the network for cleaning. (network)
    pub async fn add_cleaning_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BoundPort>>, CallError> {
        dispatch_optional!(self, noop = Some(Vec::new()), add_cleaning_network(context))
    }

    /// Undoes `add_cleaning_network`. Safe to call twice. (network)
    pub async fn remove_cleaning_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), remove_cleaning_network(context))
    }

    /// Connects the node to the network of the rescue ramdisk. (network)
    pub async fn add_rescuing_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BoundPort>>, CallError> {
        dispatch_optional!(self, noop = Some(Vec::new()), add_rescuing_network(context))
    }

    /// Undoes `add_rescuing_network`. Safe to call twice. (network)
    pub async fn remove_rescuing_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), remove_rescuing_network(context))
    }

    /// Connects the node to the network for inspection. (network)
    pub async fn add_inspection_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BoundPort>>, CallError> {
        dispatch_optional!(
            self,
            noop = Some(Vec::new()),
            add_inspection_network(context)
        )
    }

    /// Undoes `add_inspection_network`. Safe to call twice. (network)
    pub async fn remove_inspection_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), remove_inspection_network(context))
    }

    /// Connects the node to the network for service. (network)
    pub async fn add_servicing_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<BoundPort>>, CallError> {
        dispatch_optional!(
            self,
            noop = Some(Vec::new()),
            add_servicing_network(context)
        )
    }

    /// Undoes `add_servicing_network`. Safe to call twice. (network)
    pub async fn remove_servicing_network(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), remove_servicing_network(context))
    }

    /// Connects the node to the networks of its instance. (network)
    pub async fn configure_tenant_networks(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), configure_tenant_networks(context))
    }

    /// Disconnects the node from the networks of its instance. (network)
    pub async fn unconfigure_tenant_networks(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch_optional!(self, noop = Some(()), unconfigure_tenant_networks(context))
    }

    /// Whether the machine must have power while its networks are changed. (network)
    pub async fn need_power_on(&self, context: CallContext) -> Result<Completed<bool>, CallError> {
        dispatch_optional!(self, noop = Some(false), need_power_on(context))
    }

    /// What the instance is to be told of its networks. (network)
    pub async fn get_node_network_data(
        &self,
        context: CallContext,
    ) -> Result<Completed<JsonObject>, CallError> {
        dispatch_optional!(
            self,
            noop = Some(JsonObject::new()),
            get_node_network_data(context)
        )
    }
}

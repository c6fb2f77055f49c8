//! `network`.

use serde_json::{Map, Value};

use crate::{
    Error, Result,
    bindings::network::exports::ironbark::driver::network,
    register::{Registered, Registry, called},
};

pub use network::BoundPort;

/// Connects the node's ports to networks: those of its instance, and those that ramdisks need.
pub trait Network: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Whether a rescue ramdisk could be connected. Default: it could.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate_rescue(&self) -> Result<()> {
        Ok(())
    }

    /// Whether an inspection ramdisk could be connected. Default: it could.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate_inspection(&self) -> Result<()> {
        Ok(())
    }

    /// A port is about to be changed to this (JSON, as in the node's `ports`); an error refuses the change. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn port_changed(&self, port: &str) -> Result<()> {
        let _ = port;
        Ok(())
    }

    /// A group of ports is about to be changed to this (JSON); an error refuses the change. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn portgroup_changed(&self, portgroup: &str) -> Result<()> {
        let _ = portgroup;
        Ok(())
    }

    /// Attaches a VIF: a JSON object with its `id`.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn vif_attach(&self, vif: &str) -> Result<()>;

    /// Detaches the VIF of this identifier.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn vif_detach(&self, vif_id: &str) -> Result<()>;

    /// Identifiers of the VIFs that are attached.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn vif_list(&self) -> Result<Vec<String>>;

    /// The VIF that the port of this UUID stands for now.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_current_vif(&self, port: &str) -> Result<Option<String>>;

    /// Connects the node to the network of the deploy ramdisk.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn add_provisioning_network(&self) -> Result<Vec<BoundPort>>;

    /// Undoes `add_provisioning_network`. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn remove_provisioning_network(&self) -> Result<()>;

    /// Connects the node to the network for cleaning.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn add_cleaning_network(&self) -> Result<Vec<BoundPort>>;

    /// Undoes `add_cleaning_network`. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn remove_cleaning_network(&self) -> Result<()>;

    /// Connects the node to the network of the rescue ramdisk.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn add_rescuing_network(&self) -> Result<Vec<BoundPort>>;

    /// Undoes `add_rescuing_network`. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn remove_rescuing_network(&self) -> Result<()>;

    /// Connects the node to the network for inspection.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn add_inspection_network(&self) -> Result<Vec<BoundPort>>;

    /// Undoes `add_inspection_network`. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn remove_inspection_network(&self) -> Result<()>;

    /// Connects the node to the network for service.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn add_servicing_network(&self) -> Result<Vec<BoundPort>>;

    /// Undoes `add_servicing_network`. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn remove_servicing_network(&self) -> Result<()>;

    /// Connects the node to the networks of its instance.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn configure_tenant_networks(&self) -> Result<()>;

    /// Disconnects it from them.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn unconfigure_tenant_networks(&self) -> Result<()>;

    /// Whether the machine must have power while its networks are changed. Default: no.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn need_power_on(&self) -> Result<bool> {
        Ok(false)
    }

    /// What the instance is to be told of its networks, in the form of `network_data.json`. Default: nothing.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_node_network_data(&self) -> Result<Value> {
        Ok(Value::Object(Map::new()))
    }
}

impl<Package: Registry<dyn Network>> network::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.validate()
    }

    fn validate_rescue() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.validate_rescue()
    }

    fn validate_inspection() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.validate_inspection()
    }

    fn port_changed(port: String) -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.port_changed(&port)
    }

    fn portgroup_changed(portgroup: String) -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.portgroup_changed(&portgroup)
    }

    fn vif_attach(vif: String) -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.vif_attach(&vif)
    }

    fn vif_detach(vif_id: String) -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.vif_detach(&vif_id)
    }

    fn vif_list() -> Result<Vec<String>, Error> {
        called::<Package, dyn Network>("network")?.vif_list()
    }

    fn get_current_vif(port: String) -> Result<Option<String>, Error> {
        called::<Package, dyn Network>("network")?.get_current_vif(&port)
    }

    fn add_provisioning_network() -> Result<Vec<BoundPort>, Error> {
        called::<Package, dyn Network>("network")?.add_provisioning_network()
    }

    fn remove_provisioning_network() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.remove_provisioning_network()
    }

    fn add_cleaning_network() -> Result<Vec<BoundPort>, Error> {
        called::<Package, dyn Network>("network")?.add_cleaning_network()
    }

    fn remove_cleaning_network() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.remove_cleaning_network()
    }

    fn add_rescuing_network() -> Result<Vec<BoundPort>, Error> {
        called::<Package, dyn Network>("network")?.add_rescuing_network()
    }

    fn remove_rescuing_network() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.remove_rescuing_network()
    }

    fn add_inspection_network() -> Result<Vec<BoundPort>, Error> {
        called::<Package, dyn Network>("network")?.add_inspection_network()
    }

    fn remove_inspection_network() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.remove_inspection_network()
    }

    fn add_servicing_network() -> Result<Vec<BoundPort>, Error> {
        called::<Package, dyn Network>("network")?.add_servicing_network()
    }

    fn remove_servicing_network() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.remove_servicing_network()
    }

    fn configure_tenant_networks() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.configure_tenant_networks()
    }

    fn unconfigure_tenant_networks() -> Result<(), Error> {
        called::<Package, dyn Network>("network")?.unconfigure_tenant_networks()
    }

    fn need_power_on() -> Result<bool, Error> {
        called::<Package, dyn Network>("network")?.need_power_on()
    }

    fn get_node_network_data() -> Result<String, Error> {
        Ok(called::<Package, dyn Network>("network")?
            .get_node_network_data()?
            .to_string())
    }
}

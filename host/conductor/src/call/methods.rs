//! The methods of the interfaces that conductors use, one after another.

use ironbark_model::hardware::Inventory;
use ironbark_model::{InterfaceKind, PowerTarget, Result};
use ironbark_sandbox::{BootDevice, Inspection, Outcome, PowerReading};
use serde_json::Value;

use super::{Called, NodeCall};

/// Methods without arguments: name here, interface, name of the implementation's method, what it returns.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $kind:ident.$method:ident -> $value:ty;)+) => {
        impl NodeCall<'_> {
            $(
                $(#[$doc])*
                pub(crate) async fn $name(&self) -> Result<Called<$value>> {
                    let implementation = self.implementation(InterfaceKind::$kind)?;
                    self.run(implementation, |implementation, context| async move {
                        implementation.$method(context).await
                    })
                    .await
                }
            )+
        }
    };
}

plain! {
    /// The power now.
    power_state = Power.get_power_state -> PowerReading;
    /// What power can be asked for.
    power_states = Power.get_supported_power_states -> Vec<PowerTarget>;
    /// Whether power sync may correct the machine.
    supports_power_sync = Power.supports_power_sync -> bool;
    /// What the machine boots from next.
    get_boot_device = Management.get_boot_device -> BootDevice;
    /// What it can boot from.
    boot_devices = Management.get_supported_boot_devices -> Vec<String>;
    /// Raises a non-maskable interrupt.
    inject_nmi = Management.inject_nmi -> ();
    /// The machine's vendor.
    detect_vendor = Management.detect_vendor -> Option<String>;
    /// Gives up an inspection that waits.
    inspect_abort = Inspect.inspect_abort -> ();
    /// Takes away what is left of a rescue.
    rescue_clean_up = Rescue.rescue_clean_up -> ();
    /// Before the first deploy step. May be called again after an interruption, as all of these.
    deploy_prepare = Deploy.deploy_prepare -> ();
    /// Takes away what is left of a deployment.
    deploy_clean_up = Deploy.deploy_clean_up -> ();
    /// Makes a node that another conductor deployed work from this one.
    deploy_take_over = Deploy.take_over -> ();
    /// Makes the machine boot its instance.
    prepare_instance = Boot.prepare_instance -> ();
    /// Before the first cleaning step.
    prepare_cleaning = Deploy.prepare_cleaning -> Outcome;
    /// After the last cleaning step.
    tear_down_cleaning = Deploy.tear_down_cleaning -> ();
    /// Before the first service step.
    prepare_service = Deploy.prepare_service -> Outcome;
    /// After the last service step.
    tear_down_service = Deploy.tear_down_service -> ();
}

impl NodeCall<'_> {
    /// What power can be asked for.
    pub(crate) async fn supported_power_states(&self) -> Result<Vec<PowerTarget>> {
        Ok(self.power_states().await?.value)
    }

    /// What the machine can boot from.
    pub(crate) async fn supported_boot_devices(&self) -> Result<Vec<String>> {
        Ok(self.boot_devices().await?.value)
    }

    /// Asks for a change of power; returns when the BMC accepted it. `timeout` in seconds, for information.
    pub(crate) async fn set_power_state(
        &self,
        target: PowerTarget,
        timeout: Option<u32>,
    ) -> Result<Called<()>> {
        let implementation = self.implementation(InterfaceKind::Power)?;
        self.run(implementation, |implementation, context| async move {
            implementation
                .set_power_state(context, target, timeout)
                .await
        })
        .await
    }

    /// Restarts the machine in one go.
    pub(crate) async fn reboot(&self, timeout: Option<u32>) -> Result<Called<()>> {
        let implementation = self.implementation(InterfaceKind::Power)?;
        self.run(implementation, |implementation, context| async move {
            implementation.reboot(context, timeout).await
        })
        .await
    }

    /// Sets what the machine boots from.
    pub(crate) async fn set_boot_device(
        &self,
        device: &str,
        persistent: bool,
    ) -> Result<Called<()>> {
        let implementation = self.implementation(InterfaceKind::Management)?;
        self.run(implementation, |implementation, context| {
            let device = device.to_owned();
            async move {
                implementation
                    .set_boot_device(context, device, persistent)
                    .await
            }
        })
        .await
    }

    /// Inspects the machine, with the package that it began with; called until it is done.
    pub(crate) async fn inspect_hardware(
        &self,
        cursor: Option<Value>,
        digest: Option<&str>,
    ) -> Result<Called<Inspection>> {
        let implementation = self.begun_with(InterfaceKind::Inspect, digest).await?;
        self.run(implementation, |implementation, context| {
            let cursor = cursor.clone();
            async move { implementation.inspect_hardware(context, cursor).await }
        })
        .await
    }

    /// Goes on with what an inspection ramdisk found, with the package that the inspection began with.
    pub(crate) async fn continue_inspection(
        &self,
        found: Inventory,
        digest: Option<&str>,
    ) -> Result<Called<Inspection>> {
        let implementation = self.begun_with(InterfaceKind::Inspect, digest).await?;
        let inventory = Value::Object(found.inventory);
        let plugin_data = Value::Object(found.plugin_data);
        self.run(implementation, |implementation, context| {
            let (inventory, plugin_data) = (inventory.clone(), plugin_data.clone());
            async move {
                implementation
                    .continue_inspection(context, inventory, plugin_data)
                    .await
            }
        })
        .await
    }

    /// Boots the rescue ramdisk, with the package that it began with; called until it is done.
    pub(crate) async fn rescue(
        &self,
        cursor: Option<Value>,
        digest: Option<&str>,
    ) -> Result<Called<Outcome>> {
        let implementation = self.begun_with(InterfaceKind::Rescue, digest).await?;
        self.run(implementation, |implementation, context| {
            let cursor = cursor.clone();
            async move { implementation.rescue(context, cursor).await }
        })
        .await
    }

    /// Boots the instance again, with the package that it began with; called until it is done.
    pub(crate) async fn unrescue(
        &self,
        cursor: Option<Value>,
        digest: Option<&str>,
    ) -> Result<Called<Outcome>> {
        let implementation = self.begun_with(InterfaceKind::Rescue, digest).await?;
        self.run(implementation, |implementation, context| {
            let cursor = cursor.clone();
            async move { implementation.unrescue(context, cursor).await }
        })
        .await
    }

    /// Takes the instance away; called until it is done.
    pub(crate) async fn deploy_tear_down(&self, cursor: Option<Value>) -> Result<Called<Outcome>> {
        let implementation = self.implementation(InterfaceKind::Deploy)?;
        self.run(implementation, |implementation, context| {
            let cursor = cursor.clone();
            async move { implementation.tear_down(context, cursor).await }
        })
        .await
    }
}

//! Remote volumes that an instance uses: connected before it boots, and disconnected when it is gone.
//!
//! Both are called again after an interruption, and before each time that a machine with an instance is switched on.

use ironbark_model::{ErrorKind, InterfaceKind, PowerState, PowerTarget, ProvisionState};

use super::{Run, Trouble};

/// Connects the node's volumes. Nothing to do for what has no storage.
pub(super) async fn attach(run: &mut Run) -> Result<(), Trouble> {
    if run.node.interface(InterfaceKind::Storage).is_none() {
        return Ok(());
    }
    match run.call().attach_volumes().await {
        Ok(called) => {
            run.keep(called);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The same before a machine with an instance is switched on, or restarted.
pub(super) async fn attach_if_active(run: &mut Run, target: PowerTarget) -> Result<(), Trouble> {
    let boots_instance =
        target.reached() == PowerState::On && run.node.provision_state == ProvisionState::Active;
    if !boots_instance {
        return Ok(());
    }
    attach(run).await?;
    run.store_kept().await
}

/// Disconnects the node's volumes as well as it goes: that it doesn't go keeps no instance from being taken away.
pub(super) async fn detach(run: &mut Run) -> Result<(), Trouble> {
    if run.node.interface(InterfaceKind::Storage).is_none() {
        return Ok(());
    }
    match run.call().detach_volumes().await {
        Ok(called) => return run.settle(called).await,
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => match Trouble::from(error) {
            Trouble::Failed(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the node's volumes could not be disconnected"
            ),
            trouble => return Err(trouble),
        },
    }
    Ok(())
}

//! What this node boots from, served by the host (capability `boot-media`).
//!
//! The driver says what for and how; which files that are, the host takes from the node and the operator's settings. What is published stays until it is
//! withdrawn or the node is deleted.

use crate::{Result, bindings::imports::ironbark::driver::boot_media};

pub use boot_media::{Image, Loader, Parameter, Purpose};

impl Parameter {
    /// `name=value`
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
        }
    }

    /// A parameter that is only there or not.
    pub fn flag(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
        }
    }
}

/// Publishes one file; returns the URL from which the node reads it.
///
/// # Errors
/// What the host returns: `missing-parameter` if nothing says which file that is.
pub fn publish_image(purpose: Purpose, image: Image) -> Result<String> {
    boot_media::publish_image(purpose, image)
}

/// Publishes kernel, ramdisk, and the configuration that boots them; returns the URL of the configuration.
///
/// # Errors
/// As [`publish_image`].
pub fn publish_boot_config(
    purpose: Purpose,
    loader: Loader,
    parameters: &[Parameter],
) -> Result<String> {
    boot_media::publish_boot_config(purpose, loader, parameters)
}

/// Publishes a configuration that boots the machine's own disk; returns its URL.
///
/// # Errors
/// What the host returns.
pub fn publish_local_boot_config(loader: Loader) -> Result<String> {
    boot_media::publish_local_boot_config(loader)
}

/// Builds and publishes a bootable ISO image of kernel, ramdisk and parameters; returns its URL.
///
/// # Errors
/// As [`publish_image`]; `busy` while the image is being built: ask again in the same way.
pub fn publish_boot_iso(purpose: Purpose, parameters: &[Parameter]) -> Result<String> {
    boot_media::publish_boot_iso(purpose, parameters)
}

/// Publishes the instance's config drive as an ISO image; returns its URL.
///
/// # Errors
/// What the host returns: `missing-parameter` if the node has none.
pub fn publish_config_drive() -> Result<String> {
    boot_media::publish_config_drive()
}

/// Withdraws what was published for this purpose. No error if there is nothing.
///
/// # Errors
/// What the host returns.
pub fn withdraw(purpose: Purpose) -> Result<()> {
    boot_media::withdraw(purpose)
}

/// Withdraws everything that was published for this node.
///
/// # Errors
/// What the host returns.
pub fn withdraw_all() -> Result<()> {
    boot_media::withdraw_all()
}

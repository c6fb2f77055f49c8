//! Boot media: what the sandbox needs of whoever serves them.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::DriverError;

/// What one node boots from. Files, images, their building and serving are the implementor's.
///
/// All methods run on the I/O runtime, and to their end even if the driver's call is cancelled meanwhile; none takes longer than
/// `deadline`. What is published replaces what was published in the same way for the same node.
#[async_trait]
pub trait BootMediaAccess: Send + Sync {
    /// Publishes something; returns the URL from which the node reads it.
    async fn publish(&self, medium: BootMedium, deadline: Duration) -> Result<String, DriverError>;

    /// Withdraws what was published for this purpose, or everything.
    async fn withdraw(
        &self,
        purpose: Option<BootPurpose>,
        deadline: Duration,
    ) -> Result<(), DriverError>;
}

/// What is to be booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootPurpose {
    /// The ramdisk for deployment, cleaning and service.
    Deploy,
    /// The rescue ramdisk.
    Rescue,
    /// The inspection ramdisk.
    Inspection,
    /// The instance.
    Instance,
}

/// A file that the node may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootImage {
    /// A kernel.
    Kernel,
    /// Its ramdisk.
    Ramdisk,
    /// An ISO image that the operator provides.
    Iso,
}

/// What reads a boot configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootLoader {
    /// A PXE loader, by TFTP.
    Pxe,
    /// iPXE, by HTTP.
    Ipxe,
    /// A UEFI loader, by HTTP.
    Http,
    /// iPXE that UEFI loaded by HTTP.
    HttpIpxe,
}

/// A kernel parameter: checked, so that a list of them can be joined by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootParameter {
    /// Its name: visible ASCII without `=`.
    pub name: String,
    /// Its value, without control characters.
    pub value: Option<String>,
}

/// Something to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootMedium {
    /// One file.
    Image(BootPurpose, BootImage),
    /// Kernel, ramdisk, and the configuration that boots them.
    Config(BootPurpose, BootLoader, Vec<BootParameter>),
    /// A configuration that boots the machine's own disk.
    LocalBoot(BootLoader),
    /// A bootable ISO image of kernel, ramdisk and parameters.
    Iso(BootPurpose, Vec<BootParameter>),
    /// The instance's config drive as an ISO image.
    ConfigDrive,
}

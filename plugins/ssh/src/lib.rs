//! The driver `ssh`: virtual machines that have no BMC, by commands on their hypervisor.
//!
//! The commands are the operator's, and the driver knows them by name; what they print, it reads as libvirt's `virsh` writes it.
//! What reads text is pure and tested natively.

mod boot_device;
mod hypervisor;
mod management;
mod power;

ironbark_driver::register! {
    metadata: "../driver.json",
    power: { "ssh" => power::SshPower },
    management: { "ssh" => management::SshManagement },
}

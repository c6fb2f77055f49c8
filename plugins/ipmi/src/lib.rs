//! The driver `ipmi`: machines with a BMC that speaks IPMI over LAN. Its implementations are called `ipmitool`, as operators
//! know them; the tool of that name is not used.
//!
//! How the BMC is reached is the host's business: this crate only knows commands and answers. Sections are those of the
//! *IPMI v2.0 specification, revision 1.1*. What reads bytes is pure and tested natively.

mod bmc;
mod boot_device;
mod boot_flags;
mod chassis;
mod console;
mod fru;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod fuzzing;
mod management;
mod manufacturer;
mod power;
mod raw;
mod sel;
mod sensors;
mod vendor;

ironbark_driver::register! {
    metadata: "../driver.json",
    power: { "ipmitool" => power::IpmiPower },
    management: { "ipmitool" => management::IpmiManagement },
    vendor: { "ipmitool" => vendor::IpmiVendor },
    console: { "ipmitool-socat" => console::SerialOverLan },
    steps: { "ipmitool" => vendor::IpmiSteps },
}

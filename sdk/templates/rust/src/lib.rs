//! A driver for Ironbark: power and boot device over IPMI.
//!
//! What it is and what it asks for stands in `driver.json`. Each call runs in a new instance, on one node; address and password of
//! the BMC are the host's. Sections are those of the *IPMI v2.0 specification, revision 1.1*.

mod management;
mod power;

ironbark_driver::register! {
    metadata: "../driver.json",
    power: { "acme" => power::Chassis },
    management: { "acme" => management::BootOptions },
}

//! The driver `redfish`: machines with a BMC that speaks Redfish.
//!
//! How the service is reached is the host's business: this crate knows resources and answers only. What talks to the service takes a
//! `service::Service`, so that tests can answer for it. Sources are clauses of the *Redfish Specification* (DSP0266) and resources of
//! the *Redfish Data Model* (DSP0268).

mod bios;
mod boot;
mod ethernet;
mod indicators;
mod inspection;
mod management;
mod power;
mod registry;
mod reset;
mod resource;
mod secure_boot;
mod sensors;
mod service;
mod system;
mod vendor;
mod virtual_media;

ironbark_driver::register! {
    metadata: "../driver.json",
    power: { "redfish" => power::RedfishPower },
    management: { "redfish" => management::RedfishManagement },
    bios: { "redfish" => bios::RedfishBios },
    inspect: { "redfish" => inspection::RedfishInspect },
    vendor: { "redfish" => vendor::RedfishVendor },
    steps: { "redfish" => vendor::RedfishSteps },
}

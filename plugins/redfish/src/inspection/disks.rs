//! The System's disks (DSP0268, Storage and Drive; SimpleStorage of older services).

use ironbark_driver::Result;
use serde_json::{Value, json};

use super::{MOST_MEMBERS, members, members_of};
use crate::{
    resource::{at, links, text},
    service::{Resource, Service},
    system::System,
};

/// One disk.
#[derive(Debug)]
pub(super) struct Disk {
    name: Option<String>,
    pub(super) bytes: u64,
    rotational: Option<bool>,
    model: Option<String>,
    serial: Option<String>,
    vendor: Option<String>,
}

impl Disk {
    pub(super) fn inventory(&self) -> Value {
        json!({
            "name": self.name,
            "size": self.bytes,
            "rotational": self.rotational,
            "model": self.model,
            "serial": self.serial,
            "vendor": self.vendor,
        })
    }

    /// A disk whose size is known.
    fn read(resource: &Resource) -> Option<Self> {
        let owned = |name: &str| text(resource, name).map(str::to_owned);
        Some(Self {
            bytes: at(resource, "CapacityBytes")?.as_u64()?,
            name: owned("Name"),
            rotational: match text(resource, "MediaType") {
                Some("HDD") => Some(true),
                Some("SSD") => Some(false),
                _ => None,
            },
            model: owned("Model"),
            serial: owned("SerialNumber"),
            vendor: owned("Manufacturer"),
        })
    }
}

/// # Errors
/// No answer, or one that makes no sense.
pub(super) fn read(service: &impl Service, system: &System) -> Result<Vec<Disk>> {
    let controllers = members_of(service, &system.part("Storage"))?;
    let drives = controllers
        .iter()
        .flat_map(|controller| links(controller, "Drives"))
        .collect();
    let mut disks: Vec<Disk> = members(service, drives)?
        .iter()
        .filter_map(Disk::read)
        .collect();
    if disks.is_empty() {
        for controller in members_of(service, &system.part("SimpleStorage"))? {
            let devices = at(&controller, "Devices").and_then(Value::as_array);
            let devices = devices.into_iter().flatten().filter_map(Value::as_object);
            disks.extend(devices.filter_map(Disk::read).take(MOST_MEMBERS));
        }
    }
    Ok(disks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::Scripted;

    #[test]
    fn older_services_list_their_disks_in_one_resource() {
        let path = "/redfish/v1/Systems/1/SimpleStorage";
        let one = format!("{path}/1");
        let service = Scripted::with(json!({
            "/redfish/v1/Systems/1": {},
            path: {"Members": [{"@odata.id": one}]},
            one: {"Devices": [{"Name": "a", "CapacityBytes": 7}, {"Name": "an empty bay"}]},
        }));
        let system = System::read(&service).unwrap();
        let disks = read(&service, &system).unwrap();
        assert_eq!(disks.len(), 1);
        assert_eq!((disks[0].name.as_deref(), disks[0].bytes), (Some("a"), 7));
    }
}

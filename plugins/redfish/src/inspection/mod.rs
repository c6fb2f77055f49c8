//! Inspection: what the service shows of the machine, without a ramdisk (DSP0268: ComputerSystem, Processor, Drive, EthernetInterface).

mod disks;
mod processors;

use ironbark_driver::{Error, Findings, FoundPort, Inspect, Inspection, Result};
use serde_json::{Map, Value, json};

use crate::{
    boot,
    ethernet::{self, Interface},
    resource::{at, links, text},
    service::{Host, Resource, Service},
    system::System,
};
use disks::Disk;
use processors::Processors;

/// Members of a collection that are looked at: the call has a minute for all of them.
const MOST_MEMBERS: usize = 64;
const GIB: u64 = 1024 * 1024 * 1024;

pub(crate) struct RedfishInspect;

impl Inspect for RedfishInspect {
    fn inspect_hardware(&self, _cursor: Option<&str>) -> Result<Inspection> {
        inspect(&Host).map(Inspection::Done)
    }
}

fn inspect(service: &impl Service) -> Result<Findings> {
    let system = System::read(service)?;
    let processors = processors::read(service, &system)?;
    let disks = disks::read(service, &system)?;
    let interfaces = ethernet::interfaces(service, &system)?.unwrap_or_default();
    let properties = properties(&system, &processors, &disks)?;
    Ok(Findings {
        properties: Value::Object(properties).to_string(),
        inventory: Some(inventory(&system, &processors, &disks, &interfaces).to_string()),
        ports: interfaces.into_iter().filter_map(port).collect(),
    })
}

/// What schedulers choose by.
fn properties(
    system: &System,
    processors: &Processors,
    disks: &[Disk],
) -> Result<Map<String, Value>> {
    let mut found = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            found.insert(key.to_owned(), value);
        }
    };
    put("memory_mb", memory_mib(system).map(Value::from));
    put(
        "cpu_arch",
        processors.architecture.as_deref().map(Value::from),
    );
    put("cpus", processors.count.map(Value::from));
    // A machine may boot from elsewhere.
    put("local_gb", Some(largest(disks).into()));
    put(
        "vendor",
        text(&system.resource, "Manufacturer").map(Value::from),
    );
    put(
        "capabilities",
        boot::mode(system).map(|mode| format!("boot_mode:{mode}").into()),
    );
    let missing: Vec<&str> = ["memory_mb", "cpu_arch"]
        .into_iter()
        .filter(|key| !found.contains_key(*key))
        .collect();
    if missing.is_empty() {
        return Ok(found);
    }
    Err(Error::failed(format!(
        "the Redfish service doesn't show what the properties {} need: set them by hand, or inspect with a ramdisk",
        missing.join(" and ")
    )))
}

/// In the form that the agent posts.
fn inventory(
    system: &System,
    processors: &Processors,
    disks: &[Disk],
    interfaces: &[Interface],
) -> Value {
    let interfaces: Vec<Value> = interfaces
        .iter()
        .map(|one| {
            json!({
                "name": one.name, "mac_address": one.mac, "speed_mbps": one.speed_mbps, "has_carrier": one.has_link,
            })
        })
        .collect();
    json!({
        "cpu": processors.inventory(),
        "memory": {"physical_mb": memory_mib(system)},
        "disks": disks.iter().map(Disk::inventory).collect::<Vec<Value>>(),
        "interfaces": interfaces,
        "system_vendor": {
            "manufacturer": text(&system.resource, "Manufacturer"),
            "product_name": text(&system.resource, "Model"),
            "serial_number": text(&system.resource, "SerialNumber"),
            "system_uuid": text(&system.resource, "UUID"),
        },
        "boot": {"current_boot_mode": boot::mode(system)},
    })
}

/// Interfaces that are enabled become ports. Whether the machine boots from one isn't known here.
fn port(interface: Interface) -> Option<FoundPort> {
    interface.is_enabled.then_some(())?;
    Some(FoundPort {
        address: interface.mac?,
        name: Some(interface.name),
        pxe_enabled: None,
    })
}

fn memory_mib(system: &System) -> Option<u64> {
    let gib = at(&system.resource, "MemorySummary/TotalSystemMemoryGiB")?.as_f64()?;
    // Below 2^53, and some services say 0 while the machine is off.
    (gib > 0.0).then_some((gib * 1024.0) as u64)
}

/// Size of the largest disk in GiB; 0 without one.
fn largest(disks: &[Disk]) -> u64 {
    disks.iter().map(|disk| disk.bytes / GIB).max().unwrap_or(0)
}

/// The members of a collection that can be read and aren't merely places for one.
fn members(service: &impl Service, paths: Vec<String>) -> Result<Vec<Resource>> {
    let mut found = Vec::new();
    for path in paths.into_iter().take(MOST_MEMBERS) {
        let member = service.find(&path)?.filter(is_there);
        found.extend(member);
    }
    Ok(found)
}

fn members_of(service: &impl Service, collection: &str) -> Result<Vec<Resource>> {
    let collection = service.find(collection)?.unwrap_or_default();
    members(service, links(&collection, "Members"))
}

fn is_there(resource: &Resource) -> bool {
    at(resource, "Status/State").and_then(Value::as_str) != Some("Absent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::Scripted;

    const SYSTEM: &str = "/redfish/v1/Systems/1";

    fn machine(system: &Value) -> Value {
        let at = |rest: &str| format!("{SYSTEM}/{rest}");
        let listed = |paths: &[&str]| -> Value {
            let members = paths.iter().map(|path| json!({"@odata.id": at(path)}));
            json!({"Members": members.collect::<Vec<_>>()})
        };
        json!({
            SYSTEM: system,
            at("Processors"): listed(&["Processors/1", "Processors/2", "Processors/gpu", "Processors/3"]),
            at("Processors/1"): {"ProcessorType": "CPU", "TotalThreads": 32, "TotalCores": 16, "Model": "Fast 9000",
                "InstructionSet": "x86-64", "MaxSpeedMHz": 3600},
            at("Processors/2"): {"TotalCores": 16, "InstructionSet": "x86-64"},
            at("Processors/gpu"): {"ProcessorType": "GPU", "TotalThreads": 5000},
            at("Processors/3"): {"Status": {"State": "Absent"}, "TotalThreads": 32},
            at("Storage"): listed(&["Storage/raid", "Storage/gone"]),
            at("Storage/raid"): {"Drives": [{"@odata.id": at("Storage/raid/Drives/0")}, {"@odata.id": at("Storage/raid/Drives/1")}]},
            at("Storage/raid/Drives/0"): {"Name": "Disk 0", "CapacityBytes": 960 * GIB, "MediaType": "SSD", "Model": "Quick", "SerialNumber": "S1"},
            at("Storage/raid/Drives/1"): {"Name": "Disk 1", "CapacityBytes": 4096 * GIB + 1, "MediaType": "HDD"},
            at("EthernetInterfaces"): listed(&["EthernetInterfaces/a", "EthernetInterfaces/b"]),
            at("EthernetInterfaces/a"): {"Id": "a", "MACAddress": "52:54:00:AA:00:01", "SpeedMbps": 10000, "LinkStatus": "LinkUp"},
            at("EthernetInterfaces/b"): {"Id": "b", "MACAddress": "52:54:00:AA:00:02", "InterfaceEnabled": false},
        })
    }

    fn found(system: &Value) -> (Value, Value, Vec<FoundPort>) {
        let findings = inspect(&Scripted::with(machine(system))).unwrap();
        let read = |text: &str| serde_json::from_str(text).unwrap();
        (
            read(&findings.properties),
            read(&findings.inventory.unwrap()),
            findings.ports,
        )
    }

    #[test]
    fn what_the_service_shows_becomes_properties_ports_and_an_inventory() {
        let (properties, inventory, ports) = found(&json!({
            "Manufacturer": "Acme", "Model": "A1", "SerialNumber": "X7",
            "MemorySummary": {"TotalSystemMemoryGiB": 31.5}, "Boot": {"BootSourceOverrideMode": "UEFI"},
        }));
        assert_eq!(
            properties,
            json!({
                "memory_mb": 32256, "cpu_arch": "x86_64", "cpus": 48, "local_gb": 4096, "vendor": "Acme",
                "capabilities": "boot_mode:uefi",
            })
        );
        assert_eq!(
            inventory["cpu"],
            json!({"count": 48, "architecture": "x86_64", "model_name": "Fast 9000", "frequency": "3600"})
        );
        assert_eq!(
            inventory["disks"][0],
            json!({
                "name": "Disk 0", "size": 960 * GIB, "rotational": false, "model": "Quick", "serial": "S1", "vendor": null
            })
        );
        assert_eq!(inventory["disks"][1]["rotational"], true);
        assert_eq!(inventory["interfaces"][0]["speed_mbps"], 10000);
        assert_eq!(inventory["interfaces"].as_array().unwrap().len(), 2);
        assert_eq!(inventory["system_vendor"]["serial_number"], "X7");
        assert_eq!(ports.len(), 1, "what is disabled is no port");
        assert_eq!(ports[0].address, "52:54:00:aa:00:01");
        assert_eq!(ports[0].name.as_deref(), Some("a"));
    }

    #[test]
    fn what_schedulers_need_must_be_there() {
        let system = json!({"MemorySummary": {"TotalSystemMemoryGiB": 0}});
        let error = inspect(&Scripted::with(machine(&system))).unwrap_err();
        assert!(error.message().contains("memory_mb"), "{error:?}");
        let bare = json!({SYSTEM: {"MemorySummary": {"TotalSystemMemoryGiB": 8}}});
        let error = inspect(&Scripted::with(bare)).unwrap_err();
        assert!(error.message().contains("cpu_arch"), "{error:?}");
    }

    #[test]
    fn a_machine_without_disks_has_none() {
        let bare = json!({
            SYSTEM: {"MemorySummary": {"TotalSystemMemoryGiB": 8}, "ProcessorSummary": {"LogicalProcessorCount": 4}},
            format!("{SYSTEM}/Processors"): {"Members": [{"@odata.id": format!("{SYSTEM}/Processors/1")}]},
            format!("{SYSTEM}/Processors/1"): {"ProcessorArchitecture": "ARM", "InstructionSet": "ARM-A64"},
        });
        let findings = inspect(&Scripted::with(bare)).unwrap();
        let properties: Value = serde_json::from_str(&findings.properties).unwrap();
        assert_eq!(
            properties,
            json!({"memory_mb": 8192, "cpu_arch": "aarch64", "cpus": 4, "local_gb": 0})
        );
        assert!(findings.ports.is_empty());
    }
}

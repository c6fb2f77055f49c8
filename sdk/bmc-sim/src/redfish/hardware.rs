//! What a system is built of: processors and disks.

use serde_json::{Value, json};

use super::{reply::collection, state::System};

const PROCESSORS: [&str; 2] = ["CPU0", "CPU1"];
const DRIVES: [&str; 2] = ["Disk0", "Disk1"];
const STORAGE: &str = "RAID1";
const GIB: u64 = 1024 * 1024 * 1024;

/// A resource below `Processors` or `Storage`, if there is such a one.
pub(super) fn show(system: &System, segments: &[&str]) -> Option<Value> {
    let path = format!("/redfish/v1/Systems/{}/{}", system.id, segments.join("/"));
    match segments {
        ["Processors"] => Some(collection(&path, "ProcessorCollection", PROCESSORS)),
        ["Processors", name] => PROCESSORS.contains(name).then(|| processor(&path, name)),
        ["Storage"] => Some(collection(&path, "StorageCollection", [STORAGE])),
        ["Storage", STORAGE] => Some(storage(&path)),
        ["Storage", STORAGE, "Drives", name] => {
            let number = DRIVES.iter().position(|known| known == name)?;
            Some(drive(&path, name, number))
        }
        _ => None,
    }
}

fn processor(path: &str, name: &str) -> Value {
    json!({
        "@odata.id": path,
        "@odata.type": "#Processor.v1_11_0.Processor",
        "Id": name,
        "Name": name,
        "ProcessorType": "CPU",
        "ProcessorArchitecture": "x86",
        "InstructionSet": "x86-64",
        "Model": "Simulated processor",
        "MaxSpeedMHz": 3000,
        "TotalCores": 8,
        "TotalThreads": 16,
        "Status": {"State": "Enabled", "Health": "OK"},
    })
}

fn storage(path: &str) -> Value {
    let drives: Vec<Value> = DRIVES
        .iter()
        .map(|name| json!({"@odata.id": format!("{path}/Drives/{name}")}))
        .collect();
    json!({
        "@odata.id": path,
        "@odata.type": "#Storage.v1_10_0.Storage",
        "Id": STORAGE,
        "Name": "Storage",
        "Drives": drives,
        "Status": {"State": "Enabled", "Health": "OK"},
    })
}

fn drive(path: &str, name: &str, number: usize) -> Value {
    let media = if number == 0 { "SSD" } else { "HDD" };
    let gib = if number == 0 { 480 } else { 4000 };
    json!({
        "@odata.id": path,
        "@odata.type": "#Drive.v1_12_0.Drive",
        "Id": name,
        "Name": name,
        "CapacityBytes": gib * GIB,
        "MediaType": media,
        "Manufacturer": "Ironbark",
        "Model": "Simulated disk",
        "SerialNumber": format!("DISK{number:04}"),
        "Status": {"State": "Enabled", "Health": "OK"},
    })
}

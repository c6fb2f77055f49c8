//! The `redfish` driver with a service that others wrote: sushy-tools' emulator.

use ironbark_tests::{Service, Setup, Stage, enrol};
use serde_json::json;

use crate::emulator::Emulator;

const SYSTEM: &str = "6b3a1e5c-0000-4000-8000-000000000001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_emulators_machine_obeys_and_tells() {
    let stage = Stage::shared().await;
    let Some(emulator) = Emulator::start(&[SYSTEM]) else {
        return;
    };
    // It lets a machine take up to 11 seconds.
    let setup = Setup::default().set("conductor", "power_state_change_timeout", 40);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let node = json!({
        "name": "emulated",
        "driver": "redfish",
        "driver_info": {
            "redfish_address": emulator.url(), "redfish_username": "admin", "redfish_password": "password",
        },
    });
    let node = enrol(client, &node).await;
    assert_eq!(node["power_state"], "power off", "{node}");
    client.power_to("emulated", "power on", "power on").await;
    let path = "/v1/nodes/emulated/management/boot_device";
    for (device, persistent) in [("pxe", true), ("cdrom", false)] {
        let wanted = json!({"boot_device": device, "persistent": persistent});
        client.put(path, &wanted).await.expect(204);
        // For how long, it doesn't remember: it always says for good.
        let read = client.get(path).await.expect(200);
        assert_eq!(read, json!({"boot_device": device, "persistent": true}));
    }
    client.power_to("emulated", "power off", "power off").await;
}

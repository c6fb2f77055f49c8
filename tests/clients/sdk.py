"""The tour from openstacksdk. Arguments as for cli.py."""

import sys
import time

import openstack
from openstack import exceptions

URL, ADDRESS, PORT, USER, PASSWORD = sys.argv[1:6]


def same(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def said(what):
    print(f"[{time.monotonic():.1f}] {what}", flush=True)


def connect():
    connection = openstack.connection.Connection(
        auth_type="none", endpoint=URL, baremetal_endpoint_override=URL,
    )
    return connection.baremetal


def drivers(metal):
    names = {driver.name for driver in metal.drivers(details=True)}
    assert {"fake-hardware", "ipmi"} <= names, names
    same(metal.get_driver("ipmi").default_power_interface, "ipmitool")
    same(metal.list_driver_vendor_passthru("fake-hardware"), {})
    conductors = list(metal.conductors(details=True))
    same(len(conductors), 1)
    assert metal.get_conductor(conductors[0].hostname).drivers
    said("drivers and conductors")


def machine(metal):
    node = metal.create_node(
        name="sdk-1", driver="ipmi", resource_class="small",
        driver_info={"ipmi_address": ADDRESS, "ipmi_port": PORT, "ipmi_username": USER, "ipmi_password": PASSWORD},
    )
    # The SDK takes a new node through manage by itself unless it is told otherwise.
    same(metal.get_node(node.id).name, "sdk-1")
    if node.provision_state == "enroll":
        node = metal.set_node_provision_state(node, "manage", wait=True, timeout=60)
    same(node.provision_state, "manageable")
    node = metal.update_node(node, extra={"rack": 7}, description="by the door")
    same((node.extra, node.description), ({"rack": 7}, "by the door"))
    node = metal.patch_node(node, [{"op": "remove", "path": "/extra/rack"}])
    same(node.extra, {})
    port = metal.create_port(address="52:54:00:CF:2D:32", node_id=node.id, extra={"socket": 3})
    same(port.address, "52:54:00:cf:2d:32")
    same([found.id for found in metal.ports(node=node.id, details=True)], [port.id])
    port = metal.update_port(port, extra={"socket": 4})
    same(port.extra, {"socket": 4})
    metal.delete_port(port)
    same(list(metal.ports()), [])
    said("node and ports")

    metal.validate_node(node, required=["power", "management"])
    try:
        metal.validate_node(node, required=["deploy"])
        raise AssertionError("no-deploy is valid")
    except exceptions.ValidationException:
        pass
    metal.set_node_power_state(node, "power on", wait=True, timeout=60)
    same(metal.get_node(node).power_state, "power on")
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    metal.inject_nmi_to_node(node)
    metal.set_node_power_state(node, "rebooting", wait=True, timeout=60)
    metal.set_node_power_state(node, "soft power off", wait=True, timeout=60)
    same(metal.get_node(node).power_state, "power off")
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    metal.set_node_boot_device(node, "pxe", persistent=True)
    device = metal.get_node_boot_device(node)
    same((device["boot_device"], device["persistent"]), ("pxe", True))
    assert "disk" in metal.get_node_supported_boot_devices(node)["supported_boot_devices"]
    methods = metal.list_node_vendor_passthru(node)
    assert "send_raw" in methods, methods
    metal.call_node_vendor_passthru(node, "POST", "send_raw", {"raw_bytes": "0x06 0x01"})
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    said("power and management")
    metal.delete_node(node)


def belongings(metal):
    """Chassis, port groups, volumes."""
    rack = metal.create_chassis(description="Rack 7", extra={"hall": 1})
    rack = metal.update_chassis(rack, description="Rack 8")
    same((metal.get_chassis(rack.id).description, rack.extra), ("Rack 8", {"hall": 1}))
    rack = metal.patch_chassis(rack, [{"op": "remove", "path": "/extra/hall"}])
    same(rack.extra, {})
    same([found.id for found in metal.chassis(details=True)], [rack.id])
    node = metal.create_node(name="sdk-3", driver="fake-hardware", chassis_id=rack.id)
    same(node.chassis_id, rack.id)
    try:
        metal.delete_chassis(rack)
        raise AssertionError("a chassis with a node was deleted")
    except exceptions.BadRequestException:
        pass

    group = metal.create_port_group(node_id=node.id, name="sdk-bond", address="52:54:00:CF:2D:51")
    same((group.address, group.mode), ("52:54:00:cf:2d:51", "active-backup"))
    group = metal.update_port_group(group, mode="802.3ad", properties={"miimon": 100})
    same((metal.get_port_group("sdk-bond").mode, group.properties), ("802.3ad", {"miimon": 100}))
    same([found.id for found in metal.port_groups(node=node.id, details=True)], [group.id])
    port = metal.create_port(address="52:54:00:CF:2D:52", node_id=node.id, port_group_id=group.id)
    same(port.port_group_id, group.id)
    metal.delete_port(port)
    metal.delete_port_group(group)
    same(metal.find_port_group("sdk-bond"), None)

    by = metal.create_volume_connector(node_id=node.id, type="iqn", connector_id="iqn.2010-10.org.example:2")
    to = metal.create_volume_target(
        node_id=node.id, volume_type="iscsi", boot_index=0, volume_id="v1", properties={"auth_password": "hush"},
    )
    same((to.properties, to.boot_index), ({"auth_password": "******"}, 0))
    same([found.id for found in metal.volume_connectors(node=node.id, details=True)], [by.id])
    same([found.id for found in metal.volume_targets(node=node.id, details=True)], [to.id])
    metal.set_node_provision_state(node, "manage", wait=True, timeout=60)
    metal.set_node_power_state(node, "power off", wait=True, timeout=60)
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    by = metal.update_volume_connector(by, extra={"slot": 1})
    same(metal.get_volume_connector(by.id).extra, {"slot": 1})
    to = metal.update_volume_target(to, boot_index=1)
    same(metal.get_volume_target(to.id).boot_index, 1)
    metal.delete_volume_target(to)
    same(list(metal.volume_targets()), [])
    # The connector goes with its node.
    metal.delete_node(node)
    same(list(metal.volume_connectors()), [])
    metal.delete_chassis(rack)
    said("chassis, port groups and volumes")


def life(metal):
    node = metal.create_node(name="sdk-2", driver="fake-hardware")
    if node.provision_state == "enroll":
        node = metal.set_node_provision_state(node, "manage", wait=True, timeout=60)
    node = metal.set_node_provision_state(
        node, "clean", clean_steps=[{"interface": "deploy", "step": "erase_devices"}], wait=True, timeout=60,
    )
    node = metal.set_node_provision_state(node, "provide", wait=True, timeout=60)
    node = metal.set_node_provision_state(node, "active", config_drive={"meta_data": {}}, wait=True, timeout=60)
    same(node.provision_state, "active")
    node = metal.set_node_provision_state(node, "rebuild", wait=True, timeout=60)
    node = metal.set_node_provision_state(node, "deleted", wait=True, timeout=60)
    same(node.provision_state, "available")
    said("provisioning")

    same(metal.call_node_vendor_passthru(node, "POST", "third_method_sync", {"bar": "meow"}).json(), True)
    metal.set_node_maintenance(node, reason="new disks")
    same((metal.get_node(node).is_maintenance, metal.get_node(node).maintenance_reason), (True, "new disks"))
    try:
        metal.set_node_provision_state(node, "active")
        raise AssertionError("a node in maintenance was deployed")
    except exceptions.BadRequestException as error:
        assert "maintenance" in str(error).lower(), error
    metal.unset_node_maintenance(node)
    metal.set_node_traits(node, ["CUSTOM_FAST"])
    metal.add_node_trait(node, "HW_CPU_X86_VMX")
    metal.remove_node_trait(node, "CUSTOM_FAST")
    same(metal.get_node(node).traits, ["HW_CPU_X86_VMX"])
    same([found.id for found in metal.nodes(provision_state="available", details=True)], [node.id])
    metal.delete_node(node)
    same(metal.find_node("sdk-2"), None)
    same(list(metal.nodes()), [])


def hardware(metal):
    node = metal.create_node(name="sdk-3", driver="fake-hardware", network_interface="fake")
    if node.provision_state == "enroll":
        node = metal.set_node_provision_state(node, "manage", wait=True, timeout=60)
    metal.attach_vif_to_node(node, "network-1")
    same(metal.list_node_vifs(node), ["network-1"])
    same(metal.detach_vif_from_node(node, "network-1"), True)
    # It tells by its answer that nothing was attached.
    same(metal.detach_vif_from_node(node, "network-1"), False)
    metal.enable_node_console(node)
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    console = metal.get_node_console(node)
    same((console["console_enabled"], console["console_info"]["type"]), (True, "url"))
    metal.disable_node_console(node)
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    metal.set_node_boot_mode(node, "uefi")
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    metal.set_node_secure_boot(node, True)
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    node = metal.get_node(node)
    same((node.boot_mode, node.is_secure_boot), ("uefi", True))
    assert metal.list_node_firmware(node)["firmware"], "no firmware"
    same(metal.validate_node(node, required=["bios", "console", "network", "raid"])["raid"].result, True)
    metal.attach_vmedia_to_node(node, device_type="cdrom", image_url="http://files/a.iso")
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    metal.detach_vmedia_from_node(node)
    metal.wait_for_node_reservation(metal.get_node(node), timeout=60)
    try:
        metal.get_node_inventory(node)
        raise AssertionError("a node that was never inspected has an inventory")
    except exceptions.NotFoundException:
        pass
    metal.delete_node(node)
    said("hardware")


client = connect()
drivers(client)
machine(client)
belongings(client)
life(client)
hardware(client)
print("done")

"""The tour from `openstack baremetal`: python-ironicclient as it is, its commands run in one process.

Arguments: the service's URL, then address, port, user and password of a BMC.
"""

import contextlib
import io
import json
import sys
import time

from openstackclient.shell import OpenStackShell

URL, ADDRESS, PORT, USER, PASSWORD = sys.argv[1:6]


def run(command, *arguments):
    """Runs `openstack baremetal <command> <arguments>`: its exit status, standard output and standard error."""
    line = ["--os-auth-type", "none", "--os-endpoint", URL, "baremetal", *command.split(), *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        # Made within, since a shell takes its streams when it is made.
        status = OpenStackShell().run(line)
    print(f"[{time.monotonic():.1f}] openstack baremetal {command} {' '.join(arguments)} -> {status}", flush=True)
    return status, out.getvalue(), err.getvalue()


def do(command, *arguments):
    """A command that must succeed; gives its standard output."""
    status, out, err = run(command, *arguments)
    assert status == 0, f"{command} {arguments} ended with {status}: {out} {err}"
    return out


def read(command, *arguments):
    """A command that must succeed and print JSON."""
    return json.loads(do(command, *arguments, "-f", "json"))


def refuse(command, *arguments):
    """A command that must fail; gives what it said."""
    status, out, err = run(command, *arguments)
    assert status != 0, f"{command} {arguments} succeeded: {out}"
    return out + err


def same(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def until(node, field, wanted):
    deadline = time.monotonic() + 60
    while True:
        shown = read("node show", node, "--fields", field, "last_error")
        if shown[field] == wanted:
            return
        assert time.monotonic() < deadline, f"{node}: {field} is {shown[field]!r}, not {wanted!r}: {shown['last_error']}"


def drivers():
    names = {row["name"]: row["hosts"] for row in read("driver list")}
    assert {"fake-hardware", "ipmi"} <= names.keys(), names
    shown = read("driver show", "ipmi")
    same(shown["default_power_interface"], "ipmitool")
    properties = {row["property"] for row in read("driver property list", "ipmi")}
    assert {"ipmi_address", "ipmi_password", "ipmi_username", "ipmi_port"} <= properties, properties
    do("driver passthru list", "fake-hardware")
    hosts = [row["hostname"] for row in read("conductor list")]
    same(len(hosts), 1)
    conductor = read("conductor show", hosts[0])
    assert conductor["alive"] is True, conductor
    assert "ipmi" in conductor["drivers"], conductor
    same(names["ipmi"], hosts[0])


def nodes():
    info = [f"ipmi_address={ADDRESS}", f"ipmi_port={PORT}", f"ipmi_username={USER}", f"ipmi_password={PASSWORD}"]
    created = read(
        "node create", "--driver", "ipmi", "--name", "cli-1", "--resource-class", "small", "--property", "cpus=4",
        *[part for pair in info for part in ("--driver-info", pair)],
    )
    same(created["provision_state"], "enroll")
    same(created["driver_info"]["ipmi_password"], "******")
    same([row["name"] for row in read("node list", "--driver", "ipmi")], ["cli-1"])
    do("node set", "cli-1", "--extra", "rack=7", "--description", "by the door", "--property", "memory_mb=1024")
    shown = read("node show", "cli-1")
    same((shown["extra"], shown["description"]), ({"rack": 7}, "by the door"))
    same(read("node show", created["uuid"])["name"], "cli-1")
    do("node unset", "cli-1", "--extra", "rack", "--description")
    shown = read("node show", "cli-1")
    same((shown["extra"], shown["description"]), ({}, None))
    assert "cli-1" in refuse("node create", "--driver", "fake-hardware", "--name", "cli-1")
    refuse("node show", "nobody")
    validation = {row["Interface"]: row["Result"] for row in read("node validate", "cli-1")}
    same((validation["power"], validation["management"], validation["deploy"]), (True, True, False))
    return created["uuid"]


def ports(uuid):
    port = read("port create", "52:54:00:CF:2D:31", "--node", uuid, "--physical-network", "blue")
    same(port["address"], "52:54:00:cf:2d:31")
    same([row["uuid"] for row in read("port list", "--node", "cli-1")], [port["uuid"]])
    do("port set", port["uuid"], "--extra", "socket=3", "--name", "cli-port")
    same(read("port show", "--address", "52:54:00:cf:2d:31")["extra"], {"socket": 3})
    do("port unset", "cli-port", "--extra", "socket")
    same(read("port show", "cli-port")["extra"], {})
    do("port delete", port["uuid"])
    same(read("port list"), [])


def belongings(uuid):
    """Chassis, port groups, volumes, shards."""
    rack = read("chassis create", "--description", "Rack 7", "--extra", "hall=1")["uuid"]
    do("chassis set", rack, "--description", "Rack 8", "--extra", "row=2")
    do("chassis unset", rack, "--extra", "hall")
    shown = read("chassis show", rack)
    same((shown["description"], shown["extra"]), ("Rack 8", {"row": 2}))
    same([row["uuid"] for row in read("chassis list")], [rack])
    do("node set", "cli-1", "--chassis-uuid", rack)
    same([row["name"] for row in read("node list", "--chassis", rack)], ["cli-1"])
    assert rack in refuse("chassis delete", rack)
    do("node unset", "cli-1", "--chassis-uuid")
    do("chassis delete", rack)
    same(read("chassis list"), [])

    group = read("port group create", "--node", uuid, "--name", "cli-bond", "--address", "52:54:00:CF:2D:41")
    same((group["mode"], group["address"]), ("active-backup", "52:54:00:cf:2d:41"))
    do("port group set", "cli-bond", "--mode", "802.3ad", "--property", "miimon=100", "--unsupport-standalone-ports")
    do("port group unset", "cli-bond", "--address")
    shown = read("port group show", "cli-bond")
    same((shown["mode"], shown["properties"], shown["address"]), ("802.3ad", {"miimon": 100}, None))
    same(shown["standalone_ports_supported"], False)
    same([row["name"] for row in read("port group list", "--node", "cli-1")], ["cli-bond"])
    port = read("port create", "52:54:00:CF:2D:42", "--node", uuid, "--port-group", group["uuid"])
    same([row["uuid"] for row in read("port list", "--port-group", "cli-bond")], [port["uuid"]])
    assert "contains ports" in refuse("port group delete", "cli-bond")
    do("port unset", port["uuid"], "--port-group")
    do("port delete", port["uuid"])
    do("port group delete", "cli-bond")
    same(read("port group list"), [])

    by = read("volume connector create", "--node", uuid, "--type", "iqn", "--connector-id", "iqn.2010-10.org.example:1")
    to = read(
        "volume target create", "--node", uuid, "--type", "iscsi", "--boot-index", "0", "--volume-id", "v1",
        "--property", "auth_password=hush",
    )
    same(to["properties"], {"auth_password": "******"})
    same([row["uuid"] for row in read("volume connector list", "--node", uuid)], [by["uuid"]])
    same([row["uuid"] for row in read("volume target list", "--node", uuid)], [to["uuid"]])
    assert "volume target update" in refuse("volume target set", to["uuid"], "--boot-index", "1")
    do("volume connector delete", by["uuid"])
    do("volume target delete", to["uuid"])
    do("node set", "cli-1", "--shard", "east")
    same({row["name"]: row["count"] for row in read("shard list")}, {"east": 1})
    do("node unset", "cli-1", "--shard")


def power():
    do("node manage", "cli-1", "--wait", "60")
    do("node power on", "cli-1")
    until("cli-1", "power_state", "power on")
    until("cli-1", "reservation", None)
    do("node inject nmi", "cli-1")
    do("node reboot", "cli-1")
    until("cli-1", "target_power_state", None)
    do("node power off", "cli-1", "--soft")
    until("cli-1", "power_state", "power off")
    until("cli-1", "reservation", None)
    assert "pxe" in do("node boot device show", "cli-1", "--supported")
    do("node boot device set", "cli-1", "pxe", "--persistent")
    device = read("node boot device show", "cli-1")
    same((device["boot_device"], device["persistent"]), ("pxe", True))
    methods = {row["Name"] for row in read("node passthru list", "cli-1")}
    assert {"send_raw", "bmc_reset"} <= methods, methods
    do("node passthru call", "cli-1", "send_raw", "--arg", "raw_bytes=0x06 0x01", "--http-method", "POST")


def provision():
    read("node create", "--driver", "fake-hardware", "--name", "cli-2")
    do("node manage", "cli-2", "--wait", "60")
    do("node clean", "cli-2", "--wait", "60", "--clean-steps", '[{"interface": "deploy", "step": "erase_devices"}]')
    do("node provide", "cli-2", "--wait", "60")
    do("node deploy", "cli-2", "--wait", "60", "--config-drive", '{"meta_data": {"hello": "there"}}')
    same(read("node show", "cli-2")["provision_state"], "active")
    do("node rebuild", "cli-2", "--wait", "60")
    do("node undeploy", "cli-2", "--wait", "60")
    same(read("node show", "cli-2")["provision_state"], "available")
    # The client can't print the answer of third_method_sync, a bare `true`; the SDK's tour reads it.
    do("node passthru call", "cli-2", "second_method", "--arg", "bar=kazoo", "--http-method", "POST")
    until("cli-2", "reservation", None)
    assert "bar" in refuse("node passthru call", "cli-2", "second_method", "--http-method", "POST")
    do("node maintenance set", "cli-2", "--reason", "new disks")
    shown = read("node show", "cli-2")
    same((shown["maintenance"], shown["maintenance_reason"]), (True, "new disks"))
    assert "maintenance" in refuse("node deploy", "cli-2").lower()
    do("node maintenance unset", "cli-2")
    same(read("node show", "cli-2")["maintenance_reason"], None)
    do("node add trait", "cli-2", "CUSTOM_FAST", "HW_CPU_X86_VMX")
    same({row["traits"] for row in read("node trait list", "cli-2")}, {"CUSTOM_FAST", "HW_CPU_X86_VMX"})
    do("node remove trait", "cli-2", "CUSTOM_FAST")
    same(read("node show", "cli-2")["traits"], ["HW_CPU_X86_VMX"])
    events = read("node history list", "cli-2")
    assert events, "a deployment leaves no history"
    same(read("node history get", "cli-2", events[0]["uuid"])["uuid"], events[0]["uuid"])


def recipes():
    """Allocations, deploy templates, runbooks, inspection rules: with cli-2, which is available and has HW_CPU_X86_VMX."""
    do("node set", "cli-2", "--resource-class", "gold")
    wanted = read(
        "allocation create", "--resource-class", "gold", "--trait", "HW_CPU_X86_VMX", "--candidate-node", "cli-2",
        "--name", "cli-a", "--extra", "a=1", "--wait", "60",
    )
    same(wanted["state"], "active")
    same([row["uuid"] for row in read("allocation list", "--node", "cli-2", "--state", "active")], [wanted["uuid"]])
    do("allocation set", "cli-a", "--name", "cli-b", "--extra", "b=2")
    same(read("allocation show", "cli-b")["extra"], {"a": 1, "b": 2})
    assert "cli-b" in refuse("allocation create", "--resource-class", "gold", "--name", "cli-b")

    settings = {"settings": [{"name": "AssetTag", "value": "8"}]}
    steps = [{"interface": "bios", "step": "apply_configuration", "args": settings, "priority": 90}]
    do("deploy template create", "HW_CPU_X86_VMX", "--steps", json.dumps(steps))
    same(read("deploy template show", "HW_CPU_X86_VMX")["steps"], steps)
    do("deploy template set", "HW_CPU_X86_VMX", "--extra", "a=1")
    same([row["name"] for row in read("deploy template list")], ["HW_CPU_X86_VMX"])
    do("node deploy", "cli-2", "--wait", "60")
    same(read("node bios setting show", "cli-2", "AssetTag")["value"], "8")
    do("deploy template delete", "HW_CPU_X86_VMX")
    do("node undeploy", "cli-2", "--wait", "60")
    assert "cli-b" in refuse("allocation show", "cli-b")

    steps = [{"interface": "deploy", "step": "erase_devices", "args": {}, "order": 1}]
    do("runbook create", "--name", "cli-wipe", "--description", "d", "--steps", json.dumps(steps))
    do("node manage", "cli-2", "--wait", "60")
    assert "traits" in refuse("node clean", "cli-2", "--runbook", "cli-wipe")
    do("runbook trait add", "cli-wipe", "HW_CPU_X86_VMX")
    same(read("runbook show", "cli-wipe")["traits"], ["HW_CPU_X86_VMX"])
    do("node clean", "cli-2", "--wait", "60", "--runbook", "cli-wipe")
    do("runbook set", "cli-wipe", "--public", "True")
    do("runbook delete", "cli-wipe")
    same(read("runbook list"), [])

    rule = read(
        "inspection rule create", "--description", "d", "--conditions", '[{"op": "!is-true", "args": ["{node.maintenance}"]}]',
        "--actions", '[{"op": "fail", "args": {"msg": "no"}}]',
    )
    do("inspection rule set", rule["uuid"], "--description", "e")
    same(read("inspection rule show", rule["uuid"])["description"], "e")
    do("inspection rule delete", rule["uuid"])
    same(read("inspection rule list"), [])


def hardware():
    read("node create", "--driver", "fake-hardware", "--name", "cli-3", "--network-interface", "fake")
    do("node manage", "cli-3", "--wait", "60")
    do("node vif attach", "cli-3", "network-1")
    same([row["id"] for row in read("node vif list", "cli-3")], ["network-1"])
    do("node vif detach", "cli-3", "network-1")
    assert "not attached" in refuse("node vif detach", "cli-3", "network-1")
    same(read("node vif list", "cli-3"), [])
    do("node console enable", "cli-3")
    until("cli-3", "console_enabled", True)
    until("cli-3", "reservation", None)
    shown = read("node console show", "cli-3")
    same((shown["console_enabled"], shown["console_info"]["type"]), (True, "url"))
    do("node console disable", "cli-3")
    until("cli-3", "console_enabled", False)
    until("cli-3", "reservation", None)
    do("node boot mode set", "cli-3", "uefi")
    until("cli-3", "boot_mode", "uefi")
    until("cli-3", "reservation", None)
    do("node secure boot on", "cli-3")
    until("cli-3", "secure_boot", True)
    until("cli-3", "reservation", None)
    raid = {"logical_disks": [{"raid_level": "1", "size_gb": 10}]}
    do("node set", "cli-3", "--target-raid-config", json.dumps(raid))
    same(read("node show", "cli-3")["target_raid_config"], raid)
    properties = {row["property"] for row in read("driver raid property list", "fake-hardware")}
    assert {"raid_level", "size_gb"} <= properties, properties
    steps = [
        {"interface": "raid", "step": "create_configuration"},
        {"interface": "bios", "step": "apply_configuration", "args": {"settings": [{"name": "AssetTag", "value": "7"}]}},
        {"interface": "firmware", "step": "update", "args": {"settings": [{"component": "bmc", "url": "http://files/2.0"}]}},
    ]
    do("node clean", "cli-3", "--wait", "60", "--clean-steps", json.dumps(steps))
    same(read("node show", "cli-3")["raid_config"], raid)
    same(read("node bios setting show", "cli-3", "AssetTag")["value"], "7")
    names = {row["name"] for row in read("node bios setting list", "cli-3")}
    assert "AssetTag" in names, names
    versions = {row["component"]: row["current_version"] for row in read("node firmware list", "cli-3")}
    same(versions["bmc"], "2.0")
    assert "inventory" in refuse("node inventory save", "cli-3").lower()


def verbs():
    """What a node goes through besides being deployed: inspection, adoption, rescue, service, holds, aborts."""
    read("node create", "--driver", "fake-hardware", "--name", "cli-4")
    do("node manage", "cli-4", "--wait", "60")
    do("node inspect", "cli-4", "--wait", "60")
    assert read("node show", "cli-4")["inspection_finished_at"]
    do("node adopt", "cli-4", "--wait", "60")
    same(read("node show", "cli-4")["provision_state"], "active")
    do("node rescue", "cli-4", "--rescue-password", "correct horse", "--wait", "60")
    same(read("node show", "cli-4")["provision_state"], "rescue")
    do("node unrescue", "cli-4", "--wait", "60")
    same(read("node show", "cli-4")["provision_state"], "active")
    hold = json.dumps([{"interface": "deploy", "step": "hold"}])
    do("node service", "cli-4", "--service-steps", hold)
    until("cli-4", "provision_state", "service hold")
    do("node unhold", "cli-4")
    until("cli-4", "provision_state", "active")
    until("cli-4", "reservation", None)
    do("node undeploy", "cli-4", "--wait", "60")
    do("node manage", "cli-4", "--wait", "60")
    do("node clean", "cli-4", "--clean-steps", hold)
    until("cli-4", "provision_state", "clean hold")
    do("node abort", "cli-4")
    until("cli-4", "provision_state", "clean failed")
    assert "abort" in read("node show", "cli-4")["last_error"]
    until("cli-4", "reservation", None)
    do("node manage", "cli-4", "--wait", "60")
    same(read("node show", "cli-4")["provision_state"], "manageable")


def end():
    do("node delete", "cli-1", "cli-2", "cli-3", "cli-4")
    same(read("node list"), [])


drivers()
uuid = nodes()
ports(uuid)
belongings(uuid)
power()
provision()
recipes()
hardware()
verbs()
end()
print("done")

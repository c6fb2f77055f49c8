"""What others make of the simulated Redfish service: sushy, the client that Ironic uses.

Usage: sushy_witness.py URL USER PASSWORD. Prints what it did as one JSON object.
"""

import json
import sys
import time

import sushy
from sushy import auth

url, user, password = sys.argv[1:]
login = auth.SessionAuth(user, password)
root = sushy.Sushy(url, auth=login, verify=False)
system = root.get_system("/redfish/v1/Systems/1")


def power(reset, state):
    system.reset_system(reset)
    deadline = time.monotonic() + 30
    while system.power_state != state:
        if time.monotonic() > deadline:
            sys.exit(f"no {state} after {reset}")
        time.sleep(0.05)
        system.refresh(force=True)
    return system.power_state.value


seen = {
    "manufacturer": system.manufacturer,
    "macs": sorted(system.ethernet_interfaces.summary),
    "before": system.power_state.value,
    "allowed": sorted(reset.value for reset in system.get_allowed_reset_system_values()),
}
system.set_system_boot_options(
    target=sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE
)
seen["on"] = power(sushy.ResetType.ON, sushy.PowerState.ON)
system.refresh(force=True)
seen["boot_after"] = system.boot.enabled.value
bios = system.bios
seen["bios"] = bios.attributes
bios.set_attribute("ProcTurboMode", "Disabled")
seen["off"] = power(sushy.ResetType.FORCE_OFF, sushy.PowerState.OFF)
seen["on_again"] = power(sushy.ResetType.ON, sushy.PowerState.ON)
bios.refresh(force=True)
seen["turbo"] = bios.attributes["ProcTurboMode"]
chassis = system.chassis[0]
seen["chassis"] = chassis.identity
seen["temperatures"] = [entry.name for entry in chassis.thermal.temperatures]
seen["manager"] = system.managers[0].identity
system.secure_boot.set_enabled(True)
system.secure_boot.refresh(force=True)
seen["secure_boot"] = system.secure_boot.enabled
login.close()
print(json.dumps(seen))

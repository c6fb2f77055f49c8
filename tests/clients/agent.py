"""What the deploy agent says to Ironbark, by the agent's own code: lookup, heartbeats, an inventory.

Usage: agent.py URL deploy NODE MAC | agent.py URL inspect NODE MAC
"""

import collections
import sys

from ironic_python_agent import config  # noqa: F401: registers the options
from ironic_python_agent import errors, inspector, ironic_api_client, utils
from oslo_config import cfg

url, story, node_uuid, mac = sys.argv[1:]
cfg.CONF([], project="ironic-python-agent")

Interface = collections.namedtuple("Interface", "mac_address")
HARDWARE = {"interfaces": [Interface("52:54:00:ff:ff:ff"), Interface(mac), Interface(None)]}
ADDRESS = ("192.0.2.7", 9999)


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def look_up(client, **more):
    return client.lookup_node(hardware_info=HARDWARE, timeout=20, starting_interval=0.1, **more)


def refused(client, word):
    try:
        client.heartbeat(node_uuid, ADDRESS, advertise_protocol="https", generated_cert=CERTIFICATE)
    except errors.HeartbeatError as error:
        assert word in str(error), error
    else:
        raise AssertionError(f"a heartbeat was heard that has the wrong {word}")


def deploy():
    client = ironic_api_client.APIClient(url)
    same(client.supports_auto_tls(), True)
    found = look_up(client)
    same(found["node"]["uuid"], node_uuid)
    told = found["config"]
    same((len(told["agent_token"]) >= 32, told["agent_token_required"], told["heartbeat_timeout"]), (True, True, 300))
    another = look_up(ironic_api_client.APIClient(url), node_uuid=node_uuid)
    same(another["config"]["agent_token"], "******")
    print("lookup")

    refused(client, "token")
    client.agent_token = "x" * 43
    refused(client, "token")
    client.agent_token = told["agent_token"]
    client.heartbeat(node_uuid, ADDRESS, advertise_protocol="https", generated_cert=CERTIFICATE)
    print("heartbeat")


def inspect():
    failures = utils.AccumulatedFailures()
    inventory = {"interfaces": [{"mac_address": mac, "name": "eth0"}], "memory": {"physical_mb": 2048}}
    cfg.CONF.set_override("inspection_callback_url", f"{url}/v1/continue_inspection")
    answer = inspector.call_inspector({"inventory": inventory, "said": "hello", "logs": "H4sI"}, failures)
    same(answer, {"uuid": node_uuid})
    try:
        inspector.call_inspector({"inventory": inventory}, failures)
    except errors.InspectionError as error:
        assert "404" in str(error), error
    else:
        raise AssertionError("an inventory was taken that nobody waits for")
    print("inventory")


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
{"deploy": deploy, "inspect": inspect}[story]()
print("done")

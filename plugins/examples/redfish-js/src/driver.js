// A driver for Ironbark in JavaScript: power, boot device, health and asset data over Redfish.
//
// What it is and what it asks for stands in driver.json. Each call runs in a new instance, on one node; address, TLS, session and password
// of the service are the host's, and so is trying again. Errors that the host throws pass through as they are.

import { request, resources } from 'ironbark:driver/redfish@0.1.0';
import { error, read, refusal } from './errors.js';
import { asset, bootDevice, bootOverride, devices, power as powerOf, reset, text } from './system.js';

/** Sends one request; gives the JSON of its answer, or throws what the answer means. */
function send(method, path, body) {
  const answer = request(method, path, body === undefined ? undefined : JSON.stringify(body));
  const trouble = refusal(answer);
  if (trouble !== undefined) {
    throw trouble;
  }
  return read(answer.body);
}

/** The node's System and where it is. */
function system() {
  const path = resources().system;
  const resource = send('get', path);
  if (resource === null || typeof resource !== 'object' || Array.isArray(resource)) {
    throw error('protocol', `${path} is no resource`);
  }
  return [path, resource];
}

/** Has the machine do something, unless it is there already. */
function ask(wanted) {
  const [path, resource] = system();
  const sent = reset(path, resource, wanted);
  if (sent !== undefined) {
    send('post', sent.target, sent.body);
  }
}

/** What this driver doesn't do. */
const unsupported = (what) => () => {
  throw error('unsupported', `this driver has no ${what}`);
};

export const power = {
  validate() {},
  getPowerState: () => powerOf(system()[1]),
  setPowerState: ask,
  // The host composes a restart of off and on.
  reboot: unsupported('reboot in one go'),
  getSupportedPowerStates: () => ['on', 'off', 'reboot', 'soft-off', 'soft-reboot'],
  supportsPowerSync: () => true,
};

export const management = {
  validate() {},
  getSupportedBootDevices: () => devices(system()[1]),
  setBootDevice(device, persistent) {
    const [path, resource] = system();
    send('patch', path, bootOverride(resource, device, persistent));
  },
  getBootDevice: () => bootDevice(system()[1]),
  getSupportedBootModes: unsupported('boot modes'),
  setBootMode: unsupported('boot modes'),
  getBootMode: unsupported('boot modes'),
  getSecureBootState: unsupported('secure boot'),
  setSecureBootState: unsupported('secure boot'),
  getNodeHealth: () => text(system()[1].Status?.Health) ?? undefined,
  getSensorsData: unsupported('sensors'),
  injectNmi: () => ask('nmi'),
  getSupportedIndicators: unsupported('indicators'),
  setIndicatorState: unsupported('indicators'),
  getIndicatorState: unsupported('indicators'),
  detectVendor: () => text(system()[1].Manufacturer)?.toLowerCase(),
  getMacAddresses: unsupported('MAC addresses'),
  getVirtualMedia: unsupported('virtual media'),
  attachVirtualMedia: unsupported('virtual media'),
  detachVirtualMedia: unsupported('virtual media'),
};

export const vendor = {
  // `asset` takes nothing, so that whatever comes with it is ignored.
  validate() {},
  call: () => JSON.stringify(asset(system()[1])),
  driverValidate: unsupported('methods without a node'),
  driverCall: unsupported('methods without a node'),
};

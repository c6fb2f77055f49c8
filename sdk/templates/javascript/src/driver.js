// A driver for Ironbark: power and boot device over IPMI.
//
// What it is and what it asks for stands in driver.json. Each call runs in a new instance, on one node; address and password of the
// BMC are the host's. Errors that the host throws pass through as they are.

import { open } from 'ironbark:driver/ipmi@0.1.0';
import { BOOT_FLAGS, bootDevice, bootFlags, devices, error, powerState } from './chassis.js';

const CHASSIS = 0x00;
const GET_CHASSIS_STATUS = 0x01;
const CHASSIS_CONTROL = 0x02;
const SET_SYSTEM_BOOT_OPTIONS = 0x08;
const GET_SYSTEM_BOOT_OPTIONS = 0x09;
const CONTROLS = { off: 0x00, on: 0x01 };

/** Sends one command, and gives the data of its answer. */
function request(command, data = []) {
  const { completionCode, data: answer } = open().request(CHASSIS, 0, command, new Uint8Array(data));
  if (completionCode === 0xc0) {
    throw error('busy', { message: 'the BMC is busy', retryAfter: 5 });
  }
  if (completionCode !== 0) {
    throw error('failed', `the BMC refused command ${command}: completion code ${completionCode}`);
  }
  return answer;
}

/** What this driver doesn't do. */
const unsupported = (what) => () => {
  throw error('unsupported', `this driver has no ${what}`);
};

export const power = {
  validate() {},
  getPowerState: () => powerState(request(GET_CHASSIS_STATUS)),
  // The host composes a restart of off and on, so that it is not asked for here.
  setPowerState(target) {
    if (!Object.hasOwn(CONTROLS, target)) {
      throw error('unsupported', `there is no way to do ${target}`);
    }
    request(CHASSIS_CONTROL, [CONTROLS[target]]);
  },
  reboot: unsupported('reboot in one go'),
  getSupportedPowerStates: () => ['on', 'off', 'reboot'],
  supportsPowerSync: () => true,
};

export const management = {
  validate() {},
  getSupportedBootDevices: devices,
  setBootDevice(device, persistent) {
    request(SET_SYSTEM_BOOT_OPTIONS, bootFlags(device, persistent));
  },
  getBootDevice: () => bootDevice(request(GET_SYSTEM_BOOT_OPTIONS, [BOOT_FLAGS, 0, 0])),
  getSupportedBootModes: unsupported('boot modes'),
  setBootMode: unsupported('boot modes'),
  getBootMode: unsupported('boot modes'),
  getSecureBootState: unsupported('secure boot'),
  setSecureBootState: unsupported('secure boot'),
  getNodeHealth: unsupported('health'),
  getSensorsData: unsupported('sensors'),
  injectNmi: unsupported('NMI'),
  getSupportedIndicators: unsupported('indicators'),
  setIndicatorState: unsupported('indicators'),
  getIndicatorState: unsupported('indicators'),
  detectVendor: unsupported('way to tell the vendor'),
  getMacAddresses: unsupported('MAC addresses'),
  getVirtualMedia: unsupported('virtual media'),
  attachVirtualMedia: unsupported('virtual media'),
  detachVirtualMedia: unsupported('virtual media'),
};

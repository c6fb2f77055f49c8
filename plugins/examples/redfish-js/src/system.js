// What the resource of a System means (DSP0268, ComputerSystem): no BMC needed, so `npm test` runs it as it is.

import { error } from './errors.js';

/** Boot devices by what Redfish calls them. */
const DEVICES = { pxe: 'Pxe', disk: 'Hdd', cdrom: 'Cd', bios: 'BiosSetup', uefihttp: 'UefiHttp' };

/** Kinds of reset that do what is wanted, the best first. */
const RESETS = {
  on: ['On', 'ForceOn', 'PushPowerButton'],
  off: ['ForceOff'],
  'soft-off': ['GracefulShutdown', 'PushPowerButton'],
  nmi: ['Nmi'],
};
const RESET = '#ComputerSystem.Reset';

/** What can't be understood is unknown, and never off. What is under way counts as done: the host waits for it. */
export function power({ PowerState: said }) {
  switch (said) {
    case 'On':
    case 'PoweringOn':
      return { tag: 'on' };
    case 'Off':
    case 'PoweringOff':
      return { tag: 'off' };
    default:
      return { tag: 'unknown', val: `the Redfish service says that it is ${JSON.stringify(said) ?? 'nothing'}` };
  }
}

/** Where to send which reset for `wanted`; nothing if the machine is there already. */
export function reset(path, system, wanted) {
  if ((wanted === 'on' && system.PowerState === 'On') || (wanted.endsWith('off') && system.PowerState === 'Off')) {
    return undefined;
  }
  if (!Object.hasOwn(RESETS, wanted)) {
    throw error('unsupported', `this driver has no ${wanted}`);
  }
  const action = system.Actions?.[RESET];
  const allowed = list(action?.['ResetType@Redfish.AllowableValues']);
  const kind = RESETS[wanted].find((known) => allowed.length === 0 || allowed.includes(known));
  if (kind === undefined) {
    throw error('unsupported', `the machine can't do that: of the resets ${RESETS[wanted].join(', ')} it has none`);
  }
  // A service may link to whatever it wants; what isn't below its own System is no business of this driver.
  const linked = text(action?.target);
  const target = linked?.startsWith(`${path}/`) ? linked : `${path}/Actions/ComputerSystem.Reset`;
  return { target, body: { ResetType: kind } };
}

/** The boot devices that the machine says it knows, or all that there are. */
export function devices(system) {
  const allowed = list(system.Boot?.['BootSourceOverrideTarget@Redfish.AllowableValues']);
  return Object.keys(DEVICES).filter((name) => allowed.length === 0 || allowed.includes(DEVICES[name]));
}

/** What to change of the System for this device. */
export function bootOverride(system, device, persistent) {
  const known = devices(system);
  if (!known.includes(device)) {
    throw error('invalid-parameter', `there is no boot device '${device}' here: it must be one of ${known.join(', ')}`);
  }
  return {
    Boot: { BootSourceOverrideTarget: DEVICES[device], BootSourceOverrideEnabled: persistent ? 'Continuous' : 'Once' },
  };
}

/** The boot device that is set, if one is. */
export function bootDevice({ Boot: boot }) {
  if (boot?.BootSourceOverrideEnabled !== 'Once' && boot?.BootSourceOverrideEnabled !== 'Continuous') {
    return { device: undefined, persistent: undefined };
  }
  const found = Object.entries(DEVICES).find(([, value]) => value === boot.BootSourceOverrideTarget);
  return { device: found?.[0], persistent: boot.BootSourceOverrideEnabled === 'Continuous' };
}

/** What an inventory wants to know. */
export function asset(system) {
  return {
    manufacturer: text(system.Manufacturer),
    model: text(system.Model),
    serial_number: text(system.SerialNumber),
    uuid: text(system.UUID),
    memory_gib: number(system.MemorySummary?.TotalSystemMemoryGiB),
    processors: number(system.ProcessorSummary?.Count),
  };
}

/** A text that isn't empty, or null. */
export function text(value) {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

const number = (value) => (typeof value === 'number' ? value : null);
const list = (value) => (Array.isArray(value) ? value : []);

// What the bytes mean: no BMC needed, so `npm test` runs it as it is.
// Sections are those of the IPMI v2.0 specification, revision 1.1.

/** The parameter with the boot flags (table 28-14). */
export const BOOT_FLAGS = 5;

const VALID = 0x80;
const PERSISTENT = 0x40;
/** Bits 5 to 2 of the second byte. */
const DEVICE = 0x3c;

/** Devices by their selector. */
const DEVICES = { pxe: 0x04, disk: 0x08, cdrom: 0x14, bios: 0x18 };

export const devices = () => Object.keys(DEVICES);

/** Bit 0 of the first byte (28.2). What can't be read is an error, never "off". */
export function powerState(status) {
  if (status.length === 0) {
    throw error('protocol', 'the chassis status is empty');
  }
  return { tag: (status[0] & 1) === 1 ? 'on' : 'off' };
}

/** The parameter with its number in front. */
export function bootFlags(device, persistent) {
  if (!Object.hasOwn(DEVICES, device)) {
    throw error('invalid-parameter', `there is no boot device '${device}'`);
  }
  const flags = persistent ? VALID | PERSISTENT : VALID;
  return [BOOT_FLAGS, flags, DEVICES[device], 0, 0, 0];
}

/** What an answer says: version, parameter, and the parameter's bytes. Nothing, if nothing is set. */
export function bootDevice([, parameter, flags, selector]) {
  if (parameter !== BOOT_FLAGS || selector === undefined) {
    throw error('protocol', 'these are no boot flags');
  }
  if ((flags & VALID) === 0) {
    return { device: undefined, persistent: undefined };
  }
  const found = Object.entries(DEVICES).find(([, known]) => known === (selector & DEVICE));
  return { device: found?.[0], persistent: (flags & PERSISTENT) !== 0 };
}

/** An error of the contract (types.wit): its kind, and what the operator reads. */
export const error = (tag, val) => ({ tag, val });

import assert from 'node:assert/strict';
import test from 'node:test';

import { bootDevice, bootFlags, devices, powerState } from '../src/chassis.js';

test('power is the lowest bit', () => {
  assert.equal(powerState([0x61, 0x10, 0x40]).tag, 'on');
  assert.equal(powerState([0x60, 0x10, 0x40]).tag, 'off');
});

test('an empty status is never off', () => {
  assert.throws(() => powerState([]), { tag: 'protocol' });
});

test('the boot device that was set is the one that is read', () => {
  for (const device of devices()) {
    for (const persistent of [false, true]) {
      assert.deepEqual(bootDevice([1, ...bootFlags(device, persistent)]), { device, persistent });
    }
  }
});

test('nonsense is refused', () => {
  assert.throws(() => bootFlags('teapot', false), { tag: 'invalid-parameter' });
  assert.throws(() => bootFlags('constructor', false), { tag: 'invalid-parameter' });
  assert.throws(() => bootDevice([1, 5]), { tag: 'protocol' });
});

import assert from 'node:assert/strict';
import test from 'node:test';

import { refusal } from '../src/errors.js';
import { asset, bootDevice, bootOverride, devices, power, reset } from '../src/system.js';

const PATH = '/redfish/v1/Systems/1';

test('what cannot be understood is never off', () => {
  for (const [said, expected] of [
    ['On', 'on'],
    ['PoweringOn', 'on'],
    ['Off', 'off'],
    ['PoweringOff', 'off'],
    ['Paused', 'unknown'],
    [null, 'unknown'],
    [undefined, 'unknown'],
  ]) {
    assert.equal(power({ PowerState: said }).tag, expected, said);
  }
});

test('the best reset that the machine has is sent, and none to a machine that is there', () => {
  const machine = (kinds, target = `${PATH}/Actions/Reset`) => ({
    PowerState: 'Off',
    Actions: { '#ComputerSystem.Reset': { target, 'ResetType@Redfish.AllowableValues': kinds } },
  });
  const sent = reset(PATH, machine(['ForceOn', 'On']), 'on');
  assert.deepEqual(sent, { target: `${PATH}/Actions/Reset`, body: { ResetType: 'On' } });
  assert.deepEqual(reset(PATH, machine(['ForceOn']), 'on').body, { ResetType: 'ForceOn' });
  assert.throws(() => reset(PATH, machine(['Nmi']), 'on'), { tag: 'unsupported' });
  assert.equal(reset(PATH, machine(['ForceOff']), 'off'), undefined);
  // Who doesn't say has them all, at the usual place; so has who leads to another machine.
  const usual = `${PATH}/Actions/ComputerSystem.Reset`;
  assert.equal(reset(PATH, machine(['On'], '/redfish/v1/Systems/10/Actions/Reset'), 'on').target, usual);
  assert.equal(reset(PATH, { PowerState: 'On' }, 'off').target, usual);
  assert.throws(() => reset(PATH, {}, 'constructor'), { tag: 'unsupported' });
});

test('the boot device that was set is the one that is read', () => {
  for (const device of devices({})) {
    for (const persistent of [false, true]) {
      assert.deepEqual(bootDevice(bootOverride({}, device, persistent)), { device, persistent });
    }
  }
  assert.deepEqual(bootDevice({}), { device: undefined, persistent: undefined });
  assert.deepEqual(devices({ Boot: { 'BootSourceOverrideTarget@Redfish.AllowableValues': ['Hdd'] } }), ['disk']);
  assert.throws(() => bootOverride({}, 'teapot', false), { tag: 'invalid-parameter' });
});

test('an answer means what its status says, in the words of the service', () => {
  const answer = (status, body, headers = []) => refusal({ status, headers, body });
  assert.equal(answer(204, undefined), undefined);
  const busy = answer(503, '{"error": {"message": "later"}}', [{ name: 'retry-after', value: '30' }]);
  assert.deepEqual(busy.val, { message: 'the Redfish service answered 503: later', retryAfter: 30 });
  assert.equal(answer(503, undefined, [{ name: 'retry-after', value: 'Mon, 1 Jan' }]).val.retryAfter, undefined);
  const info = JSON.stringify({ error: { '@Message.ExtendedInfo': [{ Message: 'wrong' }] } });
  assert.deepEqual(answer(400, info), { tag: 'invalid-parameter', val: 'the Redfish service answered 400: wrong' });
  assert.equal(answer(404, '[]').tag, 'unsupported');
  assert.equal(answer(500, 'null').tag, 'failed');
});

test('what an inventory wants to know may be missing', () => {
  const full = asset({ Manufacturer: ' Acme ', MemorySummary: { TotalSystemMemoryGiB: 64 }, ProcessorSummary: { Count: 2 } });
  assert.deepEqual([full.manufacturer, full.model, full.memory_gib, full.processors], ['Acme', null, 64, 2]);
});

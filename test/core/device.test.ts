import { totalmem } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { native } from '../../lib/core/native.js';
import { config, DeviceError, devices, Input, layers, ops, Sequential, tensor, withDevice } from '../../lib/index.js';

// What a machine with GPUs answers depends on the machine; the texts below are those of one without.
const noGpu = devices.list().length === 1;

describe('devices.list', () => {
  test('names the processor first, with its memory', () => {
    const [cpu] = devices.list();
    expect(cpu).toMatchObject({ name: 'cpu', description: expect.stringMatching(/\S/) });
    expect(cpu?.memoryBytes).toBeGreaterThan(0.5 * totalmem());
    expect(cpu?.freeMemoryBytes).toBeGreaterThan(0);
    expect(cpu?.freeMemoryBytes).toBeLessThan(cpu?.memoryBytes as number);
  });

  test('names each GPU, which is the default then', () => {
    const gpus = devices.list().slice(1);
    expect(gpus.map(({ name }) => name)).toEqual(gpus.map((_, i) => `cuda:${i}`));
    expect(devices.current()).toBe(gpus.length > 0 ? 'cuda:0' : 'cpu');
  });
});

describe.runIf(noGpu)('errors on a machine without a GPU', () => {
  const places: [string, (name: never) => unknown][] = [
    ['config.setDevice', (name) => config.setDevice(name)],
    ['withDevice', (name) => withDevice(name, () => 1)],
    ['tensor: device', (name) => tensor([1], { device: name })],
    ['ops.toDevice', (name) => ops.toDevice(tensor([1]), name)],
  ];
  const cases: [string, string][] = [
    ['tpu', "Devices are the processor, 'cpu', and NVIDIA's GPUs, 'cuda:0', 'cuda:1' and so on."],
    ['mps:0', "Devices are the processor, 'cpu', and NVIDIA's GPUs, 'cuda:0', 'cuda:1' and so on."],
    ['cuda', 'Run npx torchlayers doctor to see why there is no CUDA device.'],
    ['cuda:9', 'Run npx torchlayers doctor to see why there is no CUDA device.'],
    ['GPU:0', 'Run npx torchlayers doctor to see why there is no CUDA device.'],
    ['cdua', "Did you mean 'cuda'?"],
    ['cpuu', "Did you mean 'cpu'?"],
    ['', "Devices are the processor, 'cpu', and NVIDIA's GPUs, 'cuda:0', 'cuda:1' and so on."],
  ];
  test.each(places.flatMap(([where, use]) => cases.map(([name, hint]) => ({ where, use, name, hint }))))(
    '$where of $name',
    ({ where, use, name, hint }) => {
      let error: unknown;
      try {
        use(name as never);
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(DeviceError);
      expect((error as Error).message).toBe(`${where}: expected one of 'cpu', got '${name}'.\n  ${hint}`);
    },
  );

  test.each(places)('%s of what is no name', (where, use) => {
    expect(() => use(3 as never)).toThrow(`${where}: expected a device name, got 3.\n  Devices: cpu.`);
    expect(() => use(null as never)).toThrow(`${where}: expected a device name, got null.`);
  });

  test('leave the default as it was', () => {
    expect(() => withDevice('cuda', () => 1)).toThrow(DeviceError);
    expect(tensor([1]).device).toBe('cpu');
  });
});

describe('with several devices', () => {
  afterEach(() => {
    vi.doUnmock('../../lib/core/native.js');
    vi.resetModules();
  });

  /** The module as it is on a machine with two GPUs; only names are asked for. */
  async function withTwoGpus(): Promise<typeof import('../../lib/core/device.js')> {
    vi.resetModules();
    const list = ['cpu', 'cuda:0', 'cuda:1'].map((name) => ({
      name,
      description: '',
      memoryBytes: 1,
      freeMemoryBytes: 1,
    }));
    vi.doMock('../../lib/core/native.js', () => ({ native: { devices: () => list } }));
    return import('../../lib/core/device.js');
  }

  test('the first GPU is the default; spellings; scopes', async () => {
    const device = await withTwoGpus();
    expect(device.devices.current()).toBe('cuda:0');
    device.setDevice('GPU:1');
    expect(device.devices.current()).toBe('cuda:1');
    device.setDevice('CUDA');
    expect(device.devices.current()).toBe('cuda:0');
    const inner = device.withDevice('cpu', () => [
      device.devices.current(),
      device.withDevice('cuda:1', () => device.devices.current()),
      device.devices.current(),
    ]);
    expect(inner).toEqual(['cpu', 'cuda:1', 'cpu']);
    expect(() => device.setDevice('cuda:9')).toThrow(
      "config.setDevice: expected one of 'cpu', 'cuda:0', 'cuda:1', got 'cuda:9'.\n  devices.list() says more about each.",
    );
    expect(device.devices.current()).toBe('cuda:0');
  });

  test('an asynchronous function keeps its device, and nobody else gets it', async () => {
    const device = await withTwoGpus();
    const slow = device.withDevice('cuda:1', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return device.devices.current();
    });
    expect(device.devices.current()).toBe('cuda:0');
    expect(await slow).toBe('cuda:1');
    await expect(
      device.withDevice('cuda:1', async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(device.devices.current()).toBe('cuda:0');
  });
});

test('models, data and results are where the default says', async () => {
  const model = withDevice('cpu', () => new Sequential([Input({ shape: [2] }), new layers.Dense({ units: 1 })]));
  expect(model.weights.map((weight) => weight.device)).toEqual(['cpu', 'cpu']);
  await withDevice('CPU:0', async () => {
    model.compile({ optimizer: 'adam', loss: 'mse' });
    await model.fit([[1, 2]], [[3]], { verbose: 0 });
    expect((await model.predict([[1, 2]], { verbose: 0 })).device).toBe('cpu');
  });
  expect(model.optimizer?.variables.every((variable) => native.device(variable.handle) === 'cpu')).toBe(true);
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { freemem } from 'node:os';
import { ArgumentError, DeviceError } from './errors.js';
import { nearestName } from './names.js';
import { native } from './native.js';

/** A device that this machine has. */
export interface DeviceInfo {
  /** 'cpu', 'cuda:0', … */
  name: string;
  /** The processor's or GPU's own name. */
  description: string;
  /** Memory in bytes, where known. */
  memoryBytes: number | null;
  /** Bytes of it that nobody uses at this moment, where known. */
  freeMemoryBytes: number | null;
}

const scope = new AsyncLocalStorage<string>();
let chosen: string | undefined;
let found: readonly string[] | undefined;

/** Names of all devices, asked for once: they don't come and go. */
function available(): readonly string[] {
  found ??= native.devices().map((device) => device.name);
  return found;
}

/**
 * A device's name as tensors have it: 'GPU:1' is 'cuda:1', 'cuda' is 'cuda:0'. `where` starts the error's text.
 * @throws {DeviceError} if this machine has no such device; it lists those that are there
 * @internal
 */
export function deviceNamed(name: string, where: string): string {
  if (typeof name !== 'string') {
    throw new ArgumentError(
      `${where}: expected a device name, got ${String(name)}.`,
      `Devices: ${available().join(', ')}.`,
    );
  }
  const wanted = name
    .toLowerCase()
    .replace(/^gpu/, 'cuda')
    .replace(/^cpu:0$/, 'cpu');
  const full = wanted === 'cuda' ? 'cuda:0' : wanted;
  if (available().includes(full)) return full;
  throw new DeviceError(
    `${where}: expected one of ${available()
      .map((device) => `'${device}'`)
      .join(', ')}, got '${name}'.`,
    hintFor(full),
  );
}

/** Devices that exist elsewhere: no typing errors. */
const otherKinds = ['tpu', 'npu', 'xpu', 'mps', 'hip', 'rocm', 'xla', 'metal', 'vulkan', 'opencl', 'directml', 'meta'];

function hintFor(name: string): string {
  const hasGpu = available().length > 1;
  if (/^cuda(:\d+)?$/.test(name)) {
    return hasGpu
      ? 'devices.list() says more about each.'
      : 'Run npx torchlayers doctor to see why there is no CUDA device.';
  }
  const kind = name.split(':')[0] as string;
  const near = otherKinds.includes(kind) ? null : nearestName(kind, ['cuda', 'cpu', 'gpu']);
  if (near !== null) return `Did you mean '${near}'?`;
  return "Devices are the processor, 'cpu', and NVIDIA's GPUs, 'cuda:0', 'cuda:1' and so on.";
}

/**
 * Devices of this machine.
 *
 * @example
 * ```ts
 * devices.list()[0]?.name; // 'cpu'
 * devices.current(); // 'cpu', or 'cuda:0' where there is a GPU
 * ```
 */
export const devices = {
  /** All devices, the CPU first. */
  list(): DeviceInfo[] {
    return native
      .devices()
      .map((device) => (device.name === 'cpu' ? { ...device, freeMemoryBytes: freemem() } : device));
  },
  /** Device of tensors that are made without one: the innermost `withDevice`, else `config.setDevice`, else CUDA if there is one, else CPU. */
  current(): string {
    return defaultDevice();
  },
};

/** As {@link devices.current}. @internal */
export function defaultDevice(): string {
  const scoped = scope.getStore();
  if (scoped !== undefined) return scoped;
  chosen ??= available().find((name) => name.startsWith('cuda')) ?? available()[0] ?? 'cpu';
  return chosen;
}

/** Sets the device that is used where none is given. @throws {DeviceError} if it isn't there */
export function setDevice(name: string): void {
  chosen = deviceNamed(name, 'config.setDevice');
}

/**
 * Runs a function with another default device and returns its result. Of an asynchronous function the whole run counts, what it awaits included:
 * `await withDevice('cuda:1', () => model.fit(x, y))`.
 *
 * @param name 'cpu', 'cuda', 'cuda:1'; any case
 * @throws {DeviceError} if the device isn't there
 * @example
 * ```ts
 * withDevice('cpu', () => ops.zeros([2])).device; // 'cpu'
 * ```
 */
export function withDevice<T>(name: string, fn: () => T): T {
  return scope.run(deviceNamed(name, 'withDevice'), fn);
}

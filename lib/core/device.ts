import { ArgumentError, DeviceError } from './errors.js';
import { native } from './native.js';

/** A device that this machine has. */
export interface DeviceInfo {
  /** 'cpu', 'cuda:0', … */
  name: string;
  /** The processor's or GPU's own name. */
  description: string;
  /** Memory in bytes, where known. */
  memoryBytes: number | null;
}

let chosen: string | undefined;
const scopes: string[] = [];

function canonical(name: string, where: string): string {
  if (typeof name !== 'string') throw new ArgumentError(`${where}: expected a device name, got ${String(name)}.`);
  const available = devices.list().map((device) => device.name);
  const wanted = name
    .toLowerCase()
    .replace(/^gpu/, 'cuda')
    .replace(/^cpu:0$/, 'cpu');
  const full = wanted === 'cuda' ? 'cuda:0' : wanted;
  if (!available.includes(full)) {
    throw new DeviceError(
      `${where}: expected one of ${available.map((device) => `'${device}'`).join(', ')}, got '${name}'.`,
      full.startsWith('cuda') ? 'Run npx torchlayers doctor to see why there is no CUDA device.' : undefined,
    );
  }
  return full;
}

/**
 * Devices of this machine.
 *
 * @example
 * ```ts
 * devices.list()[0]?.name; // 'cpu'
 * ```
 */
export const devices = {
  /** All devices, the CPU first. */
  list(): DeviceInfo[] {
    return native.devices();
  },
};

/** Device of tensors that are made without one: the innermost `withDevice`, else `config.setDevice`, else CUDA if there is one, else CPU. */
export function defaultDevice(): string {
  const scoped = scopes[scopes.length - 1];
  if (scoped !== undefined) return scoped;
  if (chosen === undefined) {
    const list = native.devices();
    chosen = (list.find((device) => device.name.startsWith('cuda')) ?? list[0])?.name ?? 'cpu';
  }
  return chosen;
}

/** Sets the device that is used where none is given. @throws {DeviceError} if it isn't there */
export function setDevice(name: string): void {
  chosen = canonical(name, 'config.setDevice');
}

/**
 * Runs a synchronous function with another default device and returns its result.
 *
 * @param name 'cpu', 'cuda', 'cuda:1'; any case
 * @throws {DeviceError} if the device isn't there
 * @example
 * ```ts
 * withDevice('cpu', () => ops.zeros([2])).device; // 'cpu'
 * ```
 */
export function withDevice<T>(name: string, fn: () => T): T {
  scopes.push(canonical(name, 'withDevice'));
  try {
    return fn();
  } finally {
    scopes.pop();
  }
}

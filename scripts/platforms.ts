// The platforms that packages are made for; CI builds each on its own machine.
import { libtorchVersion } from '../lib/core/libtorch.js';

/** A platform as npm selects it. */
export interface Platform {
  /** Suffix of the packages' names. */
  name: string;
  os: string;
  cpu: string;
  libc?: string;
}

/** Every platform with prebuilt packages. */
export const platforms: readonly Platform[] = [
  { name: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  { name: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64' },
  { name: 'win32-x64', os: 'win32', cpu: 'x64' },
];

/** What the main package names as optional, so that npm takes the pair that fits. */
export function optionalDependencies(version: string): Record<string, string> {
  return Object.fromEntries(
    platforms.flatMap(({ name }) => [
      [`@torchlayers/${name}`, version],
      [`@torchlayers/libtorch-${name}`, libtorchVersion],
    ]),
  );
}

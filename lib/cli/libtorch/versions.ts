import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, platform } from '../../core/libtorch.js';

/** A zip file at an address, with the digest that it must have; null: not pinned, so it is not used. */
export interface PinnedArchive {
  url: string;
  sha256: string | null;
}

/** A Python wheel that holds a part of libtorch. */
export interface PinnedWheel {
  name: string;
  version: string;
  file: string;
  sha256: string;
  /** Beginnings of the paths that are unpacked. */
  take: string[];
  /** Pattern of paths that are left out all the same. */
  skip?: string;
}

/** The two ways to one variant of libtorch (`linux-x64-cpu`). */
export interface PinnedVariant {
  archive: PinnedArchive;
  wheels: PinnedWheel[];
}

/** Contents of `libtorch.json`. */
export interface PinnedVersions {
  version: string;
  variants: Record<string, PinnedVariant>;
}

/** What is pinned in `libtorch.json`. */
export function pinnedVersions(): PinnedVersions {
  return JSON.parse(readFileSync(join(packageRoot, 'libtorch.json'), 'utf8')) as PinnedVersions;
}

/** The name of this platform's variant in `libtorch.json`. */
export function variantName(variant: 'cpu' | 'cu130'): string {
  return `${platform}-${variant}`;
}

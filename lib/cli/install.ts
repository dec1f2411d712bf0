import { cachedLibtorch, hasNvidiaDriver, platform } from '../core/libtorch.js';
import { installLibtorch } from './libtorch/install.js';
import { pinnedVersions, variantName } from './libtorch/versions.js';

/** Options of `torchlayers install`. */
export interface InstallCommandOptions {
  /** CUDA's libtorch: true or false by the user's word, undefined by whether there is a driver for it. */
  cuda?: boolean;
  force?: boolean;
  keepDownloads?: boolean;
  signal?: AbortSignal;
}

/** Puts the pinned libtorch into the per-user cache and says where. */
export async function install(options: InstallCommandOptions = {}): Promise<void> {
  const { version, variants } = pinnedVersions();
  const wantCuda = options.cuda ?? hasNvidiaDriver();
  const variant = wantCuda && (options.cuda || variants[variantName('cu130')] !== undefined) ? 'cu130' : 'cpu';
  const name = variantName(variant);
  const pinned = variants[name];
  if (pinned === undefined) {
    throw new Error(
      [
        `torchlayers: expected one of ${Object.keys(variants).join(', ')}, got ${name}: there is no libtorch ${version} for it.`,
        variant === 'cu130'
          ? `  Install the CPU build: npx torchlayers install --cpu`
          : `  Build libtorch for ${platform} from its sources, and name its folder: LIBTORCH=/path/to/libtorch`,
      ].join('\n'),
    );
  }
  const target = cachedLibtorch(variant);
  const installed = await installLibtorch({
    name,
    version,
    pinned,
    target,
    ...(options.force && { force: true }),
    ...(options.keepDownloads && { keepDownloads: true }),
    ...(options.signal && { signal: options.signal }),
  });
  console.log(`libtorch ${version} (${name}): ${installed ? 'installed in' : 'already in'} ${target}`);
}

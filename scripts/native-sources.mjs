// The one list of native sources: CMakeLists.txt and binding.gyp both run this script.
//   node scripts/native-sources.mjs           every source of the addon
//   node scripts/native-sources.mjs core      those that know nothing of Node-API (what the native tests link)
//   node scripts/native-sources.mjs tests     native/test/*.cc
//   node scripts/native-sources.mjs cuda      native/kernels/cuda/*.cu and *.cc
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Paths below `folder`, relative to the repository, with forward slashes, sorted. */
function filesBelow(folder, extensions) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.some((extension) => entry.name.endsWith(extension)))
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}

const isTest = (path) => path.startsWith('native/test/');
const isCuda = (path) => path.startsWith('native/kernels/cuda/');
const needsNode = (path) => path === 'native/addon.cc' || path.startsWith('native/napi/');

const addon = filesBelow('native', ['.cc']).filter(
  (path) => path !== 'native/loader.cc' && !isTest(path) && !isCuda(path),
);
const lists = {
  addon,
  core: addon.filter((path) => !needsNode(path)),
  tests: filesBelow('native/test', ['.cc']),
  cuda: filesBelow('native/kernels/cuda', ['.cu', '.cc']),
};

const name = process.argv[2] ?? 'addon';
const list = lists[name];
if (list === undefined) throw new Error(`native-sources: expected ${Object.keys(lists).join(', ')}, got '${name}'.`);
process.stdout.write(`${list.join('\n')}\n`);

// Adds to package-lock.json the optional packages of other platforms that npm left out because the registry at hand does not serve them. Without
// them `npm ci` calls the lock file out of sync. Run after `npm install`:
//   node scripts/complete-lock.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const text = readFileSync(file, 'utf8');
const lock = JSON.parse(text);
const added = [];

/** What the name says of the platform ('…-linux-x64-musl'), so that npm installs it nowhere else. */
function platformOf(name) {
  const [, os, cpu, abi] =
    /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)(?:-(\w+))?$/.exec(
      name,
    ) ?? [];
  if (os === undefined) throw new Error(`${name}: the name says no platform`);
  const libc = os !== 'linux' ? undefined : /musl/.test(abi ?? '') ? 'musl' : abi !== undefined ? 'glibc' : undefined;
  return { cpu: [cpu], ...(libc && { libc: [libc] }), os: [os] };
}

for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === '') continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    // Where npm would look: inside the package's own node_modules, then upwards.
    const places = [];
    for (let place = path; place !== ''; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
      places.push(`${place}/node_modules/${name}`);
      if (!place.includes('/node_modules/')) break;
    }
    places.push(`node_modules/${name}`);
    if (places.some((place) => lock.packages[place] !== undefined)) continue;
    // Ranges are those of exact platform packages; anything else npm has to resolve itself.
    if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) throw new Error(`${name}@${version} of ${path} is no exact version`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      ...(entry.dev && { dev: true }),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}

lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a === '' ? -1 : b === '' ? 1 : a.localeCompare(b, 'en'))),
);
if (added.length > 0 && process.argv.includes('--check')) {
  console.error(`package-lock.json lacks ${added.join(', ')}.\n  Run node scripts/complete-lock.mjs.`);
  process.exit(1);
}
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? 'package-lock.json is complete' : `added ${added.length} entries`);

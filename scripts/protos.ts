// npx tsx scripts/protos.ts: writes lib/summary/generated/ from lib/summary/proto/. Needs protoc (Debian: protobuf-compiler); run it after a change
// of a .proto file, and commit what it wrote. --check compares instead, and fails where a file is stale.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../lib/core/libtorch.js';
import { hasCommand, run } from './commands.js';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const source = join(packageRoot, 'lib/summary/proto');
const committed = join(packageRoot, 'lib/summary/generated');

function generate(folder: string): void {
  if (!hasCommand('protoc'))
    throw new Error('protos: expected protoc, got none.\n  Install it: apt install protobuf-compiler.');
  const plugin = join(packageRoot, 'node_modules/.bin/protoc-gen-es');
  const files = readdirSync(source).filter((name) => name.endsWith('.proto'));
  run('protos', 'protoc', [
    `--proto_path=${source}`,
    `--plugin=protoc-gen-es=${plugin}`,
    `--es_out=${folder}`,
    '--es_opt=target=ts,import_extension=js',
    ...files,
  ]);
}

if (values.check) {
  const folder = mkdtempSync(join(tmpdir(), 'torchlayers-protos-'));
  try {
    generate(folder);
    const stale = readdirSync(folder).filter(
      (name) => readFileSync(join(folder, name), 'utf8') !== readFileSync(join(committed, name), 'utf8'),
    );
    if (stale.length > 0) throw new Error(`protos: ${stale.join(', ')}: stale.\n  Run npx tsx scripts/protos.ts.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  generate(committed);
  console.log(`protos: wrote ${readdirSync(committed).join(', ')}`);
}

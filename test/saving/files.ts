import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPromise } from 'yauzl';

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes away when the process ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'saving-'));
  folders.push(folder);
  return folder;
}

/** The files of a zip under test/golden/saving, in a folder of their own. */
export async function unpack(name: string): Promise<string> {
  const folder = scratch();
  const zip = await openPromise(new URL(`../golden/saving/${name}`, import.meta.url).pathname);
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    await writeFile(join(folder, entry.fileName), Buffer.concat(chunks));
  }
  return folder;
}

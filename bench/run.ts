// npm run bench -- <workload> [options]: times torchlayers beside other libraries; without a name, lists the workloads.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Workload } from './workload.js';

const folder = fileURLToPath(new URL('./workloads', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  const got = name === undefined ? 'no name' : JSON.stringify(name);
  console.error(
    `bench: expected a workload, got ${got}.\n  Workloads: ${names.join(', ')}. Write: npm run bench -- ${names[0]}`,
  );
  process.exitCode = 1;
} else {
  try {
    const { workload } = (await import(`./workloads/${name}.ts`)) as { workload: Workload };
    await workload.run(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

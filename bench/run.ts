// npm run bench [-- workloads and options]: times torchlayers beside other libraries. How to read it: docs/benchmarks.md.
import { aboutContestant, contestantNames } from './contestants.js';
import { machine, machineLine, versionsOf } from './machine.js';
import { type BenchOptions, parseOptions } from './options.js';
import { writeResults } from './results.js';
import { runRounds } from './rounds.js';
import { outcomeText } from './table.js';
import { workloads } from './workloads/index.js';

function printList(): void {
  for (const { name, title, onRequest } of workloads)
    console.log(`${name.padEnd(17)} ${title}${onRequest ? ' (only when named)' : ''}`);
  console.log('');
  for (const name of contestantNames) console.log(`${name.padEnd(17)} ${aboutContestant(name)}`);
}

async function bench(options: BenchOptions): Promise<void> {
  const started = new Date();
  const host = machine();
  const { rounds, contestants, quick, seed, threads } = options;
  const picked = workloads.filter(({ name }) => options.workloads.includes(name));
  const outcomes = await runRounds(picked, {
    rounds,
    contestants,
    extent: { quick, seed, threads },
    onProcess: (text) => console.error(text),
  });
  console.log(machineLine(host));
  console.log(
    Object.entries(versionsOf(outcomes))
      .map((entry) => entry.join(' '))
      .join(', '),
  );
  console.log(`${started.toISOString().slice(0, 10)}, medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`);
  for (const outcome of outcomes) console.log(`\n${outcomeText(outcome)}`);
  console.log(`\nWritten: ${(await writeResults(options, host, started, outcomes)).join(', ')}`);
  if (outcomes.some(({ failures }) => failures.size > 0)) process.exitCode = 1;
}

try {
  const options = parseOptions(process.argv.slice(2), workloads, contestantNames);
  if (options.list) printList();
  else await bench(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

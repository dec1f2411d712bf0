import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reports, tuner } from 'torchlayers';
import { afterAll, describe, expect, it } from 'vitest';
import { importance } from '../../lib/reports/search.js';

const directory = mkdtempSync(join(tmpdir(), 'torchlayers-search-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

class Search extends tuner.RandomSearch {
  override async runTrial(_: tuner.Trial, hp: tuner.HyperParameters): Promise<number> {
    return (hp.get('units') as number) / 256 + (hp.get('kind') === '<b>' ? 0.001 : 0);
  }
}

function make(projectName: string): tuner.Tuner {
  const hyperparameters = new tuner.HyperParameters();
  hyperparameters.int('units', 32, 256, { step: 32 });
  hyperparameters.float('rate', 1e-4, 1e-1, { sampling: 'log' });
  hyperparameters.choice('kind', ['a', '<b>']);
  hyperparameters.float('momentum', 0, 0.9, { parentName: 'kind', parentValues: ['a'] });
  const objective = { name: 'score', direction: 'min' } as const;
  return new Search({ objective, maxTrials: 20, seed: 3, hyperparameters, directory, projectName });
}

describe('reports.search', () => {
  it('shows every trial, the importance of each hyperparameter and the progress', async () => {
    const search = make('shown');
    await search.search(undefined, null, { verbose: 0 });
    const trials = await search.trials();
    const report = await reports.search(search);
    const html = report.html();
    const charts = JSON.parse(
      /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(html)?.[1] as string,
    );
    const [parallel, progress] = charts as {
      kind: string;
      option: { series: { data: { name: string; value: unknown[] }[] }[] };
    }[];
    expect([parallel?.kind, progress?.kind]).toEqual(['parallel', 'lines']);
    const lines = parallel?.option.series[0]?.data ?? [];
    expect(lines.map((line) => line.name).sort()).toEqual(trials.map((trial) => `trial ${trial.id}`).sort());
    // The best one is drawn last, above the others.
    const best = Math.min(...trials.map((trial) => trial.score as number));
    expect(lines.at(-1)?.value.at(-1)).toBe(best);
    for (const line of lines) expect(line.value[3] === '-').toBe(line.value[2] === '<b>');
    expect(html).not.toContain('<b>a');
    expect(report.svg()).toContain('importance');
    await search.close();
  });

  it('measures what explains the scores', async () => {
    const search = make('measured');
    await search.search(undefined, null, { verbose: 0 });
    const trials = await search.trials();
    const [units, rate, kind] = (await search.getSpace()).map((parameter) =>
      importance(parameter as never, trials as never),
    );
    expect(units).toBeGreaterThan(0.8);
    expect(rate).toBeLessThan(0.3);
    expect(kind).toBeLessThan(0.3);
    await search.close();
  });

  it('refuses a search without results, and wrong options', async () => {
    await expect(reports.search(make('empty'))).rejects.toThrow(
      'expected a search with a trial that ended with a score, got none.',
    );
    await expect(reports.search(make('empty'), { titel: 'x' } as never)).rejects.toThrow("unknown option 'titel'");
  });
});

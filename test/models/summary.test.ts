import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resetNames } from '../../lib/core/names.js';
import { Input, layers, Sequential, tensor } from '../../lib/index.js';
import { readableSize, type SummaryOptions, summaryText } from '../../lib/models/summary.js';
import { loadGolden } from '../support/golden.js';
import { type LayerSpec, sequentialFrom } from '../support/models.js';

interface SummaryCase {
  model: LayerSpec;
  options: SummaryOptions;
  columns: number;
  compile: { optimizer: string; loss: string; fitted: boolean } | null;
  text: string;
}

const golden = loadGolden<SummaryCase>('summary');
const { COLUMNS } = process.env;

beforeEach(() => {
  resetNames();
  process.env.COLUMNS = '120';
});

afterEach(() => {
  if (COLUMNS === undefined) delete process.env.COLUMNS;
  else process.env.COLUMNS = COLUMNS;
});

describe('summary', () => {
  test.each(golden.cases)(
    '$name, letter for letter as Keras',
    async ({ model: spec, options, columns, compile, text }) => {
      process.env.COLUMNS = String(columns);
      const model = sequentialFrom(spec);
      if (compile !== null) {
        model.compile({ optimizer: compile.optimizer, loss: compile.loss });
        if (compile.fitted) {
          const zeros = (shape: readonly (number | null)[]) => {
            const sizes = [2, ...shape.slice(1).map((size) => size ?? 1)];
            return tensor(new Float32Array(sizes.reduce((a, b) => a * b, 1)), { shape: sizes });
          };
          await model.fit(zeros(model.inputShape), zeros(model.outputShape), { verbose: 0 });
        }
      }
      const printed: string[] = [];
      model.summary({ ...options, printFn: (line) => printed.push(line) });
      expect(printed.join('\n')).toBe(text);
    },
  );

  test('memory sizes as Keras', () => {
    for (const { bytes, text } of golden.facts.memorySizes as { bytes: string; text: string }[])
      expect(readableSize(Number(bytes))).toBe(text);
  });

  test('headings are bold on a terminal only, and nothing else differs', () => {
    const model = new Sequential([Input({ shape: [3] }), new layers.Dense({ units: 2 })]);
    const styled = summaryText(model, {}, true);
    expect(styled).toContain('\u001b[1mModel: "sequential"\u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: codes of terminals start with one.
    expect(styled.replace(/\u001b\[\dm/g, '')).toBe(summaryText(model));
  });

  test('shows layers that were built without an input', () => {
    const model = new Sequential([new layers.Dense({ units: 2 })]);
    model.layers[0]?.build([null, 3]);
    expect(summaryText(model)).toMatch(/│ dense \(Dense\) +│ \(None, 2\) +│ +8 │/);
  });

  test.each([
    [{ lineLength: 10 }, /summary: expected columns of at least 4 characters, got 2 with lineLength 10/],
    [{ positions: [0.5, 1] }, /summary: positions: expected 3 numbers, got \[0\.5, 1\]/],
    [
      { layerRange: ['dense', 'nothing'] },
      /summary: layerRange: expected names of layers of the model, got \["dense", "nothing"\]\.\n {2}Layers: dense\./,
    ],
    [{ layerRange: ['dense'] }, /summary: layerRange: expected two names/],
    [{ printFn: 'console' }, /summary: printFn: expected a function, got "console"/],
  ])('refuses %j', (options, message) => {
    const model = new Sequential([new layers.Dense({ units: 2 })]);
    expect(() => model.summary(options as never)).toThrow(message);
  });
});

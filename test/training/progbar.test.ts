import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Progbar, type ProgbarOptions } from '../../lib/training/progbar.js';

/** A bar on a made-up clock and stream: `lines` is what was written. */
function bar(options: Partial<ProgbarOptions> & { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  const clock = { seconds: 100 };
  const { isTTY = true, columns = 120, ...rest } = options;
  const stream = { write: (text: string) => written.push(text), isTTY, columns };
  return { written, clock, progbar: new Progbar({ target: 375, stream, now: () => clock.seconds, ...rest }) };
}

const plain = (text: string): string => stripVTControlCharacters(text).replaceAll('\r', '');

describe('on a terminal', () => {
  test('the picture is that of Keras', () => {
    const { written, clock, progbar } = bar();
    clock.seconds += 0.6;
    progbar.update(150, { accuracy: 0.91234, loss: 0.00012345 });
    clock.seconds += 0.9;
    progbar.update(375, { accuracy: 0.9456, loss: 0.31 });
    expect(written.map(plain)).toEqual([
      '150/375 ━━━━━━━━━━━━━━━━━━━━ 0s 4ms/step - accuracy: 0.9123 - loss: 1.2345e-04',
      '375/375 ━━━━━━━━━━━━━━━━━━━━ 2s 4ms/step - accuracy: 0.9456 - loss: 0.3100\n',
    ]);
    expect(written[0]).toContain('\x1b[32m━━━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━\x1b[0m');
  });

  test('drawn at most every 50 ms, but always at the end', () => {
    const { written, clock, progbar } = bar();
    for (let step = 1; step <= 375; step++) {
      clock.seconds += 0.001;
      progbar.update(step);
    }
    expect(written.length).toBe(9);
    expect(plain(written.at(-1) as string)).toMatch(/^375\/375 .*1ms\/step\n$/);
  });

  test.each([40, 60, 80, 100])('fits %i columns while running', (columns) => {
    const { written, clock, progbar } = bar({ columns });
    clock.seconds += 1;
    progbar.update(10, { accuracy: 0.9, categorical_crossentropy: 0.25, loss: 0.5 });
    expect(plain(written[0] as string).length).toBeLessThan(columns);
  });

  test('an unknown number of steps', () => {
    const { written, clock, progbar } = bar({ target: null });
    clock.seconds += 3;
    progbar.update(12, { loss: 0.5 });
    expect(plain(written[0] as string)).toBe('     12/Unknown 3s 250ms/step - loss: 0.5000');
  });

  test.each([
    [7200, /^ {2}1\/375 .* 748:00:00 7200s\/step/],
    [10, /^ {2}1\/375 .* 1:02:20 10s\/step/],
    [1, /^ {2}1\/375 .* 6:14 1s\/step/],
    [0.1, /^ {2}1\/375 .* 37s 100ms\/step/],
  ])('time left at %s s a step', (seconds, expected) => {
    const { written, clock, progbar } = bar();
    clock.seconds += seconds;
    progbar.update(1);
    expect(plain(written[0] as string)).toMatch(expected);
  });

  test('the first step does not count once there are others', () => {
    const { written, clock, progbar } = bar({ target: 3, interval: 0 });
    clock.seconds += 10;
    progbar.update(1);
    clock.seconds += 2;
    progbar.update(3);
    expect(plain(written.at(-1) as string)).toContain('1s/step');
  });
});

describe('elsewhere', () => {
  test('one plain line at the end', () => {
    const { written, clock, progbar } = bar({ isTTY: false });
    for (let step = 1; step <= 375; step++) {
      clock.seconds += 0.01;
      progbar.update(step, { loss: 0.5 });
    }
    expect(written).toEqual(['375/375 ━━━━━━━━━━━━━━━━━━━━ 4s 10ms/step - loss: 0.5000\n']);
  });

  test('a line now and then in a long epoch', () => {
    const { written, clock, progbar } = bar({ isTTY: false });
    for (let step = 1; step <= 375; step++) {
      clock.seconds += 1;
      progbar.update(step);
    }
    expect(written.length).toBe(Math.floor(375 / 30) + 1);
  });
});

describe('verbose', () => {
  test('2 writes one line', () => {
    const { written, clock, progbar } = bar({ verbose: 2 });
    clock.seconds += 1.5;
    progbar.update(100, { loss: 1 });
    progbar.update(375, { loss: 0.5 });
    expect(written).toEqual(['375/375 - 2s - 4ms/step - loss: 0.5000\n']);
  });

  test('0 writes nothing', () => {
    const { written, progbar } = bar({ verbose: 0 });
    progbar.update(375, { loss: 0.5 });
    expect(written).toEqual([]);
  });

  test.each([
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [-0.5, '-0.5000'],
    [1e-9, '1.0000e-09'],
    [0, '0.0000e+00'],
  ])('%s is shown as %s', (value, shown) => {
    const { written, progbar } = bar({ verbose: 2 });
    progbar.update(375, { loss: value });
    expect(written[0]).toContain(` - loss: ${shown}\n`);
  });
});

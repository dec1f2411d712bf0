import { ArgumentError } from '../core/errors.js';

/** A float as Python prints it: `0.1`, `1.0`, `1e-05`, `nan`. @internal */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const exponent = value === 0 ? 0 : exponentOf(value);
  if (exponent < -4 || exponent >= 16) return padExponent(value.toExponential());
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** What a field of a file name may hold: a whole number (Python's int), or a number (Python's float). @internal */
export type FormatValue = { int: number } | { float: number };

const field = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/**
 * Python's `template.format(**values)` for numbers: 'm-{epoch:02d}-{val_loss:.2f}.keras'.
 * @throws {ArgumentError} for a name that isn't there, and for a format that Python would refuse
 * @internal
 */
export function formatPython(template: string, values: Readonly<Record<string, FormatValue>>, where: string): string {
  return template.replace(field, (whole: string, inner: string | undefined) => {
    if (whole === '{{' || whole === '}}') return whole[0] as string;
    const fail = (expected: string, hint: string): never => {
      throw new ArgumentError(`${where}: expected ${expected}, got '${inner === undefined ? template : whole}'.`, hint);
    };
    if (inner === undefined) return fail('fields in whole braces', "Write '{epoch:02d}'; a brace itself is '{{'.");
    const [, name = '', spec = ''] = /^([^:!]*)(?:![rs])?(?::(.*))?$/.exec(inner) ?? [];
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) {
      return fail(
        `one of the names ${Object.keys(values).join(', ')}`,
        "The names are 'epoch', 'batch' and those of the logs.",
      );
    }
    return (
      format(value, spec) ?? fail("a format of Python's for numbers", "Such as '{epoch:02d}' or '{val_loss:.4f}'.")
    );
  });
}

const specification = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnoxX%])?$/su;

/** One number by Python's format specification; null where Python refuses. */
function format(value: FormatValue, spec: string): string | null {
  const parts = specification.exec(spec);
  if (parts === null) return null;
  const [, fill = parts[5] ?? ' ', align = parts[5] === undefined ? '>' : '=', sign = '-', alternate, zero] = parts;
  const [width, separator, type = ''] = [Number(parts[6] ?? 0), parts[7] ?? '', parts[9]];
  const precision = parts[8] === undefined ? null : Number(parts[8]);
  const isInt = 'int' in value && 'bcdnoxX'.includes(type);
  if ('int' in value ? isInt && (precision !== null || type === 'c') : 'bcdoxX'.includes(type) && type !== '')
    return null;
  // Python has at most 2^31 - 1 digits; JavaScript's own functions stop at 100.
  if ((precision ?? 0) > 100 || width > 10_000) return null;
  const number = 'int' in value ? value.int : value.float;
  const digits = isInt
    ? integer(Math.abs(number), type, alternate !== undefined)
    : float(Math.abs(number), type, precision, alternate !== undefined);
  const prefix = number < 0 || Object.is(number, -0) ? '-' : sign === '-' ? '' : sign;
  const grouped = group(
    digits,
    separator,
    /[boxX]/.test(type) ? 4 : 3,
    zero !== undefined && align === '=' ? width - prefix.length : 0,
  );
  const missing = Math.max(0, width - prefix.length - grouped.length);
  if (align === '=') return prefix + fill.repeat(missing) + grouped;
  const left = align === '<' ? 0 : align === '^' ? Math.floor(missing / 2) : missing;
  return fill.repeat(left) + prefix + grouped + fill.repeat(missing - left);
}

function integer(value: number, type: string, alternate: boolean): string {
  const [base, prefix] = (
    { b: [2, '0b'], o: [8, '0o'], x: [16, '0x'], X: [16, '0X'] } as Record<string, [number, string]>
  )[type] ?? [10, ''];
  const text = value.toString(base);
  return (alternate ? prefix : '') + (type === 'X' ? text.toUpperCase() : text);
}

function float(value: number, type: string, given: number | null, alternate: boolean): string {
  const upper = (text: string): string => (/[EFG]/.test(type) ? text.toUpperCase() : text);
  if (!Number.isFinite(value)) return upper(Number.isNaN(value) ? 'nan' : 'inf') + (type === '%' ? '%' : '');
  if (type === '' && given === null) return pythonFloat(value);
  const precision = given ?? 6;
  const point = (text: string): string => (alternate && !text.includes('.') ? text.replace(/^\d+/, '$&.') : text);
  if (type === '%') return `${point(fixed(value * 100, precision))}%`;
  if (/[fF]/.test(type)) return point(fixed(value, precision));
  if (/[eE]/.test(type)) return upper(point(padExponent(scientific(value, precision))));
  // 'g', 'n', and no type: as many digits as the precision says, the shorter of the two ways of writing.
  const significant = Math.max(1, precision);
  const rounded = scientific(value, significant - 1);
  const exponent = Number(rounded.slice(rounded.indexOf('e') + 1));
  const limit = type === '' ? significant - 1 : significant;
  const scaled = exponent < -4 || exponent >= limit ? rounded : fixed(value, significant - 1 - exponent);
  const [mantissa = '', tail] = scaled.split('e');
  const trimmed = alternate || !mantissa.includes('.') ? mantissa : mantissa.replace(/\.?0+$/, '');
  const whole = type === '' && tail === undefined && !trimmed.includes('.') ? `${trimmed}.0` : trimmed;
  return upper(point(tail === undefined ? whole : padExponent(`${whole}e${tail}`)));
}

/** Decimal exponent of a number: 0 for 1 to below 10. */
function exponentOf(value: number): number {
  const text = value.toExponential();
  return Number(text.slice(text.indexOf('e') + 1));
}

/** 'e-5' as Python's 'e-05'. */
function padExponent(text: string): string {
  return text.replace(/e([-+])(\d)$/, 'e$10$2');
}

/** `toFixed`, a tie to the even digit, for numbers of any size. */
function fixed(value: number, digits: number): string {
  if (value >= 1e21) return BigInt(value).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  const exact = value.toFixed(100);
  return isTie(exact, exact.indexOf('.') + digits)
    ? even(value.toFixed(digits), exact.slice(0, cut(exact, digits)))
    : value.toFixed(digits);
}

/** `toExponential`, a tie to the even digit. */
function scientific(value: number, digits: number): string {
  const [mantissa = ''] = value.toExponential(100).split('e');
  const rounded = value.toExponential(digits);
  if (!isTie(mantissa, 1 + digits)) return rounded;
  const [up = '', tail] = rounded.split('e');
  const down = mantissa.slice(0, cut(mantissa, digits));
  return /[02468]$/.test(down) ? `${down}e${exponentOf(value)}` : `${up}e${tail}`;
}

/** Where a number's text is cut to have so many digits behind the point. */
function cut(text: string, digits: number): number {
  return text.indexOf('.') + (digits === 0 ? 0 : digits + 1);
}

/** Whether what follows this place of a decimal number is exactly one half. */
function isTie(exact: string, last: number): boolean {
  return /^50*$/.test(exact.slice(last + 1));
}

function even(up: string, down: string): string {
  return /[02468]$/.test(down) ? down : up;
}

/** Thousands apart, and zeros before them up to `width`. */
function group(text: string, separator: string, size: number, width: number): string {
  const [, digits = '', rest = ''] = /^(\d*)(.*)$/s.exec(text) ?? [];
  if (separator === '' || digits === '') return text;
  let padded = digits;
  const apart = (value: string): string => value.replace(new RegExp(`\\B(?=(?:\\w{${size}})+$)`, 'g'), separator);
  while (apart(padded).length + rest.length < width) padded = `0${padded}`;
  return apart(padded) + rest;
}

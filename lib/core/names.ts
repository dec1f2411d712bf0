/** 'reduceLROnPlateau', 'ReduceLROnPlateau' -> 'reduce_lr_on_plateau'; as Keras names layers after their classes. */
export function toSnakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** 'return_sequences' -> 'returnSequences'. Doesn't invert {@link toSnakeCase} for names with digits. */
export function toCamelCase(name: string): string {
  return name.replace(/(?<=[^_])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The known name nearest to a wrong one by edit distance (case and underscores don't count), or null when none is near. */
export function nearestName(wrong: string, known: Iterable<string>): string | null {
  const plain = (name: string): string => name.toLowerCase().replace(/_/g, '');
  let best: string | null = null;
  let least = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const d = distance(plain(wrong), plain(name));
    if (d < least) {
      least = d;
      best = name;
    }
  }
  return best;
}

const counts = new Map<string, number>();

/** 'dense', 'dense_1', 'dense_2', …: names of layers and other objects that were given none. */
export function uniqueName(prefix: string): string {
  const count = counts.get(prefix) ?? 0;
  counts.set(prefix, count + 1);
  return count === 0 ? prefix : `${prefix}_${count}`;
}

/** Starts automatic names anew, as `keras.utils.clear_session` does. */
export function resetNames(): void {
  counts.clear();
}

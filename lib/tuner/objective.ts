import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Model } from '../models/model.js';

/** What a search makes as small or as large as it can. */
export interface Objective {
  /** A name in the logs: 'val_loss'. */
  readonly name: string;
  /** Whether less or more is better. */
  readonly direction: 'min' | 'max';
}

/** An objective, its name alone (the metric says which way is better), or several, summed: those to maximize count negative. */
export type ObjectiveIdentifier = string | Objective | readonly (string | Objective)[];

/** Checks what the user gave. @internal */
export function checkObjective(value: unknown, where: string): readonly (string | Objective)[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const one of list) {
    if (typeof one === 'string' && one !== '') continue;
    const { name, direction } = (one ?? {}) as Partial<Objective>;
    if (typeof name === 'string' && (direction === 'min' || direction === 'max')) continue;
    throw new ArgumentError(
      `${where}: expected a name in the logs or { name, direction: 'min' | 'max' }, got ${show(value)}.`,
      "Write objective: 'val_accuracy', or objective: { name: 'val_f1', direction: 'max' }.",
    );
  }
  if (list.length === 0) throw new ArgumentError(`${where}: expected at least one objective, got none.`);
  return list as (string | Objective)[];
}

/** Objectives with their directions; those given by name alone ask the model's metrics. @internal */
export function resolveObjectives(given: readonly (string | Objective)[], model: Model | null): Objective[] {
  return given.map((one) => {
    if (typeof one !== 'string') return one;
    const bare = one.replace(/^val_/, '');
    const direction =
      bare === 'loss' || bare.endsWith('_loss')
        ? 'min'
        : (model?.directionOf(bare) ??
          (/(^|_)(acc|accuracy|auc|precision|recall|f1|f1_score|iou)$/.test(bare) ? 'max' : null) ??
          (/(^|_)(error|mse|mae|mape|msle)$/.test(bare) ? 'min' : null));
    if (direction === null) {
      throw new ArgumentError(
        `Objective "${one}": expected a metric that says whether it should fall or rise, got none of that name.`,
        `Write objective: { name: '${one}', direction: 'max' } or 'min'.`,
      );
    }
    return { name: one, direction };
  });
}

/** One number to make small or large. @internal */
export class Goal {
  readonly parts: readonly Objective[];

  constructor(parts: readonly Objective[]) {
    this.parts = parts;
  }

  /** Several objectives are minimized together. */
  get direction(): 'min' | 'max' {
    return this.parts.length === 1 ? (this.parts[0] as Objective).direction : 'min';
  }

  get name(): string {
    return this.parts.map((part) => part.name).join(' + ');
  }

  /** The number in some logs; null if an objective is not among them. */
  valueOf(logs: Readonly<Record<string, number>>): number | null {
    let sum = 0;
    for (const { name, direction } of this.parts) {
      const value = logs[name];
      if (value === undefined) return null;
      sum += this.parts.length > 1 && direction === 'max' ? -value : value;
    }
    return sum;
  }

  /** Whether a score beats another; anything beats none. */
  isBetter(score: number, than: number | null): boolean {
    if (than === null) return true;
    return this.direction === 'min' ? score < than : score > than;
  }
}

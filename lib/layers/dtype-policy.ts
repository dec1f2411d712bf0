import { config } from '../core/config.js';
import { Configurable, type SerializedObject } from '../core/configurable.js';
import { type DType, dtypes, standardizeDType } from '../core/dtype.js';
import { DTypeError } from '../core/errors.js';
import { type Field, type Fields, optional, show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { isPlainObject } from '../core/tree.js';

const mixed = { mixed_float16: 'float16', mixed_bfloat16: 'bfloat16' } as const;

/** Name of a dtype policy: a dtype, or a mixed policy that computes in half precision and keeps weights in float32. */
export type DTypePolicyName = DType | keyof typeof mixed;

/** Options of {@link DTypePolicy}. */
export interface DTypePolicyOptions {
  /** A dtype, 'mixed_float16' or 'mixed_bfloat16'. @default the global policy's name */
  name?: DTypePolicyName | null;
}

/**
 * Which dtype a layer computes in, and which its weights have: `keras.DTypePolicy`.
 *
 * @throws {DTypeError} for an unknown name
 * @example
 * ```ts
 * const policy = new DTypePolicy({ name: 'mixed_bfloat16' });
 * policy.computeDtype; // 'bfloat16'
 * policy.variableDtype; // 'float32'
 * ```
 */
export class DTypePolicy extends Configurable {
  static override readonly className: string = 'DTypePolicy';
  static override readonly module: string | null = 'keras';
  static override readonly fields: Fields = {
    name: optional((value, where) => checkName(value ?? defaultName(), where), null),
  };

  declare readonly name: DTypePolicyName;

  constructor(options: DTypePolicyOptions = {}) {
    super(options);
  }

  /** Dtype of a layer's computations and results. */
  get computeDtype(): DType {
    return this.name in mixed ? mixed[this.name as keyof typeof mixed] : (this.name as DType);
  }

  /** Dtype of a layer's weights. */
  get variableDtype(): DType {
    return this.name in mixed ? 'float32' : (this.name as DType);
  }

  override toString(): string {
    return `<DTypePolicy "${this.name}">`;
  }
}

let globalPolicy: DTypePolicy | undefined;

function defaultName(): DTypePolicyName {
  return globalPolicy?.name ?? config.floatx();
}

function checkName(value: unknown, where: string): DTypePolicyName {
  if (typeof value === 'string') {
    if (value in mixed) return value as DTypePolicyName;
    if (value === 'float' || value === 'int' || dtypes.includes(value as DType)) return standardizeDType(value);
  }
  const near = typeof value === 'string' ? nearestName(value, [...dtypes, ...Object.keys(mixed)]) : null;
  throw new DTypeError(
    `${where}: expected a dtype, 'mixed_float16' or 'mixed_bfloat16', got ${show(value)}.`,
    near === null ? `Dtypes: ${dtypes.join(', ')}.` : `Did you mean '${near}'?`,
  );
}

/** The policy of layers that are given no dtype: the one that was set, else floatx. */
export function dtypePolicy(): DTypePolicy {
  return new DTypePolicy();
}

/** Sets the policy of layers made afterwards. `null` goes back to floatx. @throws {DTypeError} for an unknown name */
export function setDtypePolicy(policy: DTypePolicy | DTypePolicyName | null): void {
  globalPolicy = policy === null ? undefined : toPolicy(policy, 'config.setDtypePolicy');
}

function toPolicy(value: unknown, where: string): DTypePolicy {
  if (value instanceof DTypePolicy) return value;
  if (value === null) return new DTypePolicy();
  if (isPlainObject(value) && value.className === 'DTypePolicy') {
    return toPolicy((value as unknown as SerializedObject).config.name ?? null, where);
  }
  return new DTypePolicy({ name: checkName(value, where) });
}

/** Row of a layer's `dtype` option: a name, a policy or its config. @internal */
export const dtypePolicyField: Field<DTypePolicy> = optional(toPolicy, null);

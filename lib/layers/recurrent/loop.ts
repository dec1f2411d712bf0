import { call } from '../../core/call.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { mapStates, type StateTree, stateAt } from './states.js';

/** One step of a cell: `[output, newStates]`. @internal */
export type Step = (x: Tensor, states: StateTree) => [output: Tensor, states: StateTree];

/** How a sequence is run. @internal */
export interface LoopOptions {
  /** Which steps count, bool [batch, steps]. */
  mask: Tensor | null;
  goBackwards: boolean;
  /** Whether masked steps put out 0, not the output before them. */
  zeroOutputForMask: boolean;
  /** Whether the outputs of all steps are wanted. */
  returnSequences: boolean;
}

/** What a run over a sequence answers. @internal */
export interface LoopResult {
  /** Output of the last step [batch, ...], or of all steps [batch, steps, ...]. */
  output: Tensor;
  states: StateTree;
}

/**
 * Runs a cell over the steps of `[batch, steps, ...]`, one call a step: a recording unrolls it.
 * At masked steps states stay as they were.
 * @internal
 */
export function loopOverSteps(step: Step, x: Tensor, first: StateTree, options: LoopOptions): LoopResult {
  const { mask, goBackwards, zeroOutputForMask, returnSequences } = options;
  const turned = <T>(items: T[]): T[] => (goBackwards ? items.reverse() : items);
  const inputs = turned(ops.unstack(x, { axis: 1 }));
  const masks = mask === null ? null : turned(ops.unstack(mask, { axis: 1 }));
  const outputs: Tensor[] = [];
  let states = first;
  let last: Tensor | undefined;
  inputs.forEach((input, i) => {
    const [output, next] = step(input, states);
    if (masks === null) {
      last = output;
      states = next;
    } else {
      const counts = masks[i] as Tensor;
      const kept = zeroOutputForMask ? ops.zerosLike(output) : previousOutput(states);
      last = choose(counts, output, kept);
      const before = states;
      states = mapStates(next, (state, path) => choose(counts, state, stateAt(before, path)));
    }
    if (returnSequences) outputs.push(last);
  });
  return { output: returnSequences ? ops.stack(outputs, { axis: 1 }) : (last as Tensor), states };
}

/**
 * The shapes that a run answers, from one step: for inference, where the number of steps may be unknown.
 * @internal
 */
export function shapesOfLoop(step: Step, x: Tensor, first: StateTree, options: LoopOptions): LoopResult {
  const [output, states] = step(call('aten::select.int', x, 1, 0), first);
  if (!options.returnSequences) return { output, states };
  const [batch, ...rest] = output.shape as number[];
  const shape = [batch as number, x.shape[1] as number, ...rest];
  return { output: ops.broadcastTo(ops.expandDims(output, 1), shape), states };
}

/** By convention a cell's first state is its output; of a stack of cells, the last cell's. */
function previousOutput(states: StateTree): Tensor {
  const [first] = states;
  if (!states.some(Array.isArray)) return first as Tensor;
  const last = states[states.length - 1] as Tensor | Tensor[];
  return Array.isArray(last) ? (last[0] as Tensor) : last;
}

function choose(mask: Tensor, yes: Tensor, no: Tensor): Tensor {
  const axes = Array.from({ length: yes.ndim - 1 }, () => 1);
  return ops.where(ops.reshape(mask, [-1, ...axes]), yes, no);
}

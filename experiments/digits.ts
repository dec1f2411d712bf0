// MNIST as the chapter prepares it: rows of 784 numbers from 0 to 1, one-hot labels.
import { datasets, type Tensor, utils } from '../lib/index.js';

export const classes = 10;
export const pixels: number = 28 * 28;

/** Images and labels to train on, the last fifth of them for validation, and to test on. */
export interface Digits {
  x: Tensor;
  y: Tensor;
  xTest: Tensor;
  yTest: Tensor;
}

/** The first `limit` images to train on and at most as many to test on. */
export async function loadDigits(limit: number): Promise<Digits> {
  const [[images, labels], [testImages, testLabels]] = await datasets.mnist.loadData();
  const rows = (bytes: Tensor): Tensor => bytes.slice(0, limit).reshape([-1, pixels]).cast('float32').divide(255);
  const oneHot = (numbers: Tensor): Tensor => utils.toCategorical(numbers.slice(0, limit), { numClasses: classes });
  return { x: rows(images), y: oneHot(labels), xTest: rows(testImages), yTest: oneHot(testLabels) };
}

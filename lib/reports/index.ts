/** Charts of training and of results, as SVG or as one HTML page. */

export type { ReportTable } from './blocks.js';
export { compare } from './compare.js';
export { type ConfusionMatrixOptions, confusionMatrix } from './confusion-matrix.js';
export type { Curves } from './curves.js';
export { history } from './history.js';
export type { ReportOptions } from './options.js';
export { type PageOptions, page } from './page.js';
export type { Theme } from './palette.js';
export { Report, type SaveOptions, type SvgOptions } from './report.js';
export { type SearchReportOptions, search } from './search.js';
export { type SweepOptions, sweep } from './sweep.js';
export { type WorstPredictionsOptions, worstPredictions } from './worst-predictions.js';

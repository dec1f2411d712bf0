export {
  Conv1D,
  Conv1D as Convolution1D,
  type Conv1DOptions,
  Conv2D,
  Conv2D as Convolution2D,
  Conv3D,
  Conv3D as Convolution3D,
  type ConvOptions,
} from './conv.js';
export {
  Conv1DTranspose,
  Conv1DTranspose as Convolution1DTranspose,
  Conv2DTranspose,
  Conv2DTranspose as Convolution2DTranspose,
  Conv3DTranspose,
  Conv3DTranspose as Convolution3DTranspose,
  type ConvTransposeOptions,
} from './conv-transpose.js';
export type { ConvolutionOptions } from './convolution-layer.js';
export {
  DepthwiseConv1D,
  DepthwiseConv2D,
  type DepthwiseConvOptions,
  SeparableConv1D,
  SeparableConv1D as SeparableConvolution1D,
  SeparableConv2D,
  SeparableConv2D as SeparableConvolution2D,
  type SeparableConvOptions,
} from './depthwise-conv.js';

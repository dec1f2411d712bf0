// Activations that our fused operators apply to what they compute, and their derivatives.
#pragma once

#include <cmath>
#include <string_view>

#include "kernels/cpu_dispatch.h"
#include "kernels/vector_math.h"

namespace torchlayers {

enum class Activation { None, Relu, Sigmoid, Tanh, Silu, Gelu, GeluTanh };

// By name: 'none', 'relu', 'sigmoid', 'tanh', 'silu', 'gelu' (with erf) and 'gelu_tanh'. Throws for others.
Activation activation_named(const char* op, std::string_view name);

// What its derivative is computed from.
enum class DerivativeOf {
  // Nothing: the derivative is 1.
  Nothing,
  // The activation's result.
  Output,
  // Its argument.
  Input,
};

inline DerivativeOf derivative_of(Activation activation) {
  switch (activation) {
    case Activation::None:
      return DerivativeOf::Nothing;
    case Activation::Relu:
    case Activation::Sigmoid:
    case Activation::Tanh:
      return DerivativeOf::Output;
    default:
      return DerivativeOf::Input;
  }
}

TORCHLAYERS_INLINE float fast_sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }
TORCHLAYERS_INLINE double fast_sigmoid(double x) { return 1.0 / (1.0 + fast_exp(-x)); }

template <Activation A>
TORCHLAYERS_INLINE float activate(float x) {
  if constexpr (A == Activation::Relu) return x < 0 ? 0.0f : x;
  if constexpr (A == Activation::Sigmoid) return fast_sigmoid(x);
  if constexpr (A == Activation::Tanh) return fast_tanh(x);
  if constexpr (A == Activation::Silu) return x * fast_sigmoid(x);
  if constexpr (A == Activation::Gelu) return 0.5f * x * (1.0f + fast_erf(x * 0.707106781f));
  if constexpr (A == Activation::GeluTanh) {
    return 0.5f * x * (1.0f + fast_tanh(0.797884561f * (x + 0.044715f * x * x * x)));
  }
  return x;
}

// The derivative, from what `derivative_of` says.
template <Activation A>
TORCHLAYERS_INLINE float derivative(float v) {
  if constexpr (A == Activation::Relu) return v <= 0 ? 0.0f : 1.0f;
  if constexpr (A == Activation::Sigmoid) return v * (1.0f - v);
  if constexpr (A == Activation::Tanh) return 1.0f - v * v;
  if constexpr (A == Activation::Silu) {
    const float s = fast_sigmoid(v);
    return s * (1.0f + v * (1.0f - s));
  }
  if constexpr (A == Activation::Gelu) {
    return 0.5f * (1.0f + fast_erf(v * 0.707106781f)) + v * 0.398942280f * fast_exp(-0.5f * v * v);
  }
  if constexpr (A == Activation::GeluTanh) {
    const float t = fast_tanh(0.797884561f * (v + 0.044715f * v * v * v));
    return 0.5f * (1.0f + t) + 0.5f * v * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * v * v);
  }
  return 1.0f;
}

// Calls body(std::integral_constant<Activation, A>) for a value known at run time.
template <typename Body>
void with_activation(Activation activation, const Body& body) {
  switch (activation) {
#define TORCHLAYERS_CASE(name) \
  case Activation::name:       \
    return body(std::integral_constant<Activation, Activation::name>())
    TORCHLAYERS_CASE(None);
    TORCHLAYERS_CASE(Relu);
    TORCHLAYERS_CASE(Sigmoid);
    TORCHLAYERS_CASE(Tanh);
    TORCHLAYERS_CASE(Silu);
    TORCHLAYERS_CASE(Gelu);
    TORCHLAYERS_CASE(GeluTanh);
#undef TORCHLAYERS_CASE
  }
}

}  // namespace torchlayers

// How our CPU loops pick an instruction set when they run.
#pragma once

// TORCHLAYERS_MULTIVERSION in front of a function makes the compiler build it for AVX-512, for AVX2 and for the
// baseline; the processor's best is bound when the library is loaded. What the function calls must be
// TORCHLAYERS_INLINE, or it stays at the baseline. Loops in such functions vectorise at any -O level: square roots
// need not set errno, and selects may compute both sides. Products and sums are not fused: compilers fuse differently
// in the vector loop and in its remainder, and results would depend on where threads cut the work.
// Sanitizers get one version: the loader would bind several before their runtime is ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TORCHLAYERS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TORCHLAYERS_SANITIZED 1
#endif
#endif

#if defined(__clang__)
#pragma clang fp contract(off)
#define TORCHLAYERS_LOOPS
#elif defined(__GNUC__)
#define TORCHLAYERS_LOOPS __attribute__((optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")))
#else
#define TORCHLAYERS_LOOPS
#endif

// Clang refuses target_clones on templates.
#if !defined(__linux__) || !defined(__x86_64__) || defined(__clang__) || defined(TORCHLAYERS_SANITIZED)
#define TORCHLAYERS_MULTIVERSION TORCHLAYERS_LOOPS
#else
#define TORCHLAYERS_MULTIVERSION \
  TORCHLAYERS_LOOPS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

#if defined(_MSC_VER)
#define TORCHLAYERS_INLINE __forceinline
#define TORCHLAYERS_RESTRICT __restrict
#else
#define TORCHLAYERS_INLINE inline __attribute__((always_inline))
#define TORCHLAYERS_RESTRICT __restrict__
#endif

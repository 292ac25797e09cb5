#pragma once
#include <cstdint>

namespace tilecompile {

/// Vectors of kCount samples, for loops whose comparisons the compiler would make branches of.
template <int kCount>
struct SampleVectors {
  typedef double Doubles __attribute__((vector_size(8 * kCount)));
  typedef float Floats __attribute__((vector_size(4 * kCount)));
  typedef std::int64_t Masks __attribute__((vector_size(8 * kCount)));  ///< all bits of what holds
  typedef std::int32_t FloatMasks __attribute__((vector_size(4 * kCount)));
};

/// Samples of one vector where vectors hold kLanes floats: GCC 12 takes comparisons of 64-byte vectors apart.
template <int kLanes>
constexpr int kDoublesAVector = kLanes < 8 ? kLanes / 2 : 4;

}  // namespace tilecompile

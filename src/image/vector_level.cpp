#include "tilecompile/image/vector_level.hpp"

#include <algorithm>

namespace tilecompile {
namespace {

VectorLevel& level_in_use() {
  static VectorLevel level = widest_vector_level();
  return level;
}

}  // namespace

VectorLevel widest_vector_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return VectorLevel::kAvx512;
  if (__builtin_cpu_supports("avx2")) return VectorLevel::kAvx2;
#endif
  return VectorLevel::kBaseline;
}

VectorLevel vector_level() { return level_in_use(); }

void set_vector_level(VectorLevel level) { level_in_use() = std::min(level, widest_vector_level()); }

}  // namespace tilecompile

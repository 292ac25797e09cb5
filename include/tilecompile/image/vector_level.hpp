#pragma once

namespace tilecompile {

/// How wide the vector units are that loops over pixels use. The bits are the same at every level: such loops
/// use
/// + - * /, sqrt, comparisons and conversions, each pixel by itself, and -ffp-contract=off keeps a product
/// and a sum apart (architecture: "what makes bits equal").
enum class VectorLevel { kBaseline, kAvx2, kAvx512 };

/// The widest that this processor has; the baseline on anything but x86-64 (there NEON is the baseline).
VectorLevel widest_vector_level();
/// The level in use: the widest, unless another was set.
VectorLevel vector_level();
/// Takes another level from now on, at most the widest. Not while threads compute.
void set_vector_level(VectorLevel level);

}  // namespace tilecompile

/// Makes `name(parameters)` of a template `name_body<lanes>(parameters)` with loops over pixels, for every
/// level; `lanes`: how many floats its vectors hold. Example: TILECOMPILE_VECTOR_LEVELS(add, (float* to,
/// const float* from, int n), (to, from, n))
#if defined(__x86_64__)
#define TILECOMPILE_VECTOR_LEVELS(name, parameters, arguments)                          \
  [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void name##_avx512 parameters { \
    name##_body<16> arguments;                                                          \
  }                                                                                     \
  [[gnu::target("avx2")]] void name##_avx2 parameters { name##_body<8> arguments; }     \
  void name parameters {                                                                \
    switch (vector_level()) {                                                           \
      case VectorLevel::kAvx512:                                                        \
        return name##_avx512 arguments;                                                 \
      case VectorLevel::kAvx2:                                                          \
        return name##_avx2 arguments;                                                   \
      case VectorLevel::kBaseline:                                                      \
        break;                                                                          \
    }                                                                                   \
    name##_body<4> arguments;                                                           \
  }
#else
#define TILECOMPILE_VECTOR_LEVELS(name, parameters, arguments) \
  void name parameters { name##_body<4> arguments; }
#endif
/// Before the body of such a function: it has to be compiled anew for every level.
#define TILECOMPILE_VECTOR_BODY \
  template <int kLanes>         \
  [[gnu::always_inline]] inline

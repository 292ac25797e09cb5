#pragma once
#include <cstddef>

namespace tilecompile {

/// Calls order(i, j), i < j, for the exchanges of Batcher's merge exchange (Knuth, The Art of Computer
/// Programming, 5.2.2, algorithm M): when each puts the smaller of items i and j first, n items are sorted.
template <class Order>
[[gnu::always_inline]] inline void merge_exchange(std::size_t n, const Order& order) {
  for (std::size_t p = 1; p < n; p *= 2)
    for (std::size_t k = p; k >= 1; k /= 2)
      for (std::size_t j = k % p; j + k < n; j += 2 * k) {
        if (((j ^ (j + k)) & ~(2 * p - 1)) != 0) continue;  // j is a multiple of k: the same for the next k
        const std::size_t count = k < n - k - j ? k : n - k - j;
        for (std::size_t i = j; i < j + count; ++i) order(i, i + k);
      }
}

}  // namespace tilecompile

#pragma once
#include <cstddef>

namespace tilecompile {

/// Calls order(i, j), i < j, for the exchanges of Batcher's merge exchange (Knuth, The Art of Computer
/// Programming, 5.2.2, algorithm M): when each puts the smaller of items i and j first, n items are sorted.
template <class Order>
[[gnu::always_inline]] inline void merge_exchange(std::size_t n, const Order& order) {
  for (std::size_t p = 1; p < n; p *= 2)
    for (std::size_t k = p; k >= 1; k /= 2)
      for (std::size_t j = k % p; j + k < n; j += 2 * k)
        for (std::size_t i = j; i < j + k && i + k < n; ++i)
          if (((i ^ (i + k)) & ~(2 * p - 1)) == 0) order(i, i + k);
}

}  // namespace tilecompile

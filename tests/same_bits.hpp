#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

inline void expect_same_bits(const Plane<float>& a, const Plane<float>& b, const std::string& what) {
  ASSERT_EQ(a.width(), b.width()) << what;
  ASSERT_EQ(a.height(), b.height()) << what;
  for (int y = 0; y < a.height(); ++y)
    for (int x = 0; x < a.width(); ++x)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(a.at(x, y)), std::bit_cast<std::uint32_t>(b.at(x, y)))
          << what << " x " << x << " y " << y << ": " << a.at(x, y) << " " << b.at(x, y);
}

}  // namespace tilecompile

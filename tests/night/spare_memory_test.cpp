#include "tilecompile/night/spare_memory.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace tilecompile {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(SpareMemory, ComesBackToTheNextWhoWantsAsMuch) {
  const auto spare = std::make_shared<SpareMemory>();
  auto first = spare->take(40 * kMegabyte);
  void* const place = first->data();
  EXPECT_EQ(first->bytes(), 40 * kMegabyte);
  first.reset();
  first = spare->take(36 * kMegabyte);
  EXPECT_EQ(first->data(), place);
  EXPECT_EQ(first->bytes(), 40 * kMegabyte) << "a little is left over";
  first.reset();
  first = spare->take(20 * kMegabyte);
  EXPECT_EQ(first->bytes(), 20 * kMegabyte) << "half of it is not";
  first.reset();
  EXPECT_EQ(spare->take(60 * kMegabyte)->bytes(), 60 * kMegabyte);
}

TEST(SpareMemory, OutlivesWhoeverLent) {
  auto spare = std::make_shared<SpareMemory>();
  const auto lent = spare->take(4 * kMegabyte);
  spare.reset();
  std::memset(lent->data(), 1, lent->bytes());
}

TEST(SpareMemory, KeepsNothingWhenItIsTold) {
  for (const bool told : {false, true}) {
    const auto spare = std::make_shared<SpareMemory>();
    std::memset(spare->take(64 * kMegabyte)->data(), 7, 64 * kMegabyte);
    if (told) spare->clear();
    const auto again = spare->take(64 * kMegabyte);
    EXPECT_EQ(static_cast<const unsigned char*>(again->data())[0] == 7, !told)
        << "else fresh from the system";
  }
}

}  // namespace
}  // namespace tilecompile

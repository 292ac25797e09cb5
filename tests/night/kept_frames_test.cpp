#include "tilecompile/night/kept_frames.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(KeptFrames, KeepsTheFirstThatFitAndNoneForThem) {
  KeptFrames kept(3 * 100 * sizeof(float) + 50);
  for (int f = 0; f < 5; ++f)
    kept.offer("frame " + std::to_string(f), Image(1, Plane<float>(10, 10, static_cast<float>(f))));
  EXPECT_EQ(kept.size_bytes(), 3 * 100 * sizeof(float));
  for (int f = 0; f < 3; ++f) {
    const auto frame = kept.find("frame " + std::to_string(f));
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(frame->front().at(9, 9), static_cast<float>(f));
  }
  EXPECT_EQ(kept.find("frame 3"), nullptr);
  kept.offer("small", Image(1, Plane<float>(3, 4, 7.0F)));
  EXPECT_NE(kept.find("small"), nullptr);
  kept.offer("frame 0", Image(1, Plane<float>(1, 1, 9.0F)));
  EXPECT_EQ(kept.find("frame 0")->front().at(0, 0), 0.0F);
}

TEST(KeptFrames, ClosedItHoldsNothing) {
  KeptFrames kept(1000000);
  kept.offer("a", Image(2, Plane<float>(10, 10)));
  const auto in_use = kept.find("a");
  kept.close();
  EXPECT_EQ(kept.find("a"), nullptr);
  EXPECT_EQ(kept.size_bytes(), 0u);
  EXPECT_EQ(in_use->size(), 2u);
  kept.offer("b", Image(1, Plane<float>(10, 10)));
  EXPECT_EQ(kept.find("b"), nullptr);
}

}  // namespace
}  // namespace tilecompile

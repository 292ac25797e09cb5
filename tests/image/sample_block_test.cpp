#include "tilecompile/image/sample_block.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace tilecompile {
namespace {

TEST(SampleBlock, KeepsEveryFramesSamplesApart) {
  constexpr int kWidth = 21, kHeight = 5;
  constexpr std::size_t kFrames = 7;
  SampleBlock block(kWidth, kHeight, kFrames);
  const auto value = [](std::size_t f, int y, int x) {
    return static_cast<float>(10000 * f) + 100.F * y + x;
  };
  for (std::size_t f = 0; f < kFrames; ++f)
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x) block.row(f, y)[x] = value(f, y, x);
  for (std::size_t f = 0; f < kFrames; ++f) {
    const PlaneView<float> view = block.view(f);
    EXPECT_EQ(view.width, kWidth);
    EXPECT_EQ(view.height, kHeight);
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x) ASSERT_EQ(view.at(x, y), value(f, y, x));
  }
  EXPECT_FALSE(block.empty());
  EXPECT_TRUE(SampleBlock().empty());
}

TEST(SampleBlock, TakesTheMemoryOfAnEarlierOneOfItsThread) {
  std::thread([] {
    const float* first = nullptr;
    {
      SampleBlock block(90, 90, 100);
      first = block.row(0, 0);
      EXPECT_NE(SampleBlock(90, 90, 100).row(0, 0), first) << "two at once";
    }
    SampleBlock one(90, 90, 100), other(90, 90, 100);
    EXPECT_TRUE(one.row(0, 0) == first || other.row(0, 0) == first);
    EXPECT_GE(SampleBlock::size_bytes(90, 90, 100), 90U * 90U * 100U * sizeof(float));
  }).join();
}

TEST(SampleBlock, DoesNotTakeMemoryThatIsFarTooLarge) {
  std::thread([] {
    const float* large = nullptr;
    {
      SampleBlock block(200, 200, 100);
      large = block.row(0, 0);
    }
    SampleBlock small(20, 20, 10);
    EXPECT_NE(small.row(0, 0), large);
  }).join();
}

}  // namespace
}  // namespace tilecompile

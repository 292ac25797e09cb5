#include "tilecompile/passes/drizzled_stack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "night/raw_test_night.hpp"
#include "same_bits.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/night/frame_bands.hpp"

namespace tilecompile {
namespace {

constexpr int kDrizzledFrames = 4, kOutWidth = 231, kOutHeight = 180;

class DrizzledStack : public testing::Test {
 protected:
  DrizzledStack() : night_(kDrizzledFrames) {
    auto raw = std::make_shared<RawNight>();
    Registration& r = raw->registration;
    r.reference = RawTestNight::name(0);
    r.grid = {kOutWidth, kOutHeight, 30, 25, 1 / 1.5};
    r.cfa_pattern = "RGGB";
    r.drop_px = 0.8;
    for (int f = 0; f < kDrizzledFrames; ++f)
      r.frames.push_back({RawTestNight::name(f), RawTestNight::kWidth, RawTestNight::kHeight,
                          f == 0 ? shift_transform(0, 0) : RawTestNight::truth(f), -1});
    for (ManifestEntry& entry : night_.manifest->frames) entry.facts = facts_as_read(entry.facts, r);
    source_ = std::make_unique<FrameSource>(night_.folder(), night_.manifest, ZeroIsNodata::kAuto,
                                            night_.verified, raw);
  }

  Analysis stacked(std::size_t memory_bytes, int threads, int chunk) const {
    Analysis a;
    a.metrics.image_width = kOutWidth;
    a.metrics.image_height = kOutHeight;
    a.metrics.channels.assign(3, std::vector<FrameChannel>(kDrizzledFrames));
    for (auto& frames : a.metrics.channels)
      for (std::size_t f = 0; f < kDrizzledFrames; ++f) {
        frames[f].normalization = {0.2 * static_cast<double>(f), 0.01, 0};
        frames[f].noise = 0.05;
      }
    a.classical.assign(3, Plane<float>(kOutWidth, kOutHeight));
    a.variance = a.classical;
    a.extremes.assign(3, RowExtremes(kOutHeight));
    a.coverage.assign(3, Plane<std::int32_t>(kOutWidth, kOutHeight));
    MethodConfig method;
    method.reconstruction.frame_chunk = chunk;
    stack_drizzled_frames(a, *source_, method, memory_bytes, threads, nobody());
    return a;
  }

  RawTestNight night_;
  std::unique_ptr<FrameSource> source_;
};

TEST_F(DrizzledStack, IsTheMeanOfTheSharedSamples) {
  const Analysis a = stacked(1 << 30, 2, 64);
  const Box all{0, 0, kOutWidth, kOutHeight};
  const FrameBand band(*source_, all, 0, BandShape(source_->band_samples(), all, kDrizzledFrames));
  const BoxCutouts cut = band.cutouts(all);
  int covered = 0;
  for (std::size_t c = 0; c < 3; ++c)
    for (int y = 0; y < kOutHeight; y += 7)
      for (int x = 0; x < kOutWidth; ++x) {
        double value = 0, shares = 0;
        int count = 0;
        for (int f = 0; f < kDrizzledFrames; ++f) {
          const FrameCutout& cutout = cut.cutouts[c][static_cast<std::size_t>(f)];
          const double m = cutout.shares.at(x, y);
          if (!(m > 0)) continue;
          value +=
              m * a.metrics.channels[c][static_cast<std::size_t>(f)].normalization(cutout.samples.at(x, y));
          shares += m;
          ++count;
        }
        ASSERT_EQ(a.coverage[c].at(x, y), count);
        ASSERT_EQ(std::isnan(a.classical[c].at(x, y)), count == 0);
        if (count == 0) continue;
        ++covered;
        ASSERT_FLOAT_EQ(a.classical[c].at(x, y), static_cast<float>(value / shares));
        const ValueRange range = a.extremes[c].of({x, y, 1, 1});
        ASSERT_GE(a.classical[c].at(x, y), range.low);
        ASSERT_LE(a.classical[c].at(x, y), range.high);
      }
  EXPECT_GT(covered, 1000);
}

// A pixel of the sky: the noise of the raw pixels is 8 codes, of 1.5 x 1.5 output pixels each.
TEST_F(DrizzledStack, ItsVarianceIsThatOfTheSky) {
  const Analysis a = stacked(1 << 30, 1, 64);
  const Box all{0, 0, kOutWidth, kOutHeight};
  const FrameBand band(*source_, all, 0, BandShape(source_->band_samples(), all, kDrizzledFrames));
  const BoxCutouts cut = band.cutouts(all);
  std::vector<double> noise;
  for (int y = 5; y < kOutHeight - 5; ++y)
    for (int x = 5; x < kOutWidth - 5; ++x) {
      double shares = 0, squares = 0;
      for (int f = 0; f < kDrizzledFrames; ++f) {
        const double m = cut.cutouts[1][static_cast<std::size_t>(f)].shares.at(x, y);
        shares += m;
        squares += m * m;
      }
      if (shares > 1) noise.push_back(std::sqrt(a.variance[1].at(x, y) * shares * shares / squares));
    }
  ASSERT_GT(noise.size(), 1000u);
  std::sort(noise.begin(), noise.end());
  EXPECT_NEAR(noise[noise.size() / 2] / (8 * 0.01 / 2.25), 1, 0.15);
}

TEST_F(DrizzledStack, NeitherMemoryNorThreadsChangeABit) {
  const Analysis all = stacked(1 << 30, 1, 3), narrow = stacked(1, 3, 3);
  for (std::size_t c = 0; c < 3; ++c) {
    expect_same_bits(all.classical[c], narrow.classical[c], "stack");
    expect_same_bits(all.variance[c], narrow.variance[c], "variance");
    EXPECT_EQ(all.coverage[c].samples(), narrow.coverage[c].samples());
    EXPECT_EQ(all.extremes[c].of({0, 0, kOutWidth, kOutHeight}),
              narrow.extremes[c].of({0, 0, kOutWidth, kOutHeight}));
  }
}

TEST_F(DrizzledStack, BandsAreCutFromDrizzledFrames) {
  EXPECT_EQ(source_->band_samples().planes, 6);
  const Box box{40, 50, 33, 21};
  const FrameBand whole(*source_, {0, 0, kOutWidth, kOutHeight}, 0,
                        BandShape(source_->band_samples(), box, kDrizzledFrames));
  const FrameBand part(*source_, {31, 50, 60, 30}, 1, BandShape(source_->band_samples(), box, 2));
  const BoxCutouts of_whole = whole.cutouts(box), of_part = part.cutouts(box);
  for (std::size_t c = 0; c < 3; ++c)
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x) {
        const FrameCutout &a = of_whole.cutouts[c][2], &b = of_part.cutouts[c][1];
        ASSERT_EQ(a.shares.at(x, y), b.shares.at(x, y));
        ASSERT_EQ(std::isnan(a.samples.at(x, y)), a.shares.at(x, y) == 0);
        ASSERT_TRUE(a.shares.at(x, y) == 0 || a.samples.at(x, y) == b.samples.at(x, y));
      }
}

}  // namespace
}  // namespace tilecompile

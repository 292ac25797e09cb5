#include "tilecompile/tile/pixel_story.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/footprint.hpp"

namespace tilecompile {
namespace {

constexpr Box kStoryBox{0, 0, 41, 29};
constexpr int kFrames = 23, kTrailX = 20, kTrailY = 11;

// Frames of noise; every third one does not reach the left border, and frame 4 has a bright pixel.
struct TrailNight {
  std::vector<Plane<float>> frames;
  FrameMetrics metrics;

  TrailNight() {
    std::mt19937 rng(3);
    metrics.channels.resize(1);
    metrics.image_width = kStoryBox.w;
    metrics.image_height = kStoryBox.h;
    for (int f = 0; f < kFrames; ++f) {
      const double noise = 1 + 0.25 * (f % 3);
      std::normal_distribution<float> sky(100, static_cast<float>(noise));
      Plane<float> p(kStoryBox.w, kStoryBox.h);
      for (float& v : p.samples()) v = sky(rng);
      if (f == 4) p.at(kTrailX, kTrailY) += 300;
      for (int y = 0; y < kStoryBox.h && f % 3 == 0; ++y)
        for (int x = 0; x < 5; ++x) p.at(x, y) = std::nanf("");
      FrameChannel c;
      c.background = 100;
      c.noise = noise;
      c.inverse_variance = c.weight = 1 / (noise * noise);
      c.normalization = {100, 2, 7};
      c.footprint = find_footprint(p.view());
      metrics.channels[0].push_back(c);
      frames.push_back(std::move(p));
    }
  }
  TileInput input() const {
    TileInput in;
    in.box = kStoryBox;
    in.metrics = &metrics;
    in.reconstruction.frame_chunk = 5;
    in.reconstruction.rejection.mode = RejectionParams::Mode::kSigmaClip;
    in.reconstruction.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
    in.reconstruction.edge_feather_px = 8;
    in.cutouts.resize(1);
    for (int f = 0; f < kFrames; ++f) {
      in.cutouts[0].push_back({frames[static_cast<std::size_t>(f)].view(), 0});
      in.frame_index.push_back(f);
    }
    return in;
  }
};

TEST(PixelStory, EveryPixelIsTheSumOfItsParts) {
  const TrailNight night;
  const TileInput in = night.input();
  const TileChannel tile = compute_tile(in).channels[0];
  for (int y = 0; y < kStoryBox.h; y += 3)
    for (int x = 0; x < kStoryBox.w; ++x) {
      const PixelStory story = tell_pixel(in, 0, x, y);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(story.value)),
                std::bit_cast<std::uint32_t>(tile.pixels.at(x, y)));
      ASSERT_EQ(story.measured_frames, tile.measured_frames);
      double share = 0, value = 0, weight = 0;
      int covered = 0;
      for (const FrameAtPixel& part : story.frames) {
        const auto f = static_cast<std::size_t>(part.frame);
        ASSERT_EQ(part.tile_weight, tile.frame_weight[f]);
        ASSERT_EQ(part.quality, tile.quality[f]);
        ASSERT_EQ(part.covered, !std::isnan(night.frames[f].at(x, y)));
        covered += part.covered ? 1 : 0;
        share += part.share;
        weight += part.weight;
        if (part.share > 0) value += part.share * part.value;
      }
      ASSERT_EQ(covered, tile.coverage.at(x, y));
      ASSERT_NEAR(share, 1, 1e-12);
      ASSERT_NEAR(weight, tile.weight.at(x, y), 1e-5 * weight);
      ASSERT_NEAR(value + story.star_light, story.value, 1e-5 * std::abs(story.value));
    }
}

TEST(PixelStory, ARejectedFrameHasNoShareAndTheOthersHaveIt) {
  const TrailNight night;
  const PixelStory story = tell_pixel(night.input(), 0, kTrailX, kTrailY);
  for (const FrameAtPixel& part : story.frames) {
    EXPECT_EQ(part.rejected, part.frame == 4) << part.frame;
    EXPECT_EQ(part.share == 0, part.frame == 4) << part.frame;
    EXPECT_TRUE(part.covered);
    EXPECT_EQ(part.border_ramp, 1) << "far from every border";
  }
  EXPECT_NEAR(story.frames[4].value, 7 + 2 * 300, 30);
}

TEST(PixelStory, AFrameFadesTowardsItsBorderAndEndsThere) {
  const TrailNight night;
  const PixelStory beside = tell_pixel(night.input(), 0, 6, 15),
                   outside = tell_pixel(night.input(), 0, 2, 15);
  EXPECT_GT(beside.frames[3].border_ramp, 0);
  EXPECT_LT(beside.frames[3].border_ramp, 0.5);
  EXPECT_TRUE(beside.frames[3].covered);
  EXPECT_FALSE(outside.frames[3].covered);
  EXPECT_EQ(outside.frames[3].share, 0);
  EXPECT_TRUE(std::isnan(outside.frames[3].value));
}

TEST(PixelStory, ALimitOnSharesIsNamed) {
  const TrailNight night;
  TileInput in = night.input();
  in.max_frame_share = 0.055;
  int limited = 0;
  const PixelStory story = tell_pixel(in, 0, kTrailX, kTrailY);
  for (const FrameAtPixel& part : story.frames) limited += part.limited ? 1 : 0;
  EXPECT_GT(limited, 0);
  EXPECT_LT(limited, kFrames);
}

TEST(PixelStory, APixelOutsideTheTileIsAContractError) {
  const TrailNight night;
  EXPECT_THROW(tell_pixel(night.input(), 0, kStoryBox.w, 0), ContractError);
  EXPECT_THROW(tell_pixel(night.input(), 0, 0, -1), ContractError);
}

}  // namespace
}  // namespace tilecompile

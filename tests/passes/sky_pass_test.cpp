#include "passes/sky_pass.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {
namespace {

constexpr int kSkyWidth = 200, kSkyHeight = 150, kSkyFrames = 8, kSkyChannels = 2;

// Frames whose skies slope, each in its own way, and otherwise in the second channel, with the mean of I - B.
struct SlopingNight {
  Analysis analysis;
  std::vector<Image> frames;

  SlopingNight() {
    std::mt19937 rng(11);
    std::normal_distribution<double> noise(0, 1);
    analysis.metrics.image_width = kSkyWidth;
    analysis.metrics.image_height = kSkyHeight;
    analysis.metrics.channels.assign(kSkyChannels, std::vector<FrameChannel>(kSkyFrames));
    analysis.classical.assign(kSkyChannels, Plane<float>(kSkyWidth, kSkyHeight));
    analysis.coverage.assign(kSkyChannels, Plane<std::int32_t>(kSkyWidth, kSkyHeight, kSkyFrames));
    for (int f = 0; f < kSkyFrames; ++f) {
      Image image(kSkyChannels, Plane<float>(kSkyWidth, kSkyHeight));
      for (int c = 0; c < kSkyChannels; ++c) {
        FrameChannel& frame =
            analysis.metrics.channels[static_cast<std::size_t>(c)][static_cast<std::size_t>(f)];
        frame.background = frame.normalization.offset = 500 + f;
        frame.noise = 1;
        auto& mean = analysis.classical[static_cast<std::size_t>(c)];
        auto& plane = image[static_cast<std::size_t>(c)];
        for (int y = 0; y < kSkyHeight; ++y)
          for (int x = 0; x < kSkyWidth; ++x) {
            plane.at(x, y) = static_cast<float>(500 + f + slope(c, f) * (x - 99.5) + noise(rng));
            mean.at(x, y) += (plane.at(x, y) - static_cast<float>(500 + f)) / kSkyFrames;
          }
      }
      frames.push_back(std::move(image));
    }
  }
  static double slope(int channel, int frame) { return (channel == 0 ? 0.1 : -0.04) * (frame - 3.5); }
  void level(int threads) {
    const auto part = normalizations_of(analysis.metrics);
    const SkyMesh mesh = sky_mesh(kSkyWidth, kSkyHeight);
    std::vector<StarLook> looks(kSkyFrames);
    for (std::size_t c = 0; c < kSkyChannels; ++c)
      for (std::size_t f = 0; f < kSkyFrames; ++f) {
        FrameChannel& frame = analysis.metrics.channels[c][f];
        apply_flux_scale(frame, 1, 500);  // what the pass over the stars has found in the meantime
        const SkyReference mean{analysis.classical[c].view(), analysis.coverage[c].view(), part[c][f]};
        looks[f].skies.push_back(sample_sky(frames[f][c].view(), frame.normalization, mean, mesh));
      }
    keep_skies(analysis.metrics, looks, threads);
  }
};

TEST(SkyPass, KeepsForEveryFrameAndChannelWhatItsSkyHasMoreThanTheMean) {
  SlopingNight night;
  night.level(2);
  const SkyMesh mesh = sky_mesh(kSkyWidth, kSkyHeight);
  for (int c = 0; c < kSkyChannels; ++c)
    for (int f = 0; f < kSkyFrames; ++f) {
      const auto& frame =
          night.analysis.metrics.channels[static_cast<std::size_t>(c)][static_cast<std::size_t>(f)];
      const Plane<double> sky = surface_in(kept_sky(frame), mesh, {0, 0, kSkyWidth, kSkyHeight});
      for (const int x : {0, 60, 130, 199})
        EXPECT_NEAR(sky.at(x, 70), SlopingNight::slope(c, f) * (x - 99.5), 0.35) << c << " " << f << " " << x;
    }
}

TEST(SkyPass, ThreadsHaveNoSayInIt) {
  SlopingNight one, three;
  one.level(1);
  three.level(3);
  for (std::size_t c = 0; c < kSkyChannels; ++c)
    for (std::size_t f = 0; f < kSkyFrames; ++f)
      EXPECT_EQ(one.analysis.metrics.channels[c][f].sky_surface,
                three.analysis.metrics.channels[c][f].sky_surface);
}

}  // namespace
}  // namespace tilecompile

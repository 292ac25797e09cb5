#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "extended_night.hpp"
#include "tile/noise_guard.hpp"
#include "tile/rejection.hpp"
#include "tile/residual_noise.hpp"
#include "tile/tile_channel.hpp"
#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/fwhm_surface.hpp"
#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/synthetic_tile.hpp"

namespace tilecompile {
namespace {

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

TEST(Extensions, AClusterOfAllFramesIsTheReconstruction) {
  const ExtendedNight night(17);
  const TileInput in = night.input(all_extensions());
  const TileResult tile = compute_tile(in);
  Clusters one;
  one.count = 1;
  one.of_frame.assign(17, 0);
  const auto synthetic = compute_synthetic_tile(in, one, {tile.channels[0].frame_weight});
  for (std::size_t i = 0; i < tile.channels[0].pixels.size(); ++i) {
    ASSERT_EQ(bits(tile.channels[0].pixels.samples()[i]), bits(synthetic[0].pixels.samples()[i]));
    ASSERT_EQ(bits(tile.channels[0].variance.samples()[i]), bits(synthetic[0].variance.samples()[i]));
  }
}

TEST(Extensions, ClustersWeightedByWhatIsBehindThemMakeTheReconstruction) {
  const ExtendedNight night(17);
  const TileInput in = night.input(all_extensions());
  const TileChannel whole = compute_tile(in).channels[0];
  Clusters three;
  three.count = 3;
  for (int f = 0; f < 17; ++f) three.of_frame.push_back((f * 7) % 3);
  const auto parts = compute_synthetic_tile(in, three, {whole.frame_weight});
  for (std::size_t i = 0; i < whole.pixels.size(); ++i) {
    double sum = 0, weight = 0;
    for (const TileChannel& part : parts) {
      if (std::isnan(part.pixels.samples()[i])) continue;
      sum += static_cast<double>(part.weight.samples()[i]) * part.pixels.samples()[i];
      weight += part.weight.samples()[i];
    }
    ASSERT_NEAR(sum / weight, whole.pixels.samples()[i], 2e-5 * whole.pixels.samples()[i]) << i;
  }
}

TEST(Extensions, PixelsLieBetweenTheirInputs) {
  const ExtendedNight night(17);
  const TileChannel tile = compute_tile(night.input(all_extensions())).channels[0];
  for (int y = 0; y < kBox.h; ++y)
    for (int x = 0; x < kBox.w; ++x) {
      float low = INFINITY, high = -INFINITY;
      for (const auto& frame : night.frames) {
        const float v = frame.at(x, y);
        if (std::isnan(v)) continue;
        low = std::min(low, v);
        high = std::max(high, v);
      }
      EXPECT_GE(tile.pixels.at(x, y), low * (1 - 1e-6F));
      EXPECT_LE(tile.pixels.at(x, y), high * (1 + 1e-6F));
    }
}

// The weights that the guard mixes, written down once more without it.
/// Noise of the frames in the darker half of the tile, where their weights are `weights`.
std::vector<double> noise_inside(const TileInput& in, const std::vector<double>& weights) {
  CutoutPlanes planes;
  std::vector<WeightedCutout> cutouts = weighted_cutouts(in, 0, weights, planes);
  Rejection rejection;
  if (in.reconstruction.rejection.mode == RejectionParams::Mode::kSigmaClip) {
    rejection = reject_outliers(cutouts, kBox.w, kBox.h, in.reconstruction.rejection);
    for (std::size_t i = 0; i < cutouts.size(); ++i)
      if (!rejection.kept[i].empty()) cutouts[i].kept = &rejection.kept[i];
  }
  Plane<double> mean = sampled_mean(cutouts, kBox.w, kBox.h, in.reconstruction.frame_chunk);
  const double middle = median(mean.samples());
  for (double& v : mean.samples())
    if (v > middle) v = std::nan("");
  return residual_noise(cutouts, mean, weights);
}

/// The mean that the guard takes the sky from: by the inverse variances inside the tile.
TileChannel quiet_mean(const ExtendedNight& night, TileInput in, const std::vector<double>& weights) {
  const std::vector<double> noise = noise_inside(in, weights);
  FrameMetrics metrics = night.metrics;
  for (std::size_t f = 0; f < noise.size(); ++f) {
    FrameChannel& frame = metrics.channels[0][f];
    frame.inverse_variance *= frame.noise * frame.noise / (noise[f] * noise[f]);
  }
  in.metrics = &metrics;
  in.local.sharpness = 0;
  return compute_tile(in).channels[0];
}

// But for the light of stars that the guard gives back, which it never does beyond the tile's range.
TEST(Extensions, TheGuardedPixelIsBetweenSharpAndQuiet) {
  const ExtendedNight night(17);
  ReconstructionParams guarded = all_extensions(), open = guarded;
  guarded.edge_feather_px = open.edge_feather_px = 0;
  open.noise_guard.mode = NoiseGuardParams::Mode::kOff;
  const TileChannel g = compute_tile(night.input(guarded)).channels[0];
  const TileChannel sharp = compute_tile(night.input(open)).channels[0];
  const TileChannel quiet = quiet_mean(night, night.input(open), sharp.frame_weight);
  const Plane<double> light =
      guard_stars(sharp.pixels, quiet.pixels, guarded.noise_guard, night.metrics.seeing_px).light_left_out;
  float lowest = 1e9F, highest = 0;
  for (const TileChannel* t : {&sharp, &quiet})
    for (const float v : t->pixels.samples()) lowest = std::min(lowest, v), highest = std::max(highest, v);
  for (std::size_t i = 0; i < g.pixels.size(); ++i) {
    const float a = std::min(sharp.pixels.samples()[i], quiet.pixels.samples()[i]);
    const float b = std::max(sharp.pixels.samples()[i], quiet.pixels.samples()[i]);
    const auto c = static_cast<float>(light.samples()[i]);
    EXPECT_GE(g.pixels.samples()[i], std::max(lowest, a + std::min(c, 0.0F)) - 1e-5F * a);
    EXPECT_LE(g.pixels.samples()[i], std::min(highest, b + std::max(c, 0.0F)) + 1e-5F * b);
    EXPECT_LE(g.variance.samples()[i], 1.001F * sharp.variance.samples()[i])
        << "never noisier than the sharp mean";
  }
}

TEST(Extensions, VarianceAndEffectiveFramesAreThoseOfTheWeights) {
  const ExtendedNight night(10);
  const TileChannel tile = compute_tile(night.input({})).channels[0];
  for (const int x : {2, 7, 40}) {
    double sum = 0, squares = 0, variance = 0;
    for (std::size_t f = 0; f < 10; ++f) {
      if (std::isnan(night.frames[f].at(x, 10))) continue;
      const double w = tile.frame_weight[f], noise = night.metrics.channels[0][f].noise;
      sum += w;
      squares += w * w;
      variance += w * w * noise * noise;
    }
    // The noise is measured in the tile: a few per cent from the one that was put in.
    EXPECT_NEAR(tile.variance.at(x, 10) / (variance / (sum * sum)), 1, 0.1);
    EXPECT_FLOAT_EQ(tile.effective_frames.at(x, 10), static_cast<float>(sum * sum / squares));
  }
}

TEST(ResidualNoise, IsTheNoiseInTheTileWhateverTheFrameSays) {
  ExtendedNight night(30);
  for (auto& frame : night.metrics.channels[0]) frame.noise *= 1.6;  // a gradient over the whole frame
  const TileInput in = night.input({});
  std::vector<WeightedCutout> cutouts;
  for (std::size_t f = 0; f < 30; ++f)
    cutouts.push_back({in.cutouts[0][f].samples, night.metrics.channels[0][f].normalization, 1.0, 1.0,
                       night.metrics.channels[0][f].noise, nullptr, nullptr});
  const auto noise =
      residual_noise(cutouts, sampled_mean(cutouts, kBox.w, kBox.h, 64), std::vector<double>(30, 1.0));
  double ratio = 0;
  for (std::size_t f = 0; f < 30; ++f) ratio += noise[f] / (1 + 0.25 * static_cast<double>(f % 3)) / 30;
  EXPECT_NEAR(ratio, 1, 0.03);
}

// Sharp frames have a brighter sky here than the others, as under a gradient of moonlight; their surfaces say
// so.
TEST(LocalSky, WeightsDoNotMoveTheSkyOfATile) {
  const auto sky = [](ReconstructionParams::LocalSky mode) {
    ExtendedNight night(20);
    for (std::size_t f = 0; f < 20; f += 5)  // the sharpest
      for (float& s : night.frames[f].samples()) s += 8;
    ReconstructionParams params;
    params.local_sky = mode;
    const SkyMesh mesh = sky_mesh(kBox.w, kBox.h);
    night.metrics.image_width = mesh.width;
    night.metrics.image_height = mesh.height;
    for (std::size_t f = 0; f < 20; ++f)
      keep_sky(night.metrics.channels[0][f],
               std::vector<double>(mesh.size(), (f % 5 == 0 ? 8.0 : 0.0) - 8.0 / 5));
    TileInput in = night.input(params);
    in.local.sharpness = 8;
    return compute_tile(in).channels[0].background;
  };
  const double plain = 100 + 8.0 / 5;
  EXPECT_NEAR(sky(ReconstructionParams::LocalSky::kMean), plain, 0.15);
  EXPECT_GT(sky(ReconstructionParams::LocalSky::kNone), plain + 1);
}

// Two frames of another level than the rest begin inside the tile.
TEST(EdgeFeather, LeavesNoStepWhereFramesBegin) {
  const auto step = [](double feather_px) {
    ExtendedNight night(20);
    for (std::size_t f = 0; f < 20; ++f) {
      Plane<float>& p = night.frames[f];
      p = Plane<float>(kBox.w, kBox.h, f < 2 ? 110.0F : 100.0F);
      if (f < 2)
        for (int y = 0; y < kBox.h; ++y)
          for (int x = 0; x < 20; ++x) p.at(x, y) = std::nanf("");
      night.metrics.channels[0][f].footprint = find_footprint(p.view());
    }
    ReconstructionParams params;
    params.edge_feather_px = feather_px;
    const TileChannel tile = compute_tile(night.input(params)).channels[0];
    EXPECT_EQ(tile.pixels.at(10, 10), 100);
    EXPECT_GT(tile.pixels.at(55, 10), 100.5F);
    return static_cast<double>(tile.pixels.at(20, 10)) - tile.pixels.at(19, 10);
  };
  EXPECT_GT(step(0), 0.5);
  EXPECT_LT(step(24), 0.005);
}

// A frame whose gradient makes its noise look eight times as large has the voice of the others in the sky.
TEST(Extensions, TheQuietMeanGoesByTheNoiseInsideTheTile) {
  const auto share_of_first = [](double said) {
    ExtendedNight night(12);
    FrameChannel& first = night.metrics.channels[0][0];
    first.noise *= said;
    first.inverse_variance /= said * said;
    std::mt19937 rng(8);
    for (std::size_t f = 0; f < 12; ++f) {
      std::normal_distribution<float> sky(f == 0 ? 112 : 100, f == 0 ? 1 : 1.25F);
      for (float& v : night.frames[f].samples()) v = sky(rng);
    }
    ReconstructionParams params;
    params.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
    return compute_tile(night.input(params)).channels[0].background - 100;
  };
  EXPECT_GT(share_of_first(1), 0.8);
  EXPECT_NEAR(share_of_first(8) / share_of_first(1), 1, 0.1);
}

// The guarded mean is N + s (R - N) + c, c as far as the pixel stays in the range of the tile without it.
TEST(Extensions, TheGuardMixesSharpAndQuietByItsShare) {
  const ExtendedNight night(17);
  ReconstructionParams guarded;
  guarded.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
  TileInput in = night.input({});
  in.local.sharpness = 6;
  const TileChannel sharp = compute_tile(in).channels[0];
  const TileChannel quiet = quiet_mean(night, in, sharp.frame_weight);
  in.reconstruction = guarded;
  const TileChannel mixed = compute_tile(in).channels[0];
  const GuardedStars stars =
      guard_stars(sharp.pixels, quiet.pixels, guarded.noise_guard, night.metrics.seeing_px);
  std::vector<double> expected;
  for (std::size_t i = 0; i < mixed.pixels.size(); ++i)
    expected.push_back(quiet.pixels.samples()[i] +
                       stars.sharp_share.samples()[i] *
                           (static_cast<double>(sharp.pixels.samples()[i]) - quiet.pixels.samples()[i]));
  const auto [lowest, highest] = std::minmax_element(expected.begin(), expected.end());
  int between = 0, given_back = 0;
  for (std::size_t i = 0; i < mixed.pixels.size(); ++i) {
    const double s = stars.sharp_share.samples()[i], c = stars.light_left_out.samples()[i];
    ASSERT_NEAR(mixed.pixels.samples()[i], std::clamp(expected[i] + c, *lowest, *highest), 2e-4) << i;
    between += s > 0.1 && s < 0.9 ? 1 : 0;
    given_back += std::abs(c) > 0.01 ? 1 : 0;
  }
  EXPECT_GT(between, 20);
  EXPECT_GT(given_back, 100);
}

// 2^60 and -2^60 with small numbers between them: in one sum the small ones are lost, in a chunk of their own
// they are not, so every length of a chunk has its own bits.
TEST(FrameSum, ChunksShowWhereValuesCancel) {
  const std::vector<float> values = {0x1p60F, 1, -0x1p60F, 2, 0x1p60F, 4, 8, -0x1p60F, 16};
  std::vector<Plane<float>> frames;
  std::vector<WeightedCutout> cutouts(values.size());
  for (const float v : values) frames.emplace_back(5, 4, v);
  for (std::size_t f = 0; f < values.size(); ++f) {
    cutouts[f].samples = frames[f].view();
    cutouts[f].weight = cutouts[f].quiet_weight = 1;
    cutouts[f].noise = 1;
  }
  const auto expected = [&](std::size_t chunk) {
    double total = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += chunk) {
      double partial = 0;
      for (std::size_t f = begin; f < std::min(begin + chunk, values.size()); ++f) partial += values[f];
      total += partial;
    }
    return total;
  };
  std::set<double> sums;
  for (const int chunk : {1, 2, 3, 4, 5, 9, 64}) {
    const double sum = expected(static_cast<std::size_t>(chunk)), mean = sum / 9;
    sums.insert(sum);
    const std::vector<double> doubles(values.begin(), values.end());
    EXPECT_EQ(frame_sum(doubles, chunk), sum) << chunk;
    EXPECT_EQ(bits(weighted_mean(cutouts, 5, 4, chunk, {}, nullptr).mean.at(2, 1)),
              bits(static_cast<float>(mean)))
        << chunk;
    EXPECT_EQ(sampled_mean(cutouts, 5, 4, chunk).at(2, 0), mean) << chunk;
    const Plane<std::uint8_t> plain(5, 4, 1);
    auto weighted = cutouts;
    for (auto& cutout : weighted) cutout.weight = 3;
    EXPECT_EQ(bits(weighted_mean(weighted, 5, 4, chunk, {}, &plain).mean.at(2, 1)),
              bits(static_cast<float>(mean)))
        << chunk;
  }
  EXPECT_GE(sums.size(), 3u) << "the chunks have to show";
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/tile/compute_tile.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/gradient.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {
namespace {

// A small night: frames of 40 x 23 px with noise of their own, some with invalid borders.
struct Night {
  std::vector<Plane<float>> frames;
  FrameMetrics metrics;

  explicit Night(int count, unsigned seed = 1) {
    std::mt19937 rng(seed);
    metrics.channels.resize(1);
    for (int f = 0; f < count; ++f) {
      std::normal_distribution<float> noise(100.0f + static_cast<float>(f),
                                            2.0f + 0.3f * static_cast<float>(f % 3));
      Plane<float> p(40, 23);
      for (float& v : p.samples()) v = noise(rng);
      for (int y = 0; y < 23; ++y)
        for (int x = 0; x < f % 4; ++x) p.at(x, y) = std::nanf("");
      frames.push_back(p);
      FrameChannel c;
      c.background = 100 + f;
      c.normalization.gain = 1.0 / c.background;
      c.weight = 0.5 + 0.1 * f;
      metrics.channels[0].push_back(c);
    }
  }

  TileInput input(const Box& box) const {
    TileInput in;
    in.box = box;
    in.metrics = &metrics;
    in.cutouts.resize(1);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      in.cutouts[0].push_back({frames[f].view(box), 0});
      in.frame_index.push_back(static_cast<int>(f));
    }
    return in;
  }
};

// The structure metrics, weights and mean of the method with obvious loops.
Plane<float> naive_reconstruction(const Night& night, const Box& box, const TileInput& in,
                                  std::vector<double>* weights) {
  std::vector<double> energy, background;
  for (std::size_t f = 0; f < night.frames.size(); ++f) {
    Distribution d;
    d.assign(night.frames[f].view(box), 0);
    const Clipped c = clip(d, 0);
    const double gain = night.metrics.channels[0][f].normalization.gain;
    energy.push_back(gradient_energy(night.frames[f].view(box)).mean * gain * gain / (c.scale * gain));
    background.push_back(c.location * gain);
  }
  const auto ze = z_scores(energy), zb = z_scores(background);
  for (std::size_t f = 0; f < night.frames.size(); ++f) {
    const double q = std::min(3.0, std::max(-3.0, 0.7 * ze[f] - 0.3 * zb[f]));
    weights->push_back(night.metrics.channels[0][f].weight * exact_exp(q));
  }
  Plane<float> result(box.w, box.h, std::nanf(""));
  for (int y = 0; y < box.h; ++y)
    for (int x = 0; x < box.w; ++x) {
      double num = 0, den = 0;
      for (std::size_t begin = 0; begin < night.frames.size();
           begin += static_cast<std::size_t>(in.reconstruction.frame_chunk)) {
        double chunk_num = 0, chunk_den = 0;
        for (std::size_t f = begin;
             f <
             std::min(night.frames.size(), begin + static_cast<std::size_t>(in.reconstruction.frame_chunk));
             ++f) {
          const float v = night.frames[f].at(box.x0 + x, box.y0 + y);
          if (std::isnan(v)) continue;
          chunk_num += (*weights)[f] * (v * night.metrics.channels[0][f].normalization.gain);
          chunk_den += (*weights)[f];
        }
        num += chunk_num;
        den += chunk_den;
      }
      if (den > 0) result.at(x, y) = static_cast<float>(num / den);
    }
  return result;
}

TEST(ComputeTile, AgreesWithObviousLoopsBitByBit) {
  for (int chunk : {1, 2, 64}) {
    const Night night(7);
    const Box box{3, 2, 31, 17};
    TileInput in = night.input(box);
    in.reconstruction.frame_chunk = chunk;
    const TileResult result = compute_tile(in);
    ASSERT_EQ(result.kind, TileKind::kStructure);
    std::vector<double> weights;
    const Plane<float> expected = naive_reconstruction(night, box, in, &weights);
    EXPECT_EQ(result.channels[0].frame_weight, weights);
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(result.channels[0].pixels.at(x, y)),
                  std::bit_cast<std::uint32_t>(expected.at(x, y)))
            << "chunk " << chunk << " x " << x << " y " << y;
  }
}

TEST(ComputeTile, PixelsLieBetweenTheirInputsAndCoverageCountsThem) {
  const Night night(6, 9);
  const Box box{0, 0, 40, 23};
  const TileResult result = compute_tile(night.input(box));
  for (int y = 0; y < box.h; ++y)
    for (int x = 0; x < box.w; ++x) {
      double low = INFINITY, high = -INFINITY;
      int covered = 0;
      for (std::size_t f = 0; f < night.frames.size(); ++f) {
        const float v = night.frames[f].at(x, y);
        if (std::isnan(v)) continue;
        const double n = night.metrics.channels[0][f].normalization(v);
        low = std::min(low, n);
        high = std::max(high, n);
        ++covered;
      }
      EXPECT_EQ(result.channels[0].coverage.at(x, y), covered);
      EXPECT_GE(result.channels[0].pixels.at(x, y), static_cast<float>(low));
      EXPECT_LE(result.channels[0].pixels.at(x, y), static_cast<float>(high));
    }
}

TEST(ComputeTile, ConstantFramesGiveAConstantTile) {
  Night night(5);
  for (std::size_t f = 0; f < night.frames.size(); ++f)
    night.frames[f] = Plane<float>(40, 23, static_cast<float>(night.metrics.channels[0][f].background));
  const TileResult result = compute_tile(night.input({0, 0, 40, 23}));
  for (float v : result.channels[0].pixels.samples()) EXPECT_FLOAT_EQ(v, 1.0f);
  EXPECT_FALSE(result.channels[0].fallback_used);
}

TEST(ComputeTile, AFrameThatHardlyCoversTheTileGetsTheMedianQuality) {
  Night night(5);
  for (int y = 0; y < 23; ++y)
    for (int x = 0; x < 30; ++x) night.frames[2].at(x, y) = std::nanf("");
  const TileResult result = compute_tile(night.input({0, 0, 40, 23}));
  const auto& q = result.channels[0].quality;
  EXPECT_EQ(q[2], median({q[0], q[1], q[3], q[4]}));
  EXPECT_GT(result.channels[0].frame_weight[2], 0);
}

TEST(ComputeTile, APixelWithoutFramesIsNaNWithCoverageZero) {
  Night night(3);
  for (auto& frame : night.frames) frame.at(5, 5) = std::nanf("");
  const TileResult result = compute_tile(night.input({0, 0, 40, 23}));
  EXPECT_TRUE(std::isnan(result.channels[0].pixels.at(5, 5)));
  EXPECT_EQ(result.channels[0].coverage.at(5, 5), 0);
  EXPECT_EQ(result.channels[0].weight.at(5, 5), 0);
}

TEST(ComputeTile, ChannelsNeverMix) {
  const Night a(5, 1), b(5, 2), c(5, 3);
  FrameMetrics metrics;
  metrics.channels = {a.metrics.channels[0], b.metrics.channels[0], a.metrics.channels[0]};
  const Box box{0, 0, 40, 23};
  TileInput rgb = a.input(box);
  rgb.metrics = &metrics;
  rgb.cutouts = {a.input(box).cutouts[0], b.input(box).cutouts[0], a.input(box).cutouts[0]};
  const TileResult first = compute_tile(rgb);
  rgb.cutouts[2] = c.input(box).cutouts[0];
  const TileResult second = compute_tile(rgb);
  EXPECT_NE(first.channels[2].frame_weight, second.channels[2].frame_weight);
  for (std::size_t channel : {0u, 1u}) {
    EXPECT_EQ(first.channels[channel].frame_weight, second.channels[channel].frame_weight);
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(first.channels[channel].pixels.at(x, y)),
                  std::bit_cast<std::uint32_t>(second.channels[channel].pixels.at(x, y)));
  }
}

TEST(WeightedMean, TinyWeightsFallBackToThePlainMean) {
  const Plane<float> a(3, 2, 1.0f), b(3, 2, 3.0f);
  const WeightedMean mean = weighted_mean({{a.view(), {}, 1e-9}, {b.view(), {}, 1e-8}}, 3, 2, 64);
  EXPECT_TRUE(mean.fallback_used);
  for (float v : mean.mean.samples()) EXPECT_EQ(v, 2.0f);
}

template <class T>
void expect_same_bytes(const Plane<T>& found, const Plane<T>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(T)), 0) << what;
}

// Frames whose sums depend on their order; weights so small in places that the plain mean is used there.
TEST(WeightedMean, PartialSumsOfChunksGiveTheSameBits) {
  constexpr int kWidth = 13, kHeight = 7, kFrames = 23;
  std::vector<Plane<float>> frames;
  Plane<float> ramp(kWidth, kHeight);
  for (int x = 0; x < kWidth; ++x)
    for (int y = 0; y < kHeight; ++y) ramp.at(x, y) = 0.07f * static_cast<float>(x + 1);
  for (int f = 0; f < kFrames; ++f) {
    frames.emplace_back(kWidth, kHeight);
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x)
        frames.back().at(x, y) = (x + f) % 5 == 0 || (y == 4 && x < 4)
                                     ? std::nanf("")
                                     : 100.0f + 0.37f * static_cast<float>((x * 31 + y * 17 + f * f) % 101);
  }
  for (const double smallest : {1e-9, 0.3}) {
    std::vector<WeightedCutout> all;
    for (int f = 0; f < kFrames; ++f)
      all.push_back({frames[static_cast<std::size_t>(f)].view(),
                     {0.1 * f, 1.0 / (3 + f), 0.25},
                     (f % 5 == 1 ? 1 : smallest) / (1.0 + f),
                     1,
                     0.1 + 0.01 * f,
                     f % 2 == 0 ? &ramp : nullptr,
                     nullptr});
    for (const int chunk : {1, 3, 8, 23, 64}) {
      std::vector<PartialSums> parts, samples;
      for (int first = 0; first < kFrames; first += chunk)
        for (const bool sampled : {false, true})
          (sampled ? samples : parts)
              .push_back(partial_sums({all.begin() + first, all.begin() + std::min(first + chunk, kFrames)},
                                      kWidth, kHeight, sampled));
      std::vector<const PartialSums*> parts_in_order, samples_in_order;
      for (const PartialSums& part : parts) parts_in_order.push_back(&part);
      for (const PartialSums& part : samples) samples_in_order.push_back(&part);
      const WeightedMean expected = weighted_mean(all, kWidth, kHeight, chunk);
      const WeightedMean found = join_partial_sums(parts_in_order, kWidth, kHeight);
      EXPECT_EQ(found.fallback_used, expected.fallback_used);
      EXPECT_EQ(expected.fallback_used, smallest < 1e-6);
      const std::string what = "chunk " + std::to_string(chunk);
      expect_same_bytes(found.mean, expected.mean, what);
      expect_same_bytes(found.coverage, expected.coverage, what);
      expect_same_bytes(found.weight, expected.weight, what);
      expect_same_bytes(found.variance, expected.variance, what);
      expect_same_bytes(found.effective_frames, expected.effective_frames, what);
      expect_same_bytes(join_sampled_mean(samples_in_order, kWidth, kHeight),
                        sampled_mean(all, kWidth, kHeight, chunk), what);
    }
  }
}

TEST(WeightedMean, FrameSumRunsInChunks) {
  const std::vector<double> v = {1e16, 1, 1, -1e16, 1};
  EXPECT_EQ(frame_sum(v, 2), ((1e16 + 1) + (1 + -1e16)) + 1);
  EXPECT_EQ(frame_sum(v, 64), (((1e16 + 1) + 1) + -1e16) + 1);
}

}  // namespace
}  // namespace tilecompile

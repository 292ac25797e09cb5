// How long the kernels take, in seconds a sample ("600p" is 0.6 ns), and what they read and write of memory
// as a share of what one thread can read ("of memory"; 1: no faster way exists). A measurement, not a test:
//   cmake --preset release -DTILECOMPILE_BENCH=ON && cmake --build --preset release --target bench_kernels
//   TILECOMPILE_VECTORS=avx2 build/release/tests/bench_kernels
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "tile/local_sky.hpp"
#include "tile/noise_guard.hpp"
#include "tile/pixel_statistics.hpp"
#include "tile/rejection.hpp"
#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/decode_samples.hpp"
#include "tilecompile/image/gradient.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/vector_level.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {
namespace {

constexpr int kSide = 96, kFrames = 200;
constexpr double kFwhmPx = 3;

// Bytes that one thread reads of memory in a second: the best of some runs through more than any cache holds.
double memory_rate() {
  static const double rate = [] {
    constexpr int kTurns = 7, kLanes = 16;
    const std::vector<float> floats(std::size_t{1} << 27, 1.0F);
    double best_s = 1e9;
    for (int turn = 0; turn < kTurns; ++turn) {
      float sums[kLanes] = {};
      const auto began = std::chrono::steady_clock::now();
      for (std::size_t i = 0; i < floats.size(); i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += floats[i + lane];
      benchmark::DoNotOptimize(sums);
      best_s =
          std::min(best_s, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    return static_cast<double>(floats.size() * sizeof(float)) / best_s;
  }();
  return rate;
}

// `bytes`: of a sample, read and written.
void count_samples(benchmark::State& state, double samples, double bytes) {
  using benchmark::Counter;
  state.counters["s/sample"] = Counter(samples, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["of memory"] = Counter(samples * bytes / memory_rate(), Counter::kIsIterationInvariantRate);
}

// A star in the middle of codes with noise.
Plane<float> star_field(int side, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> noise(0, 20);
  Plane<float> plane(side, side);
  const double middle = side / 2 + 0.3, sigma = kFwhmPx / 2.3548;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const double r2 = (x - middle) * (x - middle) + (y - middle) * (y - middle);
      plane.at(x, y) =
          static_cast<float>(std::round(1000 + 5000 * std::exp(-0.5 * r2 / (sigma * sigma)) + noise(rng)));
    }
  return plane;
}

/// The frames of one tile.
struct Tile {
  std::vector<Plane<float>> frames;
  std::vector<WeightedCutout> cutouts;
  Tile() {
    for (unsigned f = 0; f < kFrames; ++f) frames.push_back(star_field(kSide, f));
    for (const Plane<float>& frame : frames)
      cutouts.push_back({frame.view(), {1000, 1, 0}, 1, 0.5, 20, nullptr, nullptr});
  }
  static constexpr double kSamples = double{kFrames} * kSide * kSide;
};
const Tile& tile() {
  static const Tile one;
  return one;
}

void decode(benchmark::State& state) {
  constexpr std::size_t kCodes = 1 << 16;
  std::vector<unsigned char> raw(2 * kCodes, 0x5a);
  std::vector<float> out(kCodes);
  for (auto _ : state) {
    decode_samples(raw.data(), kCodes, 16, {1, 32768, false, 0}, false, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  count_samples(state, kCodes, 6);
}
BENCHMARK(decode);

void median_of_a_plane(benchmark::State& state) {
  const Plane<float> plane = star_field(kSide, 1);
  const std::vector<double> values(plane.samples().begin(), plane.samples().end());
  for (auto _ : state) benchmark::DoNotOptimize(median(values));
  count_samples(state, static_cast<double>(values.size()), 8);
}
BENCHMARK(median_of_a_plane);

void clip_of_codes(benchmark::State& state) {
  const Plane<float> plane = star_field(512, 1);
  Distribution samples;
  for (auto _ : state) {
    samples.assign(plane.view(), 1);
    benchmark::DoNotOptimize(clip(samples, 1));
  }
  count_samples(state, static_cast<double>(plane.size()), 4);
}
BENCHMARK(clip_of_codes);

void clip_of_a_tile(benchmark::State& state) {
  const Plane<float> plane = star_field(64, 1);
  Distribution samples;
  for (auto _ : state) {
    samples.assign(plane.view(), 1);
    benchmark::DoNotOptimize(clip(samples, 1));
  }
  count_samples(state, static_cast<double>(plane.size()), 4);
}
BENCHMARK(clip_of_a_tile);

void clip_of_floats(benchmark::State& state) {
  Plane<float> plane = star_field(64, 1);
  for (float& v : plane.samples()) v = 1000.0F + 0.0717F * (v - 1000.0F);
  Distribution samples;
  for (auto _ : state) {
    samples.assign(plane.view(), 0);
    benchmark::DoNotOptimize(clip(samples, 0));
  }
  count_samples(state, static_cast<double>(plane.size()), 4);
}
BENCHMARK(clip_of_floats);

void gradient(benchmark::State& state) {
  const Plane<float> plane = star_field(512, 1);
  for (auto _ : state) benchmark::DoNotOptimize(gradient_energy(plane.view()));
  count_samples(state, static_cast<double>(plane.size()), 4);
}
BENCHMARK(gradient);

void gradient_of_whole_numbers(benchmark::State& state) {
  const Plane<float> plane = star_field(512, 1);
  for (auto _ : state) benchmark::DoNotOptimize(gradient_energy(plane.view(), true));
  count_samples(state, static_cast<double>(plane.size()), 4);
}
BENCHMARK(gradient_of_whole_numbers);

void star_fit(benchmark::State& state) {
  const Plane<float> plane = star_field(33, 1);
  for (auto _ : state) benchmark::DoNotOptimize(measure_star(plane.view(), 16, 16, 12));
  count_samples(state, 25 * 25, 4);
}
BENCHMARK(star_fit);

void median_and_mad_over_frames(benchmark::State& state) {
  const Tile& frames = tile();  // made before the clock starts
  for (auto _ : state) benchmark::DoNotOptimize(pixel_statistics(frames.cutouts, kSide, kSide));
  count_samples(state, Tile::kSamples, 4);
}
BENCHMARK(median_and_mad_over_frames);

void rejection(benchmark::State& state) {
  const Tile& frames = tile();  // made before the clock starts
  RejectionParams params;
  params.mode = RejectionParams::Mode::kSigmaClip;
  for (auto _ : state) benchmark::DoNotOptimize(reject_outliers(frames.cutouts, kSide, kSide, params));
  count_samples(state, Tile::kSamples, 4);
}
BENCHMARK(rejection);

void weighted_sum(benchmark::State& state) {
  const Tile& frames = tile();  // made before the clock starts
  for (auto _ : state) benchmark::DoNotOptimize(weighted_mean(frames.cutouts, kSide, kSide, 64));
  count_samples(state, Tile::kSamples, 4);
}
BENCHMARK(weighted_sum);

void sharp_and_quiet_sum(benchmark::State& state) {
  const Tile& frames = tile();  // made before the clock starts
  for (auto _ : state) benchmark::DoNotOptimize(sharp_and_quiet(frames.cutouts, kSide, kSide, 64, nullptr));
  count_samples(state, Tile::kSamples, 4);
}
BENCHMARK(sharp_and_quiet_sum);

void local_sky(benchmark::State& state) {
  FrameChannel frame;
  frame.noise = 20;
  keep_sky(frame, std::vector<double>(sky_mesh(1920, 1080).size(), 3));
  FrameMetrics metrics;
  metrics.channels = {std::vector<FrameChannel>(kFrames, frame)};
  metrics.image_width = 1920;
  metrics.image_height = 1080;
  TileInput input;
  input.box = {480, 480, kSide, kSide};
  input.metrics = &metrics;
  input.cutouts.resize(1);
  for (int f = 0; f < kFrames; ++f) {
    input.cutouts[0].push_back({tile().frames[static_cast<std::size_t>(f)].view(), 1, {}});
    input.frame_index.push_back(f);
  }
  for (auto _ : state) benchmark::DoNotOptimize(without_own_skies(input, 0));
  count_samples(state, Tile::kSamples, 8);
}
BENCHMARK(local_sky);

void noise_guard(benchmark::State& state) {
  const Plane<float> sharp = star_field(kSide, 1), quiet = star_field(kSide, 2);
  for (auto _ : state) benchmark::DoNotOptimize(guard_stars(sharp, quiet, {}, kFwhmPx));
  count_samples(state, kSide * kSide, 24);
}
BENCHMARK(noise_guard);

void overlap_add(benchmark::State& state) {
  Grid grid;
  grid.image_width = grid.image_height = grid.size = 512;
  grid.tiles = {{0, 0, 512, 512}};
  const Plane<float> plane = star_field(512, 1);
  const Plane<std::int32_t> coverage(512, 512, kFrames);
  const CoaddTile one{&plane, &coverage, &plane, &plane, &plane, nullptr, nullptr};
  for (auto _ : state) {
    OverlapAdd sum(grid);
    sum.add(0, one, {});
    benchmark::DoNotOptimize(sum.finish());
  }
  count_samples(state, static_cast<double>(plane.size()), 20.0 + OverlapAdd::kBytesAPixel);
}
BENCHMARK(overlap_add);

}  // namespace
}  // namespace tilecompile

int main(int argc, char** argv) {
  using tilecompile::VectorLevel;
  const char* const asked = std::getenv("TILECOMPILE_VECTORS");
  const std::string level = asked == nullptr ? "" : asked;
  if (level == "baseline") tilecompile::set_vector_level(VectorLevel::kBaseline);
  if (level == "avx2") tilecompile::set_vector_level(VectorLevel::kAvx2);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// The eight cases that every implementation of the method must pass, each through the parts that a run uses.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "same_bits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/coadd/checks.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/simulate/simulate.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// Simulated frames in a folder of their own, and runs over them.
class Nights {
 public:
  explicit Nights(int channels, int frames = 6) {
    SimulateOptions options;
    options.frames = frames;
    options.width = 131;
    options.height = 97;
    options.channels = channels;
    options.stars = 25;
    options.drift_px = 20;
    options.bad_fraction = 0.2;
    options.threads = 1;
    simulate(options, folder_ / "night");
  }
  fs::path frames() const { return folder_ / "night/frames"; }
  RunOutcome run(const fs::path& input_dir, int threads = 2, int batch = 0) const {
    RunRequest request;
    request.config.input.dir = input_dir.string();
    request.config.output.dir = (folder_ / "out").string();
    request.config.method.tile.min_size = 32;
    request.config.method.tile.size_factor = 8;
    request.config.parallel.threads = threads;
    request.config.parallel.batch = batch;
    request.run_id = new_uuid();
    request.quiet = true;
    return run_local(request);
  }
  /// Copies the frames with `change` applied to their planes.
  template <class Change>
  fs::path changed(const std::string& name, Change change) const {
    fs::create_directory(folder_ / name);
    for (const auto& item : fs::directory_iterator(frames())) {
      Image image = FrameReader(item.path(), ZeroIsNodata::kAlways).read_all();
      change(image);
      write_image(folder_ / name / item.path().filename(), image, {});
    }
    return folder_ / name;
  }

 private:
  TempDir folder_;
};

const NamedCheck& check_of(const RunOutcome& outcome, const std::string& name) {
  for (const NamedCheck& check : outcome.record.checks)
    if (check.name == name) return check;
  throw std::runtime_error("no check " + name);
}

TEST(Normative, WeightsSumToOne) {
  const TempDir folder;
  std::ofstream(folder / "run.yaml") << "global_metrics: {weights: {noise: 0.31}}\n";
  EXPECT_THROW(load_run_config(folder / "run.yaml", {}), UsageError);
  EXPECT_TRUE(check_weights_sum({}).passed);
}

TEST(Normative, QualityIsClampedBeforeTheExponential) {
  FrameMetrics metrics;
  metrics.channels.assign(1, std::vector<FrameChannel>(9));
  for (std::size_t f = 0; f < 9; ++f) {
    metrics.channels[0][f].background = 400 + static_cast<double>(f);
    metrics.channels[0][f].noise = 0.05;
  }
  metrics.channels[0][3].background = 40000;
  metrics.channels[0][5].gradient_energy = 1000;
  for (const Clamp clamp : {Clamp{-3, 3}, Clamp{-0.5, 0.25}}) {
    GlobalMetricsParams params;
    params.clamp = clamp;
    weigh_frames(metrics, params);
    for (const FrameChannel& f : metrics.channels[0]) {
      EXPECT_GE(f.quality, clamp.low);
      EXPECT_LE(f.quality, clamp.high);
      EXPECT_EQ(f.weight, exact_exp(f.quality));
    }
    EXPECT_EQ(metrics.channels[0][3].weight, exact_exp(clamp.low));
    EXPECT_EQ(metrics.channels[0][5].weight, exact_exp(clamp.high));
  }
}

TEST(Normative, TileSizeGrowsWithTheSeeing) {
  for (const auto& [w, h] : {std::pair{3840, 2160}, {650, 500}, {131, 97}}) {
    int last = 0;
    for (double seeing = 0.1; seeing < 30; seeing += 0.07) {
      const int size = build_grid(w, h, seeing, {}).size;
      EXPECT_GE(size, last) << seeing;
      last = size;
    }
  }
}

TEST(Normative, OverlapIsAWholeNumberAndAlwaysTheSame) {
  for (const double overlap : {0.0, 0.1, 0.25, 0.33, 0.5})
    for (double seeing = 1; seeing < 9; seeing += 0.31) {
      GridParams params;
      params.overlap_fraction = overlap;
      const Grid a = build_grid(1999, 1201, seeing, params), b = build_grid(1999, 1201, seeing, params);
      EXPECT_EQ(a.overlap, static_cast<int>(overlap * a.size));
      EXPECT_EQ(a.step, a.size - a.overlap);
      EXPECT_EQ(a.tiles, b.tiles);
      std::set<int> starts;
      for (const Box& t : a.tiles) starts.insert(t.x0);
      for (const int x : starts) EXPECT_TRUE(x % a.step == 0 || x == 1999 - a.size) << x;
    }
}

TEST(Normative, TinyWeightsFallBackToThePlainMeanWithoutNaN) {
  Plane<float> a(7, 5, 100.0F), b(7, 5, 300.0F);
  a.at(3, 2) = b.at(3, 2) = std::nanf("");
  b.at(4, 2) = std::nanf("");
  std::vector<WeightedCutout> cutouts = {{a.view(), {}, 1e-9}, {b.view(), {}, 3e-9}};
  const WeightedMean mean = weighted_mean(cutouts, 7, 5, 64);
  EXPECT_TRUE(mean.fallback_used);
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 7; ++x) {
      if (x == 3 && y == 2)
        EXPECT_EQ(mean.coverage.at(x, y), 0);
      else
        EXPECT_EQ(mean.mean.at(x, y), x == 4 && y == 2 ? 100.0F : 200.0F) << x << " " << y;
    }
  // The lowest weight that the default clamps allow is far above the limit.
  cutouts[0].weight = cutouts[1].weight = exact_exp(-3) * exact_exp(-3);
  EXPECT_FALSE(weighted_mean(cutouts, 7, 5, 64).fallback_used);
}

TEST(Normative, ChannelsNeverMix) {
  const Nights nights(3);
  const RunOutcome before = nights.run(nights.changed("same", [](Image&) {}));
  unsigned spoil = 0;
  const RunOutcome after = nights.run(nights.changed("blue", [&](Image& image) {
    for (float& v : image[2].samples()) v = 2 * v + static_cast<float>(++spoil % 17);
  }));
  for (const char* name :
       {"classical.fits", "reconstruction.fits", "reconstruction.weight.fits", "stacked.fit"}) {
    const Image a = read_image(before.directory / name), b = read_image(after.directory / name);
    ASSERT_EQ(a.size(), 3u);
    expect_same_bits(a[0], b[0], std::string(name) + " red");
    expect_same_bits(a[1], b[1], std::string(name) + " green");
    EXPECT_NE(a[2].samples()[5000], b[2].samples()[5000]) << name;
  }
}

TEST(Normative, NoFrameIsDropped) {
  const Nights nights(1, 8);
  // One frame is a disaster: noise like nothing else.
  unsigned count = 0;
  const RunOutcome outcome = nights.run(nights.changed("disaster", [&](Image& image) {
    if (++count != 3) return;
    std::uint32_t random = 1;
    for (float& v : image[0].samples())
      v += static_cast<float>((random = random * 1664525U + 1013904223U) >> 24);
  }));
  EXPECT_TRUE(check_of(outcome, "every_frame_weighted").passed);
  const Image frames = read_image(outcome.directory / "classical.coverage.fits"),
              tiles = read_image(outcome.directory / "reconstruction.coverage.fits");
  expect_same_bits(frames[0], tiles[0], "coverage");
  EXPECT_EQ(*std::max_element(tiles[0].samples().begin(), tiles[0].samples().end()), 8.0F);
  std::ifstream table(outcome.directory / "frame_metrics.csv");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(table), {}, '\n'), 9);
}

TEST(Normative, TheSameFramesGiveTheSameBits) {
  const Nights nights(1);
  const RunOutcome first = nights.run(nights.frames(), 1, 1), second = nights.run(nights.frames(), 3, 5);
  ASSERT_EQ(first.record.products.size(), second.record.products.size());
  ASSERT_GE(first.record.products.size(), 3u);
  for (std::size_t p = 0; p < first.record.products.size(); ++p)
    EXPECT_EQ(first.record.products[p].digest, second.record.products[p].digest)
        << first.record.products[p].name;
  EXPECT_NE(first.record.run_id, second.record.run_id);
  EXPECT_EQ(first.record.config_hash, second.record.config_hash);
}

TEST(Normative, EveryCheckOfARunIsRecordedAndHolds) {
  const Nights nights(1);
  const RunOutcome outcome = nights.run(nights.frames());
  std::vector<std::string> names;
  for (const NamedCheck& check : outcome.record.checks) {
    EXPECT_TRUE(check.passed) << check.name << ": " << check.text;
    EXPECT_FALSE(check.text.empty()) << check.name;
    names.push_back(check.name);
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre(
                         "frames_min", "one_shape", "exposure_tolerance", "weights_sum",
                         "background_positive", "linear_data", "grid_covers_image", "window_sum_positive",
                         "tiles_complete", "every_frame_weighted", "reconstruction_finite_where_covered",
                         "stack_finite_where_covered"));
  std::ifstream file(outcome.directory / "run.json");
  EXPECT_EQ(nlohmann::json::parse(file).at("checks").size(), names.size());
}

}  // namespace
}  // namespace tilecompile

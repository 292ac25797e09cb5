// Which lies a master notices without computing the tile itself, by their size: the table of
// docs/operating.md.
#include <bit>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>

#include "dispatch/tile_check.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using Lie = std::function<void(Plane<float>& pixels, double noise, std::mt19937& rng)>;

void recommended(MethodConfig& m) {
  m.normalization.mode = NormalizationParams::Mode::kPhotometric;
  m.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
  m.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
  m.reconstruction.rejection.mode = RejectionParams::Mode::kSigmaClip;
  m.reconstruction.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
}

/// The tiles of a night of 40 frames, honestly computed.
class Bench {
 public:
  explicit Bench(const std::function<void(MethodConfig&)>& method) : night_(1, 40, method) {
    night_.job.analysis = &night_.analysis;
    night_.job.frame_chunk = night_.method.reconstruction.frame_chunk;
    night_.job.rejects = night_.method.reconstruction.rejection.mode != RejectionParams::Mode::kNone;
    night_.job.levels_skies = night_.method.reconstruction.local_sky != ReconstructionParams::LocalSky::kNone;
    RunContexts runs = night_.contexts();
    for (const TileTask& task : make_tasks(night_.job))
      execute_task(encode_task(task), runs, *night_.store, {"w", 1}, [&](const ResultMessage& r) {
        results_.push_back(r);
        files_.push_back(decode_tile_file(night_.store->get(r.data_ref)));
      });
    std::vector<double> noise;
    for (const FrameChannel& f : night_.analysis.metrics.channels[0]) noise.push_back(f.noise);
    frame_noise_ = median(noise);
  }
  /// Share of the tiles that are refused or odd when `lie` was told about each, in percent.
  double noticed(const Lie& lie) {
    std::mt19937 rng(17);
    int caught = 0;
    for (std::size_t t = 0; t < files_.size(); ++t) {
      TileFile file = files_[t];
      lie(file.pixels[0], frame_noise_, rng);
      const std::string bytes = encode_tile_file(file);
      night_.store->put(results_[t].data_ref, bytes);
      ResultMessage result = results_[t];
      result.data_checksum = sha256_hex(bytes);
      Distribution samples;
      samples.assign(file.pixels[0].view(), 0);
      result.tile_background = {clip(samples, 0).location};
      result.tile_median = {samples.median() - result.tile_background[0]};
      try {
        caught +=
            oddness_of_tile(night_.job, load_own_tile(night_.job, *night_.store, result)).empty() ? 0 : 1;
      } catch (const InputError&) {
        ++caught;
      }
    }
    return 100.0 * caught / static_cast<double>(files_.size());
  }
  std::size_t tiles() const { return files_.size(); }

 private:
  WholeNight night_;
  std::vector<ResultMessage> results_;
  std::vector<TileFile> files_;
  double frame_noise_ = 0;
};

Lie times(double factor) {
  return [factor](Plane<float>& p, double, std::mt19937&) {
    for (float& v : p.samples()) v = static_cast<float>(v * factor);
  };
}
/// A square of `side` pixels somewhere, brighter by `noises` times the noise of one frame.
Lie block(int side, double noises) {
  return [side, noises](Plane<float>& p, double noise, std::mt19937& rng) {
    const int x0 = static_cast<int>(rng() % static_cast<unsigned>(p.width() - side)),
              y0 = static_cast<int>(rng() % static_cast<unsigned>(p.height() - side));
    for (int y = y0; y < y0 + side; ++y)
      for (int x = x0; x < x0 + side; ++x) p.at(x, y) += static_cast<float>(noises * noise);
  };
}
/// A bit of one pixel's float turned over: a memory fault.
Lie flipped(int bit) {
  return [bit](Plane<float>& p, double, std::mt19937& rng) {
    float& v = p.samples()[rng() % p.size()];
    v = std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) ^ (1U << bit));
  };
}

TEST(Lies, LargeOnesAreNoticedWithoutAnAuditAndHonestTilesPass) {
  const std::vector<std::pair<std::string, Lie>> lies = {{"none", times(1)},
                                                         {"x 1.0001", times(1.0001)},
                                                         {"x 1.001", times(1.001)},
                                                         {"x 1.01", times(1.01)},
                                                         {"x 1.05", times(1.05)},
                                                         {"x 0.9", times(0.9)},
                                                         {"16 px + 0.5", block(4, 0.5)},
                                                         {"16 px + 1", block(4, 1)},
                                                         {"16 px + 3", block(4, 3)},
                                                         {"16 px + 10", block(4, 10)},
                                                         {"1 px + 1", block(1, 1)},
                                                         {"1 px + 3", block(1, 3)},
                                                         {"1 px + 10", block(1, 10)},
                                                         {"mantissa bit 15", flipped(15)},
                                                         {"mantissa bit 22", flipped(22)},
                                                         {"exponent bit 24", flipped(24)},
                                                         {"exponent bit 30", flipped(30)}};
  Bench v2([](MethodConfig&) {}), deep_sky(recommended);
  std::map<std::string, std::pair<double, double>> share;
  for (const auto& [name, lie] : lies) {
    share[name] = {v2.noticed(lie), deep_sky.noticed(lie)};
    std::cout << std::setw(18) << name << std::setw(8) << share[name].first << std::setw(8)
              << share[name].second << " % of " << v2.tiles() << " tiles\n";
  }
  EXPECT_LE(share["none"].first, 5);
  EXPECT_LE(share["none"].second, 5);
  for (const char* name : {"x 1.05", "x 0.9"}) {
    EXPECT_GE(share[name].first, 80) << name;
    EXPECT_GE(share[name].second, 80) << name;
  }
  EXPECT_GE(share["exponent bit 30"].first, 80);
  EXPECT_GE(share["16 px + 10"].second, 60);
}

}  // namespace
}  // namespace tilecompile

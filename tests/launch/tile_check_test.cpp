// Objects of workers that are whole and well-formed and yet not what was asked for: none is taken, live or
// from a journal, and honest ones of every method pass.
#include "dispatch/tile_check.hpp"

#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using Change = std::function<void(TileFile&)>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A night whose first tile was computed.
struct Computed {
  WholeNight night;
  ResultMessage result;
  TileFile file;

  explicit Computed(
      int channels = 1, const std::function<void(MethodConfig&)>& method = [](MethodConfig&) {})
      : night(channels, 7, method) {
    night.job.analysis = &night.analysis;
    night.job.frame_chunk = night.method.reconstruction.frame_chunk;
    result = compute(night.job).front();
    file = decode_tile_file(night.store->get(result.data_ref));
  }
  std::vector<ResultMessage> compute(const TileRound& round) {
    std::vector<ResultMessage> results;
    RunContexts runs = night.contexts();
    for (const TileTask& task : make_tasks(round))
      execute_task(encode_task(task), runs, *night.store, {"w", 1}, [&](const ResultMessage& r) {
        EXPECT_FALSE(r.failure) << r.failure->text;
        results.push_back(r);
      });
    return results;
  }
  /// Why the tile is refused after `change`; empty when it is taken.
  std::string refusal(const Change& change) {
    TileFile changed = file;
    change(changed);
    const std::string bytes = encode_tile_file(changed);
    night.store->put(result.data_ref, bytes);
    ResultMessage message = result;
    message.data_checksum = sha256_hex(bytes);
    return refusal(message);
  }
  std::string refusal(const ResultMessage& message) {
    try {
      load_own_tile(night.job, *night.store, message);
      return "";
    } catch (const InputError& e) {
      return e.what();
    }
  }
};

TEST(TileCheck, ATileOfAnotherRunConfigurationOrOtherFramesIsRefused) {
  Computed c;
  EXPECT_EQ(c.refusal([](TileFile&) {}), "");
  const std::vector<Change> origins = {
      [](TileFile& f) { f.run_id = "00000000-0000-4000-8000-000000000000"; },
      [](TileFile& f) { f.config_hash = std::string(64, 'b'); },
      [](TileFile& f) { f.frames_manifest_id = std::string(64, 'b'); },
      [](TileFile& f) { f.config_hash.clear(); },
  };
  for (const Change& origin : origins)
    EXPECT_NE(c.refusal(origin).find("another configuration"), std::string::npos) << c.refusal(origin);
  c.night.job.analysis = nullptr;
  for (const Change& origin : origins) EXPECT_NE(c.refusal(origin), "") << "also in one process";
}

TEST(TileCheck, TilesHaveTablesOfTheFramesAsTheRunSays) {
  Computed c;
  const Change without = [](TileFile& f) {
    for (auto* table : {&f.quality, &f.frame_weight, &f.rejected_low, &f.rejected_high})
      for (auto& row : *table) row.clear();
  };
  EXPECT_NE(c.refusal(without).find("another number of frames"), std::string::npos);
  c.night.analysis.metrics.frame_tables = false;
  EXPECT_EQ(c.refusal(without), "");
  EXPECT_NE(c.refusal([](TileFile&) {}).find("has FRAMES"), std::string::npos);
  const auto lie = [&](TileFile& f) {
    without(f);
    f.pixels[0].at(5, 4) = 3e38F;
  };
  EXPECT_NE(c.refusal(lie).find("the value"), std::string::npos) << "all other checks hold";
}

TEST(TileCheck, NumbersThatTheseFramesCannotGiveAreRefused) {
  Computed c;
  const std::vector<std::pair<const char*, Change>> lies = {
      {"the value", [](TileFile& f) { f.pixels[0].at(5, 4) = 3e38F; }},
      {"the value", [](TileFile& f) { f.pixels[0].at(5, 4) = -3e38F; }},
      {"COVERAGE", [](TileFile& f) { f.coverage[0].at(5, 4) = 8; }},
      {"COVERAGE", [](TileFile& f) { f.coverage[0].at(5, 4) -= 1; }},
      {"WEIGHT", [](TileFile& f) { f.weight[0].at(5, 4) = 1e6F; }},
      {"NEFF", [](TileFile& f) { f.effective_frames[0].at(5, 4) = 7.5F; }},
      {"NEFF", [](TileFile& f) { f.effective_frames[0].at(5, 4) = 0.5F; }},
      {"NEFF", [](TileFile& f) { f.effective_frames[0].at(5, 4) = kNan; }},
      {"VARIANCE", [](TileFile& f) { f.variance[0].at(5, 4) = -1e-6F; }},
      {"VARIANCE", [](TileFile& f) { f.variance[0].at(5, 4) = kNan; }},
      {"VARIANCE", [](TileFile& f) { f.variance[0].at(5, 4) = 1e30F; }},
      {"FRAMEWGT", [](TileFile& f) { f.frame_weight[0][2] = -1; }},
      {"FRAMEWGT", [](TileFile& f) { f.frame_weight[0][2] = INFINITY; }},
      {"FRAMEWGT", [](TileFile& f) { f.quality[0][2] = NAN; }},
      {"FRAMEWGT", [](TileFile& f) { f.frame_weight[0][2] *= 2; }},
      {"REJLOW", [](TileFile& f) { f.rejected_low[0][2] = -1; }},
      {"REJLOW", [](TileFile& f) { f.rejected_high[0][2] = 0.5; }},
      {"REJLOW", [](TileFile& f) { f.rejected_high[0][2] = 1e9; }},
      {"tile_median",
       [](TileFile& f) {
         for (float& v : f.pixels[0].samples()) v *= 1.001F;
       }},
      {"number of frames", [](TileFile& f) {
         for (auto* table : {&f.quality, &f.frame_weight, &f.rejected_low, &f.rejected_high})
           table->front().pop_back();
       }}};
  for (const auto& [word, lie] : lies) {
    const std::string why = c.refusal(lie);
    EXPECT_NE(why.find("cannot come from these frames"), std::string::npos) << word << ": " << why;
    EXPECT_NE(why.find(word), std::string::npos) << word << ": " << why;
    EXPECT_NE(why.find("worker w"), std::string::npos) << why;
  }
}

TEST(TileCheck, AMessageThatIsNotOfItsObjectIsRefused) {
  Computed c;
  const std::vector<std::function<void(ResultMessage&)>> lies = {
      [](ResultMessage& r) { r.sum_weights[0] *= 1.01; },
      [](ResultMessage& r) { r.sum_weights[0] = -1; },
      [](ResultMessage& r) { r.tile_median[0] += 0.01; },
      [](ResultMessage& r) { r.tile_background[0] = NAN; },
      [](ResultMessage& r) { std::swap(r.data_shape[0], r.data_shape[1]), r.data_shape[0] += 1; },
      [](ResultMessage& r) {
        r.data_shape = {1, 2, 3};
      },
      [](ResultMessage& r) { r.tile_id = 1; },
      [](ResultMessage& r) { r.data_checksum = std::string(64, 'a'); },
  };
  for (std::size_t i = 0; i < lies.size(); ++i) {
    ResultMessage message = c.result;
    lies[i](message);
    EXPECT_NE(c.refusal(message), "") << i;
  }
  ResultMessage elsewhere = c.result;
  elsewhere.data_ref = c.night.run_id + "/elsewhere.fits";
  c.night.store->put(elsewhere.data_ref, c.night.store->get(c.result.data_ref));
  EXPECT_NE(c.refusal(elsewhere).find("of another tile or run"), std::string::npos);
}

TEST(TileCheck, HonestTilesOfEveryMethodPass) {
  const std::vector<std::function<void(MethodConfig&)>> methods = {
      [](MethodConfig&) {},
      [](MethodConfig& m) {
        m.normalization.mode = NormalizationParams::Mode::kPhotometric;
        m.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
        m.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
        m.reconstruction.rejection.mode = RejectionParams::Mode::kSigmaClip;
        m.reconstruction.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
        m.reconstruction.edge_feather_px = 8;
      },
      [](MethodConfig& m) { m.reconstruction.frame_chunk = 2; },
  };
  for (const int channels : {1, 3})
    for (const auto& method : methods) {
      Computed c(channels, method);
      c.night.job.levels_skies =
          c.night.method.reconstruction.local_sky != ReconstructionParams::LocalSky::kNone;
      const auto first = c.compute(c.night.job);
      for (const ResultMessage& r : first) EXPECT_EQ(c.refusal(r), "");
      const Clusters clusters{2, {0, 1, 0, 1, 1, 0, 0}};
      const std::string bytes = encode_clusters(clusters);
      c.night.store->put(clusters_key(c.night.run_id), bytes);
      TileRound second = c.night.job;
      second.first_round = &first;
      second.planes = 2 * channels;
      second.task_template.clusters = ObjectReference{clusters_key(c.night.run_id), sha256_hex(bytes)};
      const auto synthetic = c.compute(second);
      c.night.job = second;
      for (const ResultMessage& r : synthetic) EXPECT_EQ(c.refusal(r), "");
    }
}

}  // namespace
}  // namespace tilecompile

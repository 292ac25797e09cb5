#include "tilecompile/worker/execute_task.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "worker_night.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

std::vector<ResultMessage> execute(const std::string& bytes, RunContexts& runs, ObjectStore& store,
                                   const std::string& worker = "w") {
  std::vector<ResultMessage> results;
  execute_task(bytes, runs, store, {worker, 2}, [&](const ResultMessage& r) { results.push_back(r); });
  return results;
}

TEST(ExecuteTask, WritesTheTileThatTheNumericsGive) {
  for (const int channels : {1, 3}) {
    const WorkerNight night(channels);
    RunContexts runs = night.contexts();
    std::vector<Image> frames;
    for (int f = 0; f < 7; ++f) frames.push_back(night.source().open(f).read_all());
    int tiles = 0;
    for (const TileTask& task : night.tasks()) {
      const auto results = execute(encode_task(task), runs, *night.store);
      ASSERT_EQ(results.size(), task.tiles.size());
      for (std::size_t i = 0; i < results.size(); ++i, ++tiles) {
        const ResultMessage& r = results[i];
        ASSERT_FALSE(r.failure) << r.failure->text;
        EXPECT_EQ(r.tile_id, task.tiles[i].tile_id);
        EXPECT_EQ(r.correlation_id, task.correlation_id);
        EXPECT_EQ(r.worker_id, "w");
        EXPECT_EQ(r.attempt, 2);
        const Box& box = night.grid.tiles[static_cast<std::size_t>(r.tile_id)];
        TileInput input;
        input.box = box;
        input.metrics = &night.analysis.metrics;
        input.grid = night.method.tile;
        input.cutouts.resize(static_cast<std::size_t>(channels));
        for (int f = 0; f < 7; ++f) {
          input.frame_index.push_back(f);
          for (std::size_t c = 0; c < input.cutouts.size(); ++c)
            input.cutouts[c].push_back({frames[static_cast<std::size_t>(f)][c].view(box), 1});
        }
        const TileResult expected = compute_tile(input);
        const TileFile file = load_tile(*night.store, r, box, channels);
        EXPECT_EQ(file.run_id, night.run_id);
        for (std::size_t c = 0; c < input.cutouts.size(); ++c) {
          expect_same_bits(file.pixels[c], expected.channels[c].pixels, "pixels");
          expect_same_bits(file.weight[c], expected.channels[c].weight, "weight");
          EXPECT_EQ(file.coverage[c].samples(), expected.channels[c].coverage.samples());
          EXPECT_EQ(file.frame_weight[c], expected.channels[c].frame_weight);
          EXPECT_EQ(r.sum_weights[c], expected.channels[c].sum_weights);
          EXPECT_EQ(r.tile_median[c], expected.channels[c].median);
          EXPECT_EQ(r.tile_background[c], expected.channels[c].background);
        }
        EXPECT_EQ(r.data_shape,
                  channels == 3 ? (std::vector<int>{3, box.h, box.w}) : (std::vector<int>{box.h, box.w}));
      }
    }
    EXPECT_EQ(tiles, static_cast<int>(night.grid.tiles.size()));
  }
}

TEST(ExecuteTask, SameBytesForAnyWorkerMemoryAndRepeat) {
  const WorkerNight night;
  const std::string bytes = encode_task(night.tasks().front());
  RunContexts runs = night.contexts(), small = night.contexts(1);
  const auto first = execute(bytes, runs, *night.store);
  const auto again = execute(bytes, runs, *night.store, "another");
  const auto narrow = execute(bytes, small, *night.store, "third");
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].data_checksum, again[i].data_checksum);
    EXPECT_EQ(first[i].data_checksum, narrow[i].data_checksum);
    EXPECT_EQ(first[i].data_ref, again[i].data_ref);
  }
}

TEST(ExecuteTask, WrongHashesAreRefusedWithTheReason) {
  const WorkerNight night;
  const json good = json::parse(encode_task(night.tasks().front()));
  const std::string other(64, 'e');
  const auto failure_of = [&](const json& task) {
    RunContexts runs = night.contexts();
    const auto results = execute(task.dump(), runs, *night.store);
    EXPECT_FALSE(results.empty());
    for (const auto& r : results) EXPECT_TRUE(r.failure && r.data_checksum.empty() && r.data_ref.empty());
    return results.front().failure.value_or(TileFailure{});
  };
  const auto refused = [&](const char* word, auto change) {
    json task = good;
    change(task);
    const TileFailure failure = failure_of(task);
    EXPECT_EQ(failure.kind, ErrorKind::kInput) << word;
    EXPECT_NE(failure.text.find(word), std::string::npos) << failure.text;
  };
  refused("configuration", [&](json& t) { t["config_hash"] = other; });
  refused("manifest", [&](json& t) { t["frames_manifest_id"] = other; });
  refused("frame metrics", [&](json& t) { t["metrics_config"]["frame_metrics_checksum"] = other; });
  refused("input_stage", [&](json& t) { t["input_stage"] = "registered_normalized"; });
  refused("frames up to 7", [&](json& t) { t["frame_index_range"] = {0, 7}; });
  refused("leaves the image", [&](json& t) {
    for (json& tile : t["tiles"]) tile["tile_bbox"] = {120, 0, 32, 32};
  });
  json task = good;
  task["metrics_config"]["frame_metrics_ref"] = night.run_id + "/gone.json";
  EXPECT_EQ(failure_of(task).kind, ErrorKind::kTransient);
  EXPECT_FALSE(night.store->exists(tile_key(night.run_id, 1)));
}

TEST(ExecuteTask, AnUnreadableTaskIsThrown) {
  const WorkerNight night;
  RunContexts runs = night.contexts();
  const std::string good = encode_task(night.tasks().front());
  for (const std::string& bad : {std::string(), std::string("{}"), good.substr(1), good + "x"})
    EXPECT_THROW(execute(bad, runs, *night.store), InputError);
}

TEST(ExecuteTask, AFrameThatIsGoneFailsTheTileForNow) {
  const WorkerNight night;
  std::filesystem::remove(night.frames_dir() / night.manifest->frames[1].path);
  RunContexts runs = night.contexts();
  for (const auto& r : execute(encode_task(night.tasks().front()), runs, *night.store)) {
    ASSERT_TRUE(r.failure);
    EXPECT_EQ(r.failure->kind, ErrorKind::kTransient);
    EXPECT_NE(r.failure->text.find(night.manifest->frames[1].path), std::string::npos);
  }
}

// Takes its time, and refuses a key.
FaultyStore slow_store(ObjectStore& behind, const std::string& refused) {
  return {behind, [refused](const std::string& key) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            if (key == refused) throw TransientError("the store is full");
          }};
}

TEST(ExecuteTask, LargeTilesAreStoredBesideTheNextAndAnsweredInOrder) {
  const WorkerNight night(1, 7, [](MethodConfig& method) { method.tile.min_size = 64; });
  const TileTask task = night.tasks().front();
  ASSERT_GE(task.tiles.size(), 2u);
  ASSERT_GE(task.tiles.front().box.area(), 64u * 64u);
  RunContexts runs = night.contexts();
  FaultyStore store = slow_store(*night.store, tile_key(night.run_id, task.tiles.front().tile_id));
  std::vector<ResultMessage> results;
  execute_tiles(task, runs, store, {"w", 1}, [&](const ResultMessage& r) {
    results.push_back(r);
    EXPECT_EQ(r.tile_id, task.tiles[results.size() - 1].tile_id);
    EXPECT_GE(r.compute_seconds, 0.02);
    if (!r.failure) load_tile(*night.store, r, task.tiles[results.size() - 1].box, 1);
  });
  ASSERT_EQ(results.size(), task.tiles.size());
  ASSERT_TRUE(results.front().failure);
  EXPECT_EQ(results.front().failure->text, "the store is full");
  for (std::size_t i = 1; i < results.size(); ++i) EXPECT_FALSE(results[i].failure);
}

// Else the master would take a tile that is done for one over which the worker died.
TEST(ExecuteTask, WithCareATileIsAnsweredBeforeTheNextIsBegun) {
  const WorkerNight night(1, 7, [](MethodConfig& method) { method.tile.min_size = 64; });
  const TileTask task = night.tasks().front();
  RunContexts runs = night.contexts();
  FaultyStore store = slow_store(*night.store, "");
  std::size_t begun = 0, answered = 0;
  execute_tiles(
      task, runs, store, {"w", 1}, [&](const ResultMessage&) { ++answered; }, {},
      [&](const TaskTile&) {
        EXPECT_EQ(answered, begun++);
        return true;
      },
      false);
  EXPECT_EQ(answered, task.tiles.size());
}

TEST(ExecuteTask, ATaskThatIsLeftAnswersForWhatItHasStored) {
  const WorkerNight night(1, 7, [](MethodConfig& method) { method.tile.min_size = 64; });
  const TileTask task = night.tasks().front();
  RunContexts runs = night.contexts();
  std::size_t asked = 0, answered = 0;
  execute_tiles(
      task, runs, *night.store, {"w", 1}, [&](const ResultMessage&) { ++answered; }, {},
      [&](const TaskTile&) { return asked++ == 0; });
  EXPECT_EQ(answered, 1u);
}

// A task of the second round for the first row of tiles, after the first round was computed.
TileTask second_round_task(const WorkerNight& night, RunContexts& runs) {
  const Clusters clusters{2, {0, 1, 0, 1, 0, 1, 0}};
  const std::string bytes = encode_clusters(clusters);
  night.store->put(clusters_key(night.run_id), bytes);
  TileTask task = night.tasks().front();
  const auto first = execute(encode_task(task), runs, *night.store);
  for (std::size_t i = 0; i < first.size(); ++i) {
    task.tiles[i].data_ref = first[i].data_ref;
    task.tiles[i].data_checksum = first[i].data_checksum;
  }
  task.clusters = ObjectReference{clusters_key(night.run_id), sha256_hex(bytes)};
  return task;
}

TEST(ExecuteTask, ADamagedTileOfTheFirstRoundIsComputedAgainInTheSecond) {
  const WorkerNight night;
  RunContexts runs = night.contexts();
  TileTask task = second_round_task(night, runs);
  const auto undisturbed = execute(encode_task(task), runs, *night.store);
  const std::string& key = task.tiles.front().data_ref;
  const std::string good = night.store->get(key);
  for (const std::size_t at : {std::size_t{100}, good.size() / 2, good.size() - 1}) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    night.store->put(key, damaged);
    const auto results = execute(encode_task(task), runs, *night.store);
    ASSERT_EQ(results.size(), undisturbed.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      ASSERT_FALSE(results[i].failure) << results[i].failure->text;
      EXPECT_EQ(results[i].data_checksum, undisturbed[i].data_checksum);
    }
    EXPECT_EQ(night.store->get(key), good);
  }
  task.tiles.front().data_checksum = std::string(64, 'e');
  const auto refused = execute(encode_task(task), runs, *night.store).front();
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->kind, ErrorKind::kInput);
  EXPECT_NE(refused.failure->text.find("computing it again"), std::string::npos) << refused.failure->text;
  EXPECT_EQ(night.store->get(key), good);
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/dispatch/chunked_tiles.hpp"

#include <future>

#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

struct SetAtEnd {
  std::atomic<bool>& flag;
  ~SetAtEnd() { flag = true; }
};

/// Bytes of every tile, nothing of those that failed; `chunks` 0: whole tiles. The worker uses `store`.
std::vector<std::string> tiles_of(WholeNight& night, int chunks, ObjectStore& store,
                                  std::vector<ResultMessage>* results = nullptr) {
  const TempDir out;
  RunDirectory directory(out.path(), night.run_id);
  MemoryBroker broker;
  const auto master = broker.connect(), worker = broker.connect();
  worker->declare(compute_queue_spec(false));
  std::atomic<bool> stop{false};
  RunContexts runs = night.contexts();
  auto serving = std::async(std::launch::async, [&] { run_worker(*worker, store, runs, {"w", 2, 2}, stop); });
  const SetAtEnd stop_worker{stop};
  std::vector<std::string> tiles(night.grid.tiles.size());
  TestObserver observer([&](const ResultMessage& r, const TileFile& file) {
    EXPECT_EQ(file.tile_id, r.tile_id);
    EXPECT_TRUE(r.worker_id == (chunks == 0 ? "w" : "master") || night.job.journalled != nullptr);
    tiles[static_cast<std::size_t>(r.tile_id)] = night.store->get(r.data_ref);
    if (results != nullptr) (*results)[static_cast<std::size_t>(r.tile_id)] = r;
  });
  const RoundPlace place{*master, *night.store, directory};
  const TileLedger ledger =
      chunks == 0 ? dispatch_tiles(night.job, place, observer)
                  : dispatch_tiles_in_chunks({night.job, chunks, &night.method, &night.analysis.metrics},
                                             place, observer);
  EXPECT_TRUE(ledger.complete());
  return tiles;
}

void expect_same_tiles_in_chunks(WholeNight& night, const std::string& what) {
  const auto expected = tiles_of(night, 0, *night.store);
  for (const int chunks : {1, 2, 5}) {
    for (std::size_t t = 0; t < expected.size(); ++t)
      night.store->put(tile_key(night.run_id, static_cast<int>(t)), "gone");
    night.job.batch = chunks;
    // Bytes hold pixels, coverage, weight, variance, effective frames, quality and weights of the frames.
    EXPECT_TRUE(tiles_of(night, chunks, *night.store) == expected) << what << ", chunks " << chunks;
  }
}

void expect_same_tiles_of_any_chunk(int channels) {
  for (const int frame_chunk : {1, 2, 3}) {
    WholeNight night(channels, 7,
                     [&](MethodConfig& method) { method.reconstruction.frame_chunk = frame_chunk; });
    expect_same_tiles_in_chunks(night, "frame_chunk " + std::to_string(frame_chunk));
  }
}

TEST(ChunkedTiles, AnyNumberOfChunksGivesTheBytesOfWholeTiles) { expect_same_tiles_of_any_chunk(1); }

TEST(ChunkedTiles, AnyNumberOfChunksGivesTheBytesOfWholeTilesInColour) { expect_same_tiles_of_any_chunk(3); }

TEST(ChunkedTiles, SeeingModeEdgeRampsAndLevelledSkiesGiveTheSameBytes) {
  WholeNight night(1, 7, [](MethodConfig& method) {
    method.reconstruction.frame_chunk = 2;
    method.reconstruction.edge_feather_px = 6;
    method.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
    method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
    method.local_metrics.min_effective_fraction = 0.95;
  });
  expect_same_tiles_in_chunks(night, "seeing");
}

TEST(ChunkedTiles, APieceIsTriedAgainAndATileWithoutAllPiecesStaysAHole) {
  WholeNight night(1, 7, [](MethodConfig& method) { method.reconstruction.frame_chunk = 2; });
  auto expected = tiles_of(night, 0, *night.store);
  expected[1].clear();
  night.job.retry = {3, 0, 1, 0, 3};
  night.job.max_failed_tiles = 1;
  const auto piece_of = [&](int tile_id, TaskWork work) {
    TileTask task = night.job.task_template;
    task.work = work;
    task.first_frame = 2;
    task.last_frame = 3;
    return tile_part_key(task, tile_id);
  };
  std::atomic<int> left{1};
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == piece_of(0, TaskWork::kSum) && left-- > 0) throw TransientError("no space left");
    if (key == piece_of(1, TaskWork::kSample)) throw InputError("this piece never");
    EXPECT_NE(key, piece_of(1, TaskWork::kSum));
  });
  EXPECT_TRUE(tiles_of(night, 1, store) == expected);
  EXPECT_LT(left, 1);
  night.job.max_failed_tiles = 0;
  EXPECT_THROW(tiles_of(night, 1, store), InputError);
}

TEST(ChunkedTiles, TheLastTileOfAResumedRunMayFailLikeAnyOther) {
  WholeNight night(1, 7, [](MethodConfig& method) { method.reconstruction.frame_chunk = 2; });
  std::vector<ResultMessage> journal(night.grid.tiles.size());
  auto expected = tiles_of(night, 0, *night.store, &journal);
  expected[2].clear();
  journal[2] = {};
  night.job.journalled = &journal;
  night.job.max_failed_tiles = 1;
  night.job.stall_after_s = 1;  // the patience with input that is wrong
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key.find("/tile_parts/tile_000002") != std::string::npos) throw InputError("this piece never");
  });
  EXPECT_TRUE(tiles_of(night, 1, store) == expected);
}

TEST(ChunkedTiles, AReplacedPieceFailsTheTile) {
  WholeNight night;
  TileTask task = make_tasks(night.job).front();
  task.work = TaskWork::kSum;
  task.tiles.resize(1);
  task.tiles[0].data_ref = tile_weights_key(night.run_id, 0, true);
  task.tiles[0].data_checksum = std::string(64, 'a');
  night.store->put(task.tiles[0].data_ref, "{}");
  RunContexts runs = night.contexts();
  std::vector<ResultMessage> results;
  execute_task(encode_task(task), runs, *night.store, {"w", 1},
               [&](const ResultMessage& r) { results.push_back(decode_result(encode_result(r))); });
  ASSERT_EQ(results.size(), 1u);
  ASSERT_TRUE(results[0].failure);
  EXPECT_EQ(results[0].failure->kind, ErrorKind::kInput);
  EXPECT_EQ(results[0].part, (ResultPart{TaskWork::kSum, 0, 6}));
}

}  // namespace
}  // namespace tilecompile

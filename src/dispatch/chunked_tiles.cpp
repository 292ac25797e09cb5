#include "tilecompile/dispatch/chunked_tiles.hpp"

#include "adopt_journal.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "tilecompile/tile/tile_parts.hpp"

namespace tilecompile {
namespace {

using Results = std::vector<ResultMessage>;  // [tile]; without data_ref: the tile is not computed any more

/// Notes the pieces of one round over one range of frames.
class PieceObserver : public RoundObserver {
 public:
  PieceObserver(RoundObserver& outer, Results& results, std::vector<double>& seconds)
      : outer_(outer), results_(results), seconds_(seconds) {}
  void accept(const ResultMessage& result, TileFile /*none*/) override {
    results_[static_cast<std::size_t>(result.tile_id)] = result;
    seconds_[static_cast<std::size_t>(result.tile_id)] += result.compute_seconds;
  }
  void watch() override { outer_.watch(); }
  void check_stop() override { outer_.check_stop(); }

 private:
  RoundObserver& outer_;
  Results& results_;
  std::vector<double>& seconds_;
};

class ChunkedTiles {
 public:
  ChunkedTiles(const ChunkJob& job, const RoundPlace& place, RoundObserver& observer)
      : job_(job),
        place_(place),
        observer_(observer),
        ranges_(chunk_ranges(job.metrics->frame_count(), job.method->reconstruction.frame_chunk, job.chunks)),
        ledger_(job.tiles.task_template.run_id, static_cast<int>(job.tiles.grid->tiles.size())),
        seconds_(job.tiles.grid->tiles.size()) {}

  TileLedger run() {
    place_.directory.append_event("round_began", {{"round", "1"}});
    if (job_.tiles.journalled != nullptr) adopt_journal(job_.tiles, place_, observer_, ledger_);
    const std::vector<Results> measured = round(TaskWork::kMeasure, frame_metrics());
    Results weights(seconds_.size());
    each_open([&](int t) {
      const auto parts = pieces(measured, t, decode_metrics_part);
      put_weights(weigh_tile(parts, box(t), *job_.metrics, job_.method->local_metrics,
                             job_.method->global_metrics.max_frame_share),
                  weights);
    });
    const std::vector<Results> sampled = round(TaskWork::kSample, weights);
    each_open([&](int t) {
      TileWeights w = weights_of(weights, t);
      w.mean = join_sampled_rows(pieces(sampled, t, decode_sums_part), w);
      put_weights(w, weights);
    });
    const std::vector<Results> summed = round(TaskWork::kSum, weights);
    each_open([&](int t) { finish_tile(pieces(summed, t, decode_sums_part), weights_of(weights, t), t); });
    return ledger_;
  }

 private:
  const Box& box(int tile_id) const { return job_.tiles.grid->tiles[static_cast<std::size_t>(tile_id)]; }

  template <class Work>
  void each_open(const Work& work) {
    for (int t = 0; t < ledger_.tile_count(); ++t) {
      if (!ledger_.is_open(t)) continue;
      observer_.check_stop();
      work(t);
    }
  }

  // What the first round begins with.
  Results frame_metrics() const {
    ResultMessage metrics;
    metrics.data_ref = job_.tiles.task_template.metrics.ref;
    return Results(seconds_.size(), metrics);
  }

  // One piece of every open tile for each range of frames.
  std::vector<Results> round(TaskWork work, Results begin_with) {
    std::vector<Results> all;  // [range]
    for (const FrameRange& range : ranges_) {
      for (int t = 0; t < ledger_.tile_count(); ++t)
        if (!ledger_.is_open(t)) begin_with[static_cast<std::size_t>(t)].data_ref.clear();
      TileRound round = job_.tiles;
      round.task_template.work = work;
      round.task_template.first_frame = range.first;
      round.task_template.last_frame = range.last;
      round.first_round = &begin_with;
      round.journalled = nullptr;
      round.max_failed_tiles -= ledger_.failed();
      round.others_done = ledger_.done() > 0;
      RoundPlace place = place_;
      place.diagnostics = nullptr;
      place.own = nullptr;  // it computes whole tiles
      Results& results = all.emplace_back(seconds_.size());
      PieceObserver observer(observer_, results, seconds_);
      dispatch_tiles(round, place, observer);
      for (std::size_t t = 0; t < results.size(); ++t)
        if (results[t].data_ref.empty()) ledger_.fail(static_cast<int>(t));
    }
    return all;
  }

  template <class Piece>
  std::vector<Piece> pieces(const std::vector<Results>& rounds, int tile_id,
                            Piece (*decode)(std::string_view)) {
    std::vector<Piece> parts;
    for (const Results& results : rounds) {
      const ResultMessage& r = results[static_cast<std::size_t>(tile_id)];
      parts.push_back(decode(fetch_checked(place_.store, r.data_ref, r.data_checksum,
                                           "piece of tile " + std::to_string(tile_id))));
    }
    return parts;
  }

  TileWeights weights_of(const Results& weights, int tile_id) {
    const ResultMessage& r = weights[static_cast<std::size_t>(tile_id)];
    return decode_tile_weights(fetch_checked(place_.store, r.data_ref, r.data_checksum,
                                             "weights of tile " + std::to_string(tile_id)));
  }

  // The weights of a tile, put where the workers find them.
  void put_weights(const TileWeights& tile, Results& weights) {
    const std::string bytes = encode_tile_weights(tile);
    ResultMessage& result = weights[static_cast<std::size_t>(tile.tile_id)];
    result.data_ref = tile_weights_key(job_.tiles.task_template.run_id, tile.tile_id, !tile.mean.empty());
    result.data_checksum = sha256_hex(bytes);
    place_.store.put(result.data_ref, bytes);
  }

  void finish_tile(const std::vector<TileSumsPart>& parts, const TileWeights& weights, int tile_id) {
    const TileTask& task = job_.tiles.task_template;
    const TaskTile tile{tile_id, box(tile_id), 0, "", ""};
    ResultMessage result;
    result.correlation_id = new_uuid();
    result.run_id = task.run_id;
    result.tile_id = tile_id;
    result.worker_id = kMasterName;
    store_tile(task, tile, join_tile(parts, weights, job_.method->reconstruction.frame_chunk),
               job_.metrics->frame_tables, place_.store, result);
    result.compute_seconds = seconds_[static_cast<std::size_t>(tile_id)];
    ledger_.offer(result);
    place_.directory.append_journal(encode_result(result));
    observer_.accept(result, load_tile(place_.store, result, tile.box, job_.tiles.planes));
    observer_.progress(ledger_.done());
  }

  const ChunkJob& job_;
  const RoundPlace& place_;
  RoundObserver& observer_;
  const std::vector<FrameRange> ranges_;
  TileLedger ledger_;
  std::vector<double> seconds_;  // [tile] computing its pieces took
};

}  // namespace

TileLedger dispatch_tiles_in_chunks(const ChunkJob& job, const RoundPlace& place, RoundObserver& observer) {
  return ChunkedTiles(job, place, observer).run();
}

}  // namespace tilecompile

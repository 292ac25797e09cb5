#include "tilecompile/run/chunked_tiles.hpp"

#include "adopt_journal.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/run/execute_task.hpp"
#include "tilecompile/run/run_contexts.hpp"
#include "tilecompile/tile/tile_parts.hpp"

namespace tilecompile {
namespace {

using Results = std::vector<ResultMessage>;  // [tile]; without data_ref: the tile is not computed any more

class ChunkedTiles {
 public:
  ChunkedTiles(const ChunkJob& job, Transport& transport, ObjectStore& store, RunDirectory& directory,
               const AcceptTile& accept)
      : job_(job),
        transport_(transport),
        store_(store),
        directory_(directory),
        accept_(accept),
        ranges_(chunk_ranges(job.metrics->frame_count(), job.method->reconstruction.frame_chunk, job.chunks)),
        ledger_(job.tiles.task_template.run_id, static_cast<int>(job.tiles.grid->tiles.size())),
        seconds_(job.tiles.grid->tiles.size()) {}

  TileLedger run() {
    directory_.append_event("round_began", {{"round", "1"}});
    if (job_.tiles.journalled != nullptr) adopt_journal(job_.tiles, ledger_, store_, directory_, accept_);
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
      job_.tiles.check_stop();
      work(t);
    }
  }

  double& seconds_of(int tile_id) { return seconds_[static_cast<std::size_t>(tile_id)]; }

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
      DispatchJob job = job_.tiles;
      job.task_template.work = work;
      job.task_template.first_frame = range.first;
      job.task_template.last_frame = range.last;
      job.first_round = &begin_with;
      job.journalled = nullptr;
      job.diagnostics = nullptr;
      job.max_failed_tiles -= ledger_.failed();
      job.progress = [](int) {};
      job.load = [this](const ResultMessage& r) {
        fetch_checked(store_, r.data_ref, r.data_checksum, "piece of tile " + std::to_string(r.tile_id));
        return TileFile{};
      };
      Results& results = all.emplace_back(seconds_.size());
      dispatch_tiles(job, transport_, store_, directory_, [&](const ResultMessage& r, const TileFile&) {
        results[static_cast<std::size_t>(r.tile_id)] = r;
        seconds_of(r.tile_id) += r.compute_seconds;
      });
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
      parts.push_back(decode(
          fetch_checked(store_, r.data_ref, r.data_checksum, "piece of tile " + std::to_string(tile_id))));
    }
    return parts;
  }

  TileWeights weights_of(const Results& weights, int tile_id) {
    const ResultMessage& r = weights[static_cast<std::size_t>(tile_id)];
    return decode_tile_weights(
        fetch_checked(store_, r.data_ref, r.data_checksum, "weights of tile " + std::to_string(tile_id)));
  }

  // The weights of a tile, put where the workers find them.
  void put_weights(const TileWeights& tile, Results& weights) {
    const std::string bytes = encode_tile_weights(tile);
    ResultMessage& result = weights[static_cast<std::size_t>(tile.tile_id)];
    result.data_ref = tile_weights_key(job_.tiles.task_template.run_id, tile.tile_id, !tile.mean.empty());
    result.data_checksum = sha256_hex(bytes);
    store_.put(result.data_ref, bytes);
  }

  void finish_tile(const std::vector<TileSumsPart>& parts, const TileWeights& weights, int tile_id) {
    const TileTask& task = job_.tiles.task_template;
    const TaskTile tile{tile_id, box(tile_id), 0, "", ""};
    ResultMessage result;
    result.correlation_id = new_uuid();
    result.run_id = task.run_id;
    result.tile_id = tile_id;
    result.worker_id = "master";
    store_tile(task, tile, join_tile(parts, weights, job_.method->reconstruction.frame_chunk), store_,
               result);
    result.compute_seconds = seconds_of(tile_id);
    ledger_.offer(result);
    directory_.append_journal(encode_result(result));
    accept_(result, load_tile(store_, result, tile.box, job_.tiles.planes));
    job_.tiles.progress(ledger_.done());
  }

  const ChunkJob& job_;
  Transport& transport_;
  ObjectStore& store_;
  RunDirectory& directory_;
  const AcceptTile& accept_;
  const std::vector<FrameRange> ranges_;
  TileLedger ledger_;
  std::vector<double> seconds_;  // [tile] computing its pieces took
};

}  // namespace

TileLedger dispatch_tiles_in_chunks(const ChunkJob& job, Transport& transport, ObjectStore& store,
                                    RunDirectory& directory, const AcceptTile& accept) {
  return ChunkedTiles(job, transport, store, directory, accept).run();
}

}  // namespace tilecompile

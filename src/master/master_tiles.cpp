#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "master_run.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/coadd/stack.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/chunked_tiles.hpp"
#include "tilecompile/dispatch/task_size.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/master/synthetic_round.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "weighted_stack.hpp"

namespace tilecompile {
namespace {

// Key of the random numbers: the frames' content in order, so that renaming files changes nothing.
std::uint64_t content_key(const Manifest& manifest) {
  std::string all;
  for (const ManifestEntry& f : manifest.frames) all += f.sha256;
  return std::stoull(sha256_hex(all).substr(0, 16), nullptr, 16);
}

std::string synthetic_name(int cluster) {
  char name[32];
  std::snprintf(name, sizeof name, "syn_%02d", cluster);
  return name;
}

}  // namespace

/// What a round tells the run and asks of it.
class MasterRun::Observer : public RoundObserver {
 public:
  using Accept = std::function<void(const ResultMessage&, TileFile)>;
  Observer(MasterRun& run, Progress& progress, Accept accept)
      : run_(run), progress_(progress), accept_(std::move(accept)) {}
  void accept(const ResultMessage& result, TileFile file) override { accept_(result, std::move(file)); }
  void taken_over(int tiles) override { run_.record_.resumed_tiles += tiles; }
  void progress(int tiles) override { progress_.update(tiles); }
  void watch() override { run_.links_.watch(); }
  void check_stop() override { run_.check_stop(); }

 private:
  MasterRun& run_;
  Progress& progress_;
  Accept accept_;
};

TileRound MasterRun::tile_round() const {
  TileRound round;
  round.task_template.run_id = request_.run_id;
  round.task_template.config_hash = record_.config_hash;
  round.task_template.frames_manifest_id = record_.frames_manifest_id;
  round.task_template.last_frame = record_.frames - 1;
  round.task_template.metrics = {frame_metrics_key(request_.run_id), sha256_hex(metrics_json_)};
  round.grid = &grid_;
  round.planes = record_.channels;
  set_task_size(round, config_,
                {record_.width, record_.height, record_.channels, record_.frames, threads_, stack_seconds_});
  round.isolation = config_.parallel.isolation;
  round.quorum = config_.broker.queue_type == QueueType::kQuorum;
  round.retry = config_.retry;
  round.max_failed_tiles = config_.retry.max_failed_tiles;
  if (request_.resume) round.journalled = &journal_.first_round;
  if (request_.mode != "run") round.analysis = &analysis_;
  round.frame_chunk = config_.method.reconstruction.frame_chunk;
  round.levels_skies = config_.method.reconstruction.local_sky != ReconstructionParams::LocalSky::kNone;
  return round;
}

RoundPlace MasterRun::round_place() {
  return {*links_.transport, *links_.store, *directory_, nullptr, &results_end_};
}

void MasterRun::reconstruct() {
  clock_.start("reconstruct tiles");
  tiles_began_ = Clock::now();
  Progress progress("reconstructing tiles", "tiles", record_.tiles, request_.quiet);
  joiner_.emplace(grid_, analysis_.classical, config_.method.reconstruction.tile_rescale,
                  [this](const ResultMessage& r) {
                    return load_tile(*links_.store, r, grid_.tiles[static_cast<std::size_t>(r.tile_id)],
                                     record_.channels);
                  });
  std::optional<DiagnosticsCollector> diagnostics;
  if (config_.diagnostics.enabled)
    diagnostics.emplace(
        *links_.transport,
        DiagnosticsJob{config_.diagnostics, request_.run_id, config_.parallel.isolation, record_.tiles,
                       record_.channels, directory_->path() / "diagnostics.jsonl"});
  const TileRound round = tile_round();
  RoundPlace place = round_place();
  place.diagnostics = diagnostics ? &*diagnostics : nullptr;
  Observer observer(*this, progress, [this](const ResultMessage& result, TileFile file) {
    joiner_->accept(result, std::move(file));
  });
  const int chunks = config_.parallel.frame_chunks;
  const TileLedger ledger =
      chunks == 0
          ? dispatch_tiles(round, place, observer)
          : dispatch_tiles_in_chunks({round, chunks, &config_.method, &analysis_.metrics}, place, observer);
  if (diagnostics) record_.diagnostics = diagnostics->finish().dump();
  note_failed_tiles(ledger, "reconstruction");
  for (int id = 0; id < record_.tiles; ++id)
    if (ledger.is_failed(id)) joiner_->skip(id);
  require(check_tiles_complete(ledger.done(), ledger.failed(), record_.tiles));
  require(check_every_frame_weighted(joiner_->frame_weight(), record_.frames, ledger.failed()));
  reconstruction_ = joiner_->finish();
  require(
      check_finite_where_covered("reconstruction_finite_where_covered", "reconstruction", reconstruction_));
  note_limited_frames();
  int usable = 0;
  for (std::size_t t = 0; t < grid_.tiles.size(); ++t) {
    const ResultMessage& result = joiner_->results()[t];
    if (result.data_checksum.empty()) continue;
    record_.tiles_with_fallback += result.fallback_used ? 1 : 0;
    record_.worker_compute_seconds += result.compute_seconds;
    const auto stars =
        stars_in_tile(grid_.tiles[t], analysis_.metrics.stars, analysis_.metrics.star_radius_px);
    usable +=
        tile_kind(stars.size(), config_.method.tile) == TileKind::kStar && !result.fallback_used ? 1 : 0;
  }
  if (record_.star_tiles > 0) record_.usable_signal_tiles_percent = 100.0 * usable / record_.star_tiles;
}

// Frames that the limit on a frame's share held back in single tiles.
void MasterRun::note_limited_frames() {
  std::map<std::size_t, int> tiles;
  for (const auto& channel : joiner_->frame_weight())
    for (const std::vector<double>& weights : channel)
      for (const std::size_t f : at_share_limit(weights, config_.method.global_metrics.max_frame_share))
        ++tiles[f];
  if (tiles.empty()) return;
  const auto most = std::max_element(tiles.begin(), tiles.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::string text = "global_metrics.max_frame_share held the weight of " +
                           std::to_string(tiles.size()) + " frames back, most often that of " +
                           manifest_->frames[most->first].path + " in " + std::to_string(most->second) +
                           " of " + std::to_string(record_.tiles * record_.channels) + " tiles";
  log_warning(text);
  record_.warnings.push_back(text);
}

// A picture with holes is no success: the verdict says so, whatever else it holds.
void MasterRun::note_failed_tiles(const TileLedger& ledger, const std::string& round) {
  std::string ids;
  const int missing = ledger.failed() + ledger.not_asked();
  for (int id = 0; id < ledger.tile_count(); ++id)
    if (ledger.is_missing(id)) ids += (ids.empty() ? "" : ", ") + std::to_string(id);
  if (ids.empty()) return;
  const std::string text = round + ": " + std::to_string(missing) + " of " +
                           std::to_string(ledger.tile_count()) +
                           " tiles have failed for good and are holes where no other tile reaches: " + ids +
                           "; their reasons: tilecompile dlq list, events.jsonl";
  log_warning("validation failed: " + text);
  record_.verdict.push_back({"failed_tiles", 0, static_cast<double>(missing), 0, false, text});
  record_.failed_tiles = std::max(record_.failed_tiles, missing);
}

void MasterRun::cluster_frames() {
  const auto states = standardised(state_vectors(analysis_.metrics, joiner_->quality()),
                                   config_.method.reconstruction.frame_chunk);
  clusters_.count = cluster_count(record_.frames, config_.method.synthetic);
  clusters_.of_frame = cluster_states(states, clusters_.count, content_key(*manifest_));
  require(check_clusters_not_empty(clusters_, record_.frames));
  for (int k = 0; k < clusters_.count; ++k)
    record_.cluster_sizes.push_back(static_cast<int>(clusters_.members(k).size()));
  log_info("frames grouped by observing state", {{"synthetic_frames", std::to_string(clusters_.count)}});
}

ProductRecord MasterRun::write_synthetic_frame(int cluster, const std::vector<CoaddChannel>& frame) const {
  const std::string name = synthetic_name(cluster);
  const std::vector<int> members = clusters_.members(cluster);
  const std::string history = "tilecompile: synthetic frame " + std::to_string(cluster) + " of " +
                              std::to_string(clusters_.count) + " from " + std::to_string(members.size()) +
                              " frames of one observing state";
  return write_product(product_context(), {name, "synthetic/" + name + ".fits", {history}, members, false},
                       frame);
}

void MasterRun::make_synthetic_frames() {
  clock_.start("synthetic frames");
  cluster_frames();
  const std::string clusters_json = encode_clusters(clusters_);
  share(clusters_key(request_.run_id), "clusters.json", clusters_json);
  std::vector<ResultMessage> results(grid_.tiles.size());
  {
    Progress progress("synthetic frames", "tiles", record_.tiles, request_.quiet);
    TileRound round = tile_round();
    round.task_template.clusters = ObjectReference{clusters_key(request_.run_id), sha256_hex(clusters_json)};
    round.first_round = &joiner_->results();
    if (request_.resume) round.journalled = &journal_.second_round;
    round.planes = clusters_.count * record_.channels;
    Observer observer(*this, progress, [&](const ResultMessage& result, const TileFile&) {
      record_.worker_compute_seconds += result.compute_seconds;
      results[static_cast<std::size_t>(result.tile_id)] = result;
    });
    const TileLedger ledger = dispatch_tiles(round, round_place(), observer);
    note_failed_tiles(ledger, "synthetic frames");
  }
  clock_.start("stack");
  std::vector<AverageStack> stacks(static_cast<std::size_t>(record_.channels),
                                   AverageStack(record_.width, record_.height));
  // Frames weighted by G alone (`global`) have one mean in every tile, unless their skies are levelled there.
  const ReconstructionParams& reconstruction = config_.method.reconstruction;
  const bool one_mean = config_.method.synthetic.weighting == SyntheticParams::Weighting::kGlobal &&
                        reconstruction.local_sky == ReconstructionParams::LocalSky::kNone;
  const auto rescale = one_mean ? ReconstructionParams::TileRescale::kNone : reconstruction.tile_rescale;
  SyntheticJoin join{&grid_,  &results, clusters_.count, record_.channels, &analysis_.classical,
                     rescale, 0,        threads_};
  join.memory_limit_bytes = join_memory_bytes(memory_limit_bytes(config_.parallel));
  join_synthetic_frames(*links_.store, join, [&](int first, const auto& frames) {
    const auto known = record_.products.size();
    record_.products.resize(known + frames.size());
    const int stacked = static_cast<int>(stacks.size());
    parallel_for(stacked + static_cast<int>(frames.size()), threads_, [&](int i) {
      if (i < stacked) {
        const auto c = static_cast<std::size_t>(i);
        for (const auto& frame : frames) stacks[c].add(frame[c]);
      } else {
        const auto k = static_cast<std::size_t>(i - stacked);
        record_.products[known + k] = write_synthetic_frame(first + i - stacked, frames[k]);
      }
    });
  });
  const bool weighted = config_.method.stacking.method == "weighted_average";
  std::vector<CoaddChannel> final_stack;
  if (weighted) {
    final_stack =
        join_weighted_stack(*links_.store, grid_, results, clusters_.count, analysis_.classical, rescale);
  } else {
    for (const AverageStack& stack : stacks) final_stack.push_back(stack.finish());
    check_stack_by_siril(final_stack);
  }
  write_final({"stack",
               config_.method.stacking.output_file,
               {std::string("tilecompile: ") + (weighted ? "weighted" : "plain") + " mean of " +
                std::to_string(clusters_.count) + " synthetic frames"},
               {},
               true},
              final_stack);
}

}  // namespace tilecompile

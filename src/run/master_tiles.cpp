#include <algorithm>
#include <nlohmann/json.hpp>

#include "master_run.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/coadd/stack.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/run/chunked_tiles.hpp"
#include "tilecompile/run/frame_bands.hpp"
#include "tilecompile/run/parallel.hpp"
#include "tilecompile/run/progress.hpp"
#include "tilecompile/run/run_contexts.hpp"
#include "tilecompile/run/synthetic_round.hpp"
#include "tilecompile/run/weighted_stack.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kJoinMemoryShare = 4;  // synthetic frames are joined in a quarter of the memory limit
// Measured on 100 frames of 1 megapixel: 2.4 literal, 6.3 with rejection and noise guard.
constexpr double kTileCost = 8;
constexpr double kTimeoutMargin = 4;                             // for hosts slower than the master's
constexpr std::size_t kJoinMemoryMost = std::size_t{640} << 20;  // more would save few passes over the tiles

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

DispatchJob MasterRun::dispatch_job(const std::function<void(int)>& progress) {
  DispatchJob job;
  job.task_template.run_id = request_.run_id;
  job.task_template.config_hash = record_.config_hash;
  job.task_template.frames_manifest_id = record_.frames_manifest_id;
  job.task_template.last_frame = record_.frames - 1;
  job.task_template.metrics = {frame_metrics_key(request_.run_id), sha256_hex(metrics_json_)};
  job.grid = &grid_;
  job.planes = record_.channels;
  job.batch = config_.parallel.batch;
  job.most_tiles = most_tiles_of_a_task();
  job.region = [this](const Box& tile) {
    return BandCache::region(tile, record_.width, record_.channels, record_.frames,
                             memory_limit_bytes(config_.parallel), static_cast<std::size_t>(threads_) + 1);
  };
  job.isolation = config_.parallel.isolation;
  job.results_end = &results_end_;
  job.quorum = config_.broker.queue_type == "quorum";
  job.retry = config_.retry;
  job.max_failed_tiles = config_.retry.max_failed_tiles;
  if (request_.resume) job.journalled = &journal_.first_round;
  job.taken_over = [this](int tiles) { record_.resumed_tiles += tiles; };
  job.progress = progress;
  job.watch = links_.watch;
  job.check_stop = [this] { check_stop(); };
  return job;
}

// A delivery that is not acknowledged within the broker's consumer_timeout is taken away. A worker holds
// `prefetch` of them for each slot and computes them one after another; a tile costs about kTileCost times
// what the analysis of its pixels cost one thread.
int MasterRun::most_tiles_of_a_task() const {
  const double image = static_cast<double>(record_.width) * record_.height;
  const double tile_s = kTileCost * stack_seconds_ * threads_ * grid_.size * grid_.size / image;
  const double task_s = config_.broker.consumer_timeout_s / kTimeoutMargin / (config_.parallel.prefetch + 1);
  return std::clamp(static_cast<int>(std::min(task_s / std::max(tile_s, 1e-9), 1e6)), 1, record_.tiles);
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
  DispatchJob job = dispatch_job([&](int done) { progress.update(done); });
  job.diagnostics = diagnostics ? &*diagnostics : nullptr;
  const AcceptTile accept = [this](const ResultMessage& result, TileFile file) {
    joiner_->accept(result, std::move(file));
  };
  const int chunks = config_.parallel.frame_chunks;
  const TileLedger ledger =
      chunks == 0 ? dispatch_tiles(job, *links_.transport, *links_.store, *directory_, accept)
                  : dispatch_tiles_in_chunks({job, chunks, &config_.method, &analysis_.metrics},
                                             *links_.transport, *links_.store, *directory_, accept);
  if (diagnostics) record_.diagnostics = diagnostics->finish().dump();
  note_failed_tiles(ledger, "reconstruction");
  for (int id = 0; id < record_.tiles; ++id)
    if (ledger.is_failed(id)) joiner_->skip(id);
  require(check_tiles_complete(ledger.done(), ledger.failed(), record_.tiles));
  require(check_every_frame_weighted(joiner_->frame_weight(), record_.frames, ledger.failed()));
  reconstruction_ = joiner_->finish();
  require(
      check_finite_where_covered("reconstruction_finite_where_covered", "reconstruction", reconstruction_));
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

// A picture with holes is no success: the verdict says so, whatever else it holds.
void MasterRun::note_failed_tiles(const TileLedger& ledger, const std::string& round) {
  std::string ids;
  for (int id = 0; id < ledger.tile_count(); ++id)
    if (ledger.is_failed(id)) ids += (ids.empty() ? "" : ", ") + std::to_string(id);
  if (ids.empty()) return;
  const std::string text = round + ": " + std::to_string(ledger.failed()) + " of " +
                           std::to_string(ledger.tile_count()) +
                           " tiles have failed for good and are holes where no other tile reaches: " + ids +
                           "; their reasons: tilecompile dlq list, events.jsonl";
  log_warning("validation failed: " + text);
  record_.verdict.push_back({"failed_tiles", 0, static_cast<double>(ledger.failed()), 0, false, text});
  record_.failed_tiles = std::max(record_.failed_tiles, ledger.failed());
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
    DispatchJob job = dispatch_job([&](int done) { progress.update(done); });
    job.task_template.clusters = ObjectReference{clusters_key(request_.run_id), sha256_hex(clusters_json)};
    job.first_round = &joiner_->results();
    if (request_.resume) job.journalled = &journal_.second_round;
    job.planes = clusters_.count * record_.channels;
    const TileLedger ledger = dispatch_tiles(job, *links_.transport, *links_.store, *directory_,
                                             [&](const ResultMessage& result, const TileFile&) {
                                               record_.worker_compute_seconds += result.compute_seconds;
                                               results[static_cast<std::size_t>(result.tile_id)] = result;
                                             });
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
  join.memory_limit_bytes =
      std::min(memory_limit_bytes(config_.parallel) / kJoinMemoryShare, kJoinMemoryMost);
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

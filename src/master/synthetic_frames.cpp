#include "synthetic_frames.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

#include "frame_tasks.hpp"
#include "night_frames.hpp"
#include "run_products.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/coadd/stack.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/accepted_tile.hpp"
#include "tilecompile/master/synthetic_round.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/siril/siril.hpp"
#include "weighted_stack.hpp"

namespace tilecompile {
namespace {

// Key of the random numbers: the frames' content in order, so that renaming files changes nothing.
std::uint64_t content_key(const Manifest& manifest) {
  std::string all;
  for (const ManifestEntry& f : manifest.frames) all += f.sha256;
  return std::stoull(sha256_hex(all).substr(0, 16), nullptr, 16);
}

Clusters cluster_frames(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles) {
  const MethodConfig& method = run.config.method;
  const auto states =
      standardised(state_vectors(night.analysis.metrics, tiles.quality()), method.reconstruction.frame_chunk);
  Clusters clusters;
  clusters.count = cluster_count(run.record.frames, method.synthetic);
  clusters.of_frame = cluster_states(states, clusters.count, content_key(*night.frames.manifest));
  require(run, check_clusters_not_empty(clusters, run.record.frames));
  for (int k = 0; k < clusters.count; ++k)
    run.record.cluster_sizes.push_back(static_cast<int>(clusters.members(k).size()));
  log_info("frames grouped by observing state", {{"synthetic_frames", std::to_string(clusters.count)}});
  return clusters;
}

// What a worker gave in the first round, before it was found out in the second, is in the picture already.
void refuse_first_round_of_liars(RunUnderWay& run, const TileJoiner& tiles,
                                 const std::vector<std::string>& known_liars) {
  if (run.pieces.forget_distrusted(run.trust))
    throw TransientError(
        "a worker gave wrong tiles for the synthetic frames, and what it found in frames before is in the "
        "picture; give the same command with --resume " +
        run.request.run_id + ", which looks at them again");
  for (const ResultMessage& result : tiles.results()) {
    const bool known =
        std::find(known_liars.begin(), known_liars.end(), result.worker_id) != known_liars.end();
    if (!known && run.trust.is_distrusted(result.worker_id))
      throw TransientError("worker " + result.worker_id +
                           " gave wrong tiles for the synthetic frames, and tiles of the reconstruction "
                           "before; give the same command with --resume " +
                           run.request.run_id + ", which computes all its tiles again");
  }
}

// [tile] results of the second round, whose planes are clusters times channels.
std::vector<ResultMessage> second_round(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                                        const Clusters& clusters, TileRound& round) {
  const std::string bytes = encode_clusters(clusters), key = clusters_key(run.request.run_id);
  share(run, key, "clusters.json", bytes);
  round.task_template.clusters = ObjectReference{key, sha256_hex(bytes)};
  round.first_round = &tiles.results();
  round.planes = clusters.count * run.record.channels;
  std::vector<ResultMessage> results(night.grid.tiles.size());
  const std::vector<std::string> known_liars = run.trust.distrusted();
  RunObserver observer(
      run, "synthetic frames",
      [&](const ResultMessage& result, const TileFile&) {
        run.record.worker_compute_seconds += result.compute_seconds;
        results[static_cast<std::size_t>(result.tile_id)] = result;
      },
      [&](int tile_id) { results[static_cast<std::size_t>(tile_id)] = {}; });
  note_failed_tiles(run.record, dispatch_tiles(round, round_place(run), observer), "synthetic frames");
  refuse_first_round_of_liars(run, tiles, known_liars);
  return results;
}

ProductPlan synthetic_plan(const Clusters& clusters, int cluster) {
  char number[32];
  std::snprintf(number, sizeof number, "%02d", cluster);
  const std::string name = std::string("syn_") + number;
  const std::vector<int> members = clusters.members(cluster);
  const std::string history = "tilecompile: synthetic frame " + std::to_string(cluster) + " of " +
                              std::to_string(clusters.count) + " from " + std::to_string(members.size()) +
                              " frames of one observing state";
  return {name, "synthetic/" + name + ".fits", {history}, members, false};
}

// Joins the synthetic frames, writes them, and returns their plain mean.
std::vector<CoaddChannel> join_and_average(RunUnderWay& run, const AnalysedNight& night,
                                           const Clusters& clusters, const LoadTile& load,
                                           const SyntheticJoin& join) {
  const int width = run.record.width, height = run.record.height;
  std::vector<AverageStack> stacks;
  for (int c = 0; c < run.record.channels; ++c) stacks.emplace_back(width, height);
  const ProductContext context = product_context(run, night);
  std::vector<std::shared_ptr<ProductRows>> files;
  join_synthetic_frames(load, join, [&](int first, int y0, const auto& rows) {
    if (y0 == 0) files.clear();
    files.resize(rows.size());
    const int stacked = static_cast<int>(stacks.size());
    const bool last = y0 + rows.front().front().pixels.height() == height;
    std::vector<ProductRecord> products(rows.size());
    parallel_for(stacked + static_cast<int>(rows.size()), run.threads, [&](int i) {
      if (i < stacked) {
        const auto c = static_cast<std::size_t>(i);
        for (const auto& frame : rows) stacks[c].add(frame[c], y0);
        return;
      }
      const auto k = static_cast<std::size_t>(i - stacked);
      if (y0 == 0)
        files[k] = std::make_shared<ProductRows>(context, synthetic_plan(clusters, first + i - stacked),
                                                 width, height);
      files[k]->add(rows[k]);
      if (last) products[k] = files[k]->record();
    });
    if (!last) return;
    std::move(products.begin(), products.end(), std::back_inserter(run.record.products));
    run.names.add([complete = std::move(files)] {
      for (const auto& file : complete) file->finish();
    });
  });
  std::vector<CoaddChannel> average;
  for (const AverageStack& stack : stacks) average.push_back(stack.finish());
  return average;
}

void check_stack_by_siril(RunUnderWay& run, const AnalysedNight& night, const Clusters& clusters,
                          const std::vector<CoaddChannel>& final_stack) {
  const StackingParams& stacking = run.config.method.stacking;
  if (stacking.engine != StackingParams::Engine::kSiril) return;
  if (clusters.count < 2) {
    log_info("stacking.engine siril is skipped: there is one synthetic frame, nothing to stack");
    return;
  }
  run.clock.start("check stack with siril");
  const SirilProgram siril{find_siril("stacking.engine"), run.threads, run};
  StackCheckJob job;
  run.names.wait();
  job.frames = frames_to_stack(run.directory->path(), stacking);
  if (static_cast<int>(job.frames.size()) != clusters.count)
    throw InputError("stacking.input_pattern '" + stacking.input_pattern + "' selects " +
                     std::to_string(job.frames.size()) + " files, the run has " +
                     std::to_string(clusters.count) + " synthetic frames");
  const Image ours = in_output_units(product_context(run, night), final_stack);
  job.ours = &ours;
  job.run_directory = run.directory->path();
  const StackCheck check = check_stack_with_siril(siril, job);
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.3g", check.largest_percent);
  const LogFields fields = {{"siril", check.siril_version},
                            {"frames", std::to_string(clusters.count)},
                            {"largest_difference_percent_of_median", percent}};
  log_info("Siril's mean of the synthetic frames agrees with ours", fields);
  run.directory->append_event("stack_checked", fields);
}

}  // namespace

SyntheticFrames make_synthetic_frames(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                                      TileRound round) {
  run.clock.start("synthetic frames");
  const MethodConfig& method = run.config.method;
  Clusters clusters = cluster_frames(run, night, tiles);
  const std::vector<ResultMessage> results = second_round(run, night, tiles, clusters, round);
  read_no_more_frames(run);
  run.clock.start("stack");
  // Frames weighted by G alone (`global`) have one mean in every tile.
  const bool one_mean = method.synthetic.weighting == SyntheticParams::Weighting::kGlobal;
  const auto rescale =
      one_mean ? ReconstructionParams::TileRescale::kNone : method.reconstruction.tile_rescale;
  SyntheticJoin join{&night.grid, &results, clusters.count, run.record.channels, &night.analysis.classical,
                     rescale,     0,        run.threads};
  const RoundPlace place = round_place(run);
  const LoadTile load = [&](const ResultMessage& r) { return load_accepted(round, place, r); };
  join.memory_limit_bytes = join_memory_bytes(memory_limit_bytes(run.config.parallel));
  std::vector<CoaddChannel> stack = join_and_average(run, night, clusters, load, join);
  if (method.stacking.method == StackingParams::Method::kWeightedAverage)
    stack = join_weighted_stack(load, night.grid, results, night.analysis.classical, rescale);
  else
    check_stack_by_siril(run, night, clusters, stack);
  return {std::move(clusters), std::move(stack)};
}

}  // namespace tilecompile

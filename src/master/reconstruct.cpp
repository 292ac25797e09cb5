#include "reconstruct.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "night_frames.hpp"
#include "run_products.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/accepted_tile.hpp"
#include "tilecompile/dispatch/audit_key.hpp"
#include "tilecompile/dispatch/chunked_tiles.hpp"
#include "tilecompile/dispatch/task_size.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/night/frame_upload.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/night/stored_tile.hpp"

namespace tilecompile {
namespace {

constexpr double kLeaseFactor = 4;

TileRound tile_round(const RunUnderWay& run, const AnalysedNight& night) {
  const RunConfig& config = run.config;
  const RunRecord& record = run.record;
  TileRound round = round_of(run, night.frames.raw != nullptr);
  round.grid = &night.grid;
  round.planes = record.channels;
  round.threads = run.threads;
  set_task_size(round, config,
                {record.width, record.height, source_of(run, night.frames).planes(), record.frames,
                 run.threads, run.stack_seconds});
  if (run.links.own != nullptr) round.analysis = &night.analysis;
  round.frame_chunk = config.method.reconstruction.frame_chunk;
  round.rejects = config.method.reconstruction.rejection.mode != RejectionParams::Mode::kNone;
  round.levels_skies = config.method.reconstruction.local_sky != ReconstructionParams::LocalSky::kNone;
  return round;
}
// Frames that the limit on a frame's share held back in single tiles.
void note_limited_frames(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& joiner) {
  const double most_share = run.config.method.global_metrics.max_frame_share;
  std::map<std::size_t, int> tiles;
  for (const auto& channel : joiner.frame_weight())
    for (const std::vector<double>& weights : channel)
      for (const std::size_t f : at_share_limit(weights, most_share)) ++tiles[f];
  if (tiles.empty()) return;
  const auto most = std::max_element(tiles.begin(), tiles.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  warn(run, "global_metrics.max_frame_share held the weight of " + std::to_string(tiles.size()) +
                " frames back, most often that of " + night.frames.manifest->frames[most->first].path +
                " in " + std::to_string(most->second) + " of " +
                std::to_string(run.record.tiles * run.record.channels) + " tiles");
}

void note_tiles(RunRecord& record, const AnalysedNight& night, const TileJoiner& joiner,
                const GridParams& params) {
  const FrameMetrics& metrics = night.analysis.metrics;
  int usable = 0;
  for (std::size_t t = 0; t < night.grid.tiles.size(); ++t) {
    const ResultMessage& result = joiner.results()[t];
    if (result.data_checksum.empty()) continue;
    record.tiles_with_fallback += result.fallback_used ? 1 : 0;
    record.worker_compute_seconds += result.compute_seconds;
    const auto stars = stars_in_tile(night.grid.tiles[t], metrics.stars, metrics.star_radius_px);
    usable += tile_kind(stars.size(), params) == TileKind::kStar && !result.fallback_used ? 1 : 0;
  }
  if (record.star_tiles > 0) record.usable_signal_tiles_percent = 100.0 * usable / record.star_tiles;
}

}  // namespace

TileRound round_of(const RunUnderWay& run, bool raw) {
  const RunConfig& config = run.config;
  TileRound round;
  round.task_template.run_id = run.request.run_id;
  round.task_template.config_hash = run.record.config_hash;
  round.task_template.frames_manifest_id = run.record.frames_manifest_id;
  round.task_template.last_frame = run.record.frames - 1;
  if (raw) round.task_template.input_stage = "raw";
  round.isolation = config.parallel.isolation;
  round.quorum = config.broker.queue_type == QueueType::kQuorum;
  round.priority = config.parallel.priority;
  round.retry = config.retry;
  // Nobody else can have another opinion in a run of one process.
  round.input_tries = run.links.mode == RunMode::kRun ? 1 : TileLedger::kInputTries;
  round.max_failed_tiles = config.retry.max_failed_tiles;
  if (run.links.own == nullptr) return round;
  round.audit_percent = config.parallel.audit_percent;
  round.audit_key = audit_key(*run.directory);
  round.lease_factor = kLeaseFactor;
  round.roles = config.broker.roles;
  return round;
}

void share(RunUnderWay& run, const std::string& key, const std::string& name, const std::string& bytes) {
  run.links.store->put(key, bytes);
  if (run.config.storage.type != StorageType::kFile ||
      std::filesystem::absolute(storage_root(run.config)) != std::filesystem::absolute(run.config.output.dir))
    run.directory->write(name, bytes);
}

void bring_frames_in(RunUnderWay& run, const FrameSource& source) {
  if (!run.config.storage.upload_frames || run.links.mode != RunMode::kMaster) return;
  run.clock.start("bring frames into the bucket");
  const FrameUpload upload = upload_frames(source, *run.links.store, run.threads, run);
  const LogFields fields = {{"brought", std::to_string(upload.brought)},
                            {"bytes", std::to_string(upload.bytes)},
                            {"there_already", std::to_string(upload.known)}};
  log_info("the frames are in " + run.links.store->describe(), fields);
  run.directory->append_event("frames_uploaded", fields);
}

TileRound share_with_workers(RunUnderWay& run, const AnalysedNight& night) {
  bring_frames_in(run, source_of(run, night.frames));
  const std::string& run_id = run.request.run_id;
  const std::string metrics = encode_frame_metrics(night.analysis.metrics);
  share(run, manifest_key(run_id), "manifest.json", night.frames.manifest_json);
  if (!night.frames.registration_json.empty())
    share(run, registration_key(run_id), "registration.json", night.frames.registration_json);
  share(run, config_key(run_id), "config.json", canonical_method_json(run.config.method));
  share(run, frame_metrics_key(run_id), "frame_metrics.json", metrics);
  run.directory->write("grid.json", encode_grid(night.grid, night.analysis.metrics, run.config.method.tile));
  write_frame_table(run, night, {});
  TileRound round = tile_round(run, night);
  round.task_template.metrics = {frame_metrics_key(run_id), sha256_hex(metrics)};
  return round;
}

RoundPlace round_place(RunUnderWay& run) {
  return {*run.links.transport, *run.links.store, *run.directory, nullptr,
          &run.results_end,     &run.workers,     run.links.own,  &run.trust};
}

void note_failed_tiles(RunRecord& record, const TileLedger& ledger, const std::string& round) {
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
  record.verdict.push_back({"failed_tiles", kAllChannels, static_cast<double>(missing), 0, 0, false, text});
  record.failed_tiles = std::max(record.failed_tiles, missing);
}

Reconstruction reconstruct(RunUnderWay& run, const AnalysedNight& night, const TileRound& round) {
  run.clock.start("reconstruct tiles");
  run.tiles_began = RunUnderWay::Clock::now();
  RunRecord& record = run.record;
  RoundPlace place = round_place(run);
  bool over = false;
  const auto reload = [&](const ResultMessage& r) {
    if (over) return load_accepted(round, place, r);
    return load_tile(place.store, r, night.grid.tiles[static_cast<std::size_t>(r.tile_id)], record.channels);
  };
  TileJoiner joiner(night.grid, night.analysis.classical, run.config.method.reconstruction.tile_rescale,
                    reload);
  std::optional<DiagnosticsCollector> diagnostics;
  if (run.config.diagnostics.enabled)
    diagnostics.emplace(
        *run.links.transport,
        DiagnosticsJob{run.config.diagnostics, run.request.run_id, run.config.parallel.isolation,
                       record.tiles, record.channels, run.directory->path() / "diagnostics.jsonl"});
  place.diagnostics = diagnostics ? &*diagnostics : nullptr;
  RunObserver observer(
      run, "reconstructing tiles",
      [&](const ResultMessage& result, TileFile file) { joiner.accept(result, std::move(file)); },
      [&](int tile_id) { joiner.revoke(tile_id); });
  const int chunks = run.config.parallel.frame_chunks;
  const TileLedger ledger =
      chunks == 0 ? dispatch_tiles(round, place, observer)
                  : dispatch_tiles_in_chunks({round, chunks, &run.config.method, &night.analysis.metrics},
                                             place, observer);
  over = true;
  if (diagnostics) record.diagnostics = diagnostics->finish().dump();
  note_failed_tiles(record, ledger, "reconstruction");
  for (int id = 0; id < record.tiles; ++id)
    if (ledger.is_failed(id)) joiner.skip(id);
  require(run, check_tiles_complete(ledger.done(), ledger.failed(), record.tiles));
  if (night.analysis.metrics.frame_tables)
    require(run, check_every_frame_weighted(joiner.frame_weight(), record.frames, ledger.failed()));
  std::vector<CoaddChannel> channels = joiner.finish();
  require(run, check_finite_where_covered("reconstruction_finite_where_covered", "reconstruction", channels));
  note_limited_frames(run, night, joiner);
  note_tiles(record, night, joiner, run.config.method.tile);
  return {std::move(joiner), std::move(channels)};
}

}  // namespace tilecompile

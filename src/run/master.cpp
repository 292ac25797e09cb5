#include "tilecompile/run/master.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/picture/preview.hpp"
#include "tilecompile/run/analysis.hpp"
#include "tilecompile/run/dispatch.hpp"
#include "tilecompile/run/frame_scan.hpp"
#include "tilecompile/run/parallel.hpp"
#include "tilecompile/run/phase_clock.hpp"
#include "tilecompile/run/products.hpp"
#include "tilecompile/run/progress.hpp"
#include "tilecompile/run/run_contexts.hpp"
#include "tilecompile/run/run_directory.hpp"
#include "tilecompile/run/tile_joiner.hpp"
#include "tilecompile/run/tile_metrics.hpp"

namespace tilecompile {
namespace {

constexpr int kPreviewPx = 1600;

/// One run on its way through the phases; every phase leaves what the next ones need.
class MasterRun {
 public:
  MasterRun(const RunRequest& request, const RunLinks& links)
      : request_(request),
        config_(request.config),
        links_(links),
        threads_(thread_count(config_.parallel.threads)) {
    record_.run_id = request.run_id;
    record_.mode = request.mode;
    record_.program_version = TILECOMPILE_VERSION;
    record_.numerics_version = kNumericsVersion;
    record_.configuration = effective_config(config_);
    record_.started = utc_now();
  }

  RunOutcome run() {
    scan();
    directory_.emplace(config_.output.dir, request_.run_id);
    directory_->append_event("run_started", {{"mode", request_.mode}});
    try {
      analyse();
      publish_shared();
      reconstruct();
      write_products();
      finish("done");
    } catch (const Interrupted&) {
      give_up("interrupted");
      throw;
    } catch (const Error& e) {
      record_.error_kind = kind_name(e.kind());
      record_.error_text = e.what();
      give_up("failed");
      throw;
    } catch (const std::exception& e) {
      record_.error_kind = kind_name(ErrorKind::kContract);
      record_.error_text = e.what();
      give_up("failed");
      throw;
    }
    return {0, directory_->path(), record_};
  }

 private:
  void scan();
  void analyse();
  void publish_shared();
  void share(const std::string& key, const std::string& name, const std::string& bytes);
  void reconstruct();
  void write_products();
  void write_tile_metrics(const TileJoiner& joiner);
  void finish(const std::string& status);
  void give_up(const std::string& status);
  void check_stop() const {
    if (request_.stop_signal != nullptr && *request_.stop_signal != 0)
      throw Interrupted{*request_.stop_signal};
  }

  const RunRequest& request_;
  const RunConfig& config_;
  const RunLinks& links_;
  int threads_;
  PhaseClock clock_;
  RunRecord record_;
  std::optional<RunDirectory> directory_;
  std::shared_ptr<Manifest> manifest_;
  Analysis analysis_;
  Grid grid_;
  std::string config_json_, manifest_json_, metrics_json_;
  std::vector<CoaddChannel> reconstruction_;
};

void MasterRun::scan() {
  clock_.start("scan");
  // Looked at first: frames can take hours to analyse.
  if (!config_.storage.root.empty() && !std::filesystem::is_directory(config_.storage.root))
    throw TransientError("storage.root " + config_.storage.root +
                         " is not a folder: mount it, create it or correct the key");
  const std::vector<std::string> paths = list_frames(config_.input.dir, config_.input.pattern);
  Progress progress("reading headers", "frames", static_cast<int>(paths.size()), request_.quiet);
  manifest_ = std::make_shared<Manifest>(build_manifest(config_.input.dir, paths, threads_, *links_.verified,
                                                        [&](int done) { progress.update(done); }));
  check_hard_assumptions(*manifest_, config_.method.data);
  check_stop();
  manifest_json_ = encode_manifest(*manifest_);
  config_json_ = canonical_method_json(config_.method);
  record_.config_hash = sha256_hex(config_json_);
  record_.frames_manifest_id = sha256_hex(manifest_json_);
  record_.frames = static_cast<int>(manifest_->frames.size());
  record_.width = manifest_->width();
  record_.height = manifest_->height();
  record_.channels = manifest_->channels();
}

void MasterRun::analyse() {
  const FrameSource source(config_.input.dir, manifest_, config_.method.data.zero_is_nodata, links_.verified);
  clock_.start("analyse frames");
  {
    Progress progress("analysing frames", "frames", record_.frames, request_.quiet);
    analysis_ = analyse_frames(source, config_.method, threads_, [&](int done) { progress.update(done); });
  }
  check_stop();
  clock_.start("measure seeing");
  {
    Progress progress("measuring stars", "frames", record_.frames, request_.quiet);
    measure_seeing(analysis_, source, config_.method, threads_, [&](int done) { progress.update(done); });
  }
  check_stop();
  grid_ = build_grid(record_.width, record_.height, analysis_.metrics.seeing_px, config_.method.tile);
  for (const std::string& warning : analysis_.warnings) {
    log_warning(warning);
    record_.warnings.push_back(warning);
  }
  record_.seeing_px = analysis_.metrics.seeing_px;
  record_.reference_stars = static_cast<int>(analysis_.metrics.stars.size());
  record_.tiles = static_cast<int>(grid_.tiles.size());
  record_.tile_size_px = grid_.size;
  for (const Box& tile : grid_.tiles) {
    const auto stars = stars_in_tile(tile, analysis_.metrics.stars, analysis_.metrics.star_radius_px);
    record_.star_tiles += tile_kind(stars.size(), config_.method.tile) == TileKind::kStar ? 1 : 0;
  }
  log_info("frames analysed", {{"frames", std::to_string(record_.frames)},
                               {"seeing_px", std::to_string(record_.seeing_px)},
                               {"reference_stars", std::to_string(record_.reference_stars)},
                               {"tiles", std::to_string(record_.tiles)},
                               {"tile_size_px", std::to_string(record_.tile_size_px)}});
}

// An object that workers need, on the shared storage and, where that is another place, in the run directory
// too.
void MasterRun::share(const std::string& key, const std::string& name, const std::string& bytes) {
  links_.store->put(key, bytes);
  if (std::filesystem::absolute(storage_root(config_)) != std::filesystem::absolute(config_.output.dir))
    directory_->write(name, bytes);
}

void MasterRun::publish_shared() {
  metrics_json_ = encode_frame_metrics(analysis_.metrics);
  share(manifest_key(request_.run_id), "manifest.json", manifest_json_);
  share(config_key(request_.run_id), "config.json", config_json_);
  share(frame_metrics_key(request_.run_id), "frame_metrics.json", metrics_json_);
  directory_->write("grid.json", encode_grid(grid_, analysis_.metrics, config_.method.tile));
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest_->frames) paths.push_back(f.path);
  directory_->write("frame_metrics.csv", frame_metrics_csv(analysis_.metrics, paths, {}));
}

void MasterRun::reconstruct() {
  clock_.start("reconstruct tiles");
  Progress progress("reconstructing tiles", "tiles", record_.tiles, request_.quiet);
  DispatchJob job;
  job.task_template.run_id = request_.run_id;
  job.task_template.config_hash = record_.config_hash;
  job.task_template.frames_manifest_id = record_.frames_manifest_id;
  job.task_template.last_frame = record_.frames - 1;
  job.task_template.metrics = {frame_metrics_key(request_.run_id), sha256_hex(metrics_json_)};
  job.grid = &grid_;
  job.channels = record_.channels;
  job.batch = config_.parallel.batch;
  job.isolation = config_.parallel.isolation;
  job.quorum = config_.broker.queue_type == "quorum";
  job.progress = [&](int done) { progress.update(done); };
  job.watch = links_.watch;
  job.stop_signal = request_.stop_signal;

  TileJoiner joiner(grid_, record_.channels, config_.method.reconstruction.tile_rescale,
                    [&](const ResultMessage& r) {
                      return load_tile(*links_.store, r, grid_.tiles[static_cast<std::size_t>(r.tile_id)],
                                       record_.channels);
                    });
  dispatch_tiles(job, *links_.transport, *links_.store, *directory_,
                 [&](const ResultMessage& result, TileFile file) { joiner.accept(result, std::move(file)); });
  reconstruction_ = joiner.finish();
  for (const ResultMessage& result : joiner.results()) {
    record_.tiles_with_fallback += result.fallback_used ? 1 : 0;
    record_.worker_compute_seconds += result.compute_seconds;
  }
  write_tile_metrics(joiner);
}

void MasterRun::write_products() {
  clock_.start("write products");
  ProductContext context;
  context.directory = directory_->path();
  context.first_frame = std::filesystem::path(config_.input.dir) / manifest_->frames.front().path;
  context.manifest = manifest_.get();
  context.metrics = &analysis_.metrics;
  context.run_id = request_.run_id;
  context.config_hash = record_.config_hash;
  context.frames_manifest_id = record_.frames_manifest_id;
  context.program = "tilecompile " TILECOMPILE_VERSION;
  context.normalized_units = config_.output.normalized_units;
  context.classical = &analysis_.classical;

  std::vector<CoaddChannel> classical;
  for (std::size_t c = 0; c < analysis_.classical.size(); ++c) {
    CoaddChannel channel{analysis_.classical[c], analysis_.coverage[c],
                         Plane<float>(record_.width, record_.height)};
    const auto& coverage = channel.coverage.samples();
    std::transform(coverage.begin(), coverage.end(), channel.weight.samples().begin(),
                   [](std::int32_t n) { return static_cast<float>(n); });
    classical.push_back(std::move(channel));
  }
  record_.products.push_back(
      write_product(context, "classical", classical,
                    {"tilecompile: plain mean of " + std::to_string(record_.frames) + " normalised frames"}));
  record_.products.push_back(
      write_product(context, "reconstruction", reconstruction_,
                    {"tilecompile: tile-weighted mean of " + std::to_string(record_.frames) +
                     " normalised frames, " + std::to_string(record_.tiles) + " tiles of " +
                     std::to_string(record_.tile_size_px) + " px joined by a windowed overlap-add"}));
  write_preview_png(directory_->path() / "preview.png", in_output_units(context, reconstruction_),
                    kPreviewPx);
}

void MasterRun::write_tile_metrics(const TileJoiner& joiner) {
  ProductHeader header;
  header.cards = {{"RUNID", request_.run_id, "run"}};
  tilecompile::write_tile_metrics(directory_->path() / "tile_metrics.fits",
                                  tile_metrics(joiner, grid_, analysis_.metrics, config_.method.tile),
                                  header);
}

void MasterRun::finish(const std::string& status) {
  clock_.stop();
  record_.status = status;
  record_.phases = clock_.phases();
  record_.bytes_read = process_bytes_read();
  record_.peak_memory_bytes = process_peak_memory();
  record_.finished = utc_now();
  directory_->write("run.json", encode_run_record(record_));
  directory_->append_event("run_" + status);
}

// The record of a run that ends early. What ended it is told, even when the record cannot be written any
// more.
void MasterRun::give_up(const std::string& status) {
  try {
    finish(status);
  } catch (const std::exception& e) {
    log_warning(std::string("the record of the run is lost: ") + e.what());
  }
}

}  // namespace

RunOutcome run_master(const RunRequest& request, const RunLinks& links) {
  return MasterRun(request, links).run();
}

std::filesystem::path storage_root(const RunConfig& config) {
  return config.storage.root.empty() ? std::filesystem::path(config.output.dir)
                                     : std::filesystem::path(config.storage.root);
}

std::size_t memory_limit_bytes(const ParallelConfig& parallel) {
  if (parallel.memory_limit_mb > 0) return static_cast<std::size_t>(parallel.memory_limit_mb) << 20;
  const auto pages = static_cast<std::size_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 2;
}

}  // namespace tilecompile

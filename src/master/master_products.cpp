#include <algorithm>

#include "master_run.hpp"
#include "rejection_report.hpp"
#include "tile_metrics.hpp"
#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/header/shared_sky.hpp"
#include "tilecompile/picture/preview.hpp"

namespace tilecompile {
namespace {

constexpr int kPreviewPx = 1600;
constexpr double kAbandonedAfter_s = 30;

}  // namespace

ProductContext MasterRun::product_context() const {
  ProductContext context;
  context.directory = directory_->path();
  context.first_frame = first_frame_.path;
  context.manifest = manifest_.get();
  context.metrics = &analysis_.metrics;
  context.run_id = request_.run_id;
  context.config_hash = record_.config_hash;
  context.frames_manifest_id = record_.frames_manifest_id;
  context.program = std::string("tilecompile ") + kProgramVersion;
  context.normalized_units = config_.output.normalized_units;
  context.one_sky = one_sky(*manifest_);
  context.classical = &analysis_.classical;
  context.grid = &grid_;
  return context;
}

void MasterRun::write_reconstruction() {
  clock_.start("write products");
  std::vector<CoaddChannel> classical;
  for (std::size_t c = 0; c < analysis_.classical.size(); ++c) {
    const Plane<float> empty(record_.width, record_.height);
    CoaddChannel channel{analysis_.classical[c], analysis_.coverage[c], empty, analysis_.variance[c], empty};
    const auto& coverage = channel.coverage.samples();
    std::transform(coverage.begin(), coverage.end(), channel.weight.samples().begin(),
                   [](std::int32_t n) { return static_cast<float>(n); });
    channel.effective_frames = channel.weight;
    classical.push_back(std::move(channel));
  }
  const std::string frames = std::to_string(record_.frames) + " normalised frames";
  record_.products.push_back(write_product(
      product_context(), {"classical", "classical.fits", {"tilecompile: plain mean of " + frames}, {}, true},
      classical));
  record_.products.push_back(write_product(
      product_context(),
      {"reconstruction",
       "reconstruction.fits",
       {"tilecompile: tile-weighted mean of " + frames + ", " + std::to_string(record_.tiles) + " tiles of " +
        std::to_string(record_.tile_size_px) + " px joined by a windowed overlap-add"},
       {},
       true},
      reconstruction_));
  write_tile_metrics();
  write_rejection();
}

void MasterRun::write_final(const ProductPlan& plan, const std::vector<CoaddChannel>& channels) {
  require(check_finite_where_covered("stack_finite_where_covered", "stacking and validation", channels));
  record_.products.push_back(write_product(product_context(), plan, channels));
  write_preview_png(directory_->path() / "preview.png", in_output_units(product_context(), channels),
                    kPreviewPx);
  judge_final(record_.products.back());
}

// The verdict is about the area that all frames cover, where there is one: elsewhere depth differs from pixel
// to pixel.
void MasterRun::judge_final(const ProductRecord& product) {
  const auto& qualities = product.common_area.empty() ? product.covered_area : product.common_area;
  for (std::size_t c = 0; c < qualities.size(); ++c) {
    const VerdictInput input{static_cast<int>(c), qualities[c],
                             tile_weight_variance(joiner_->frame_weight()[c]), product.pattern[c]};
    for (VerdictCheck& check : judge(input, config_.validation)) {
      if (!check.passed)
        log_warning("validation failed: " + check.text,
                    {{"check", check.name}, {"channel", std::to_string(c)}});
      record_.verdict.push_back(std::move(check));
    }
  }
}

void MasterRun::write_tile_metrics() {
  ProductHeader header;
  header.cards = {{"RUNID", request_.run_id, "run"}};
  tilecompile::write_tile_metrics(directory_->path() / "tile_metrics.fits",
                                  tile_metrics(*joiner_, grid_, analysis_.metrics, config_.method.tile),
                                  header);
}

void MasterRun::write_rejection() {
  if (config_.method.reconstruction.rejection.mode == RejectionParams::Mode::kNone) return;
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest_->frames) paths.push_back(f.path);
  const RejectionReport report = rejection_report(*joiner_, grid_, analysis_.metrics, paths);
  directory_->write("rejection.csv", report.csv);
  record_.rejection = report.summary;
}

void MasterRun::write_frame_table() {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest_->frames) paths.push_back(f.path);
  directory_->write("frame_metrics.csv", frame_metrics_csv(analysis_.metrics, paths, clusters_.of_frame));
}

void MasterRun::finish(const std::string& status) {
  clock_.stop();
  record_.status = status;
  record_.phases = clock_.phases();
  record_.workers.clear();
  for (const auto& [id, w] : workers_.workers())
    record_.workers.push_back(
        {id, w.tiles, w.failures, w.handed_back, w.rejected, w.last_failure, w.last_failure_time});
  record_.bytes_read = process_bytes_read();
  record_.peak_memory_bytes = process_peak_memory();
  record_.finished = utc_now();
  directory_->write("run.json", encode_run_record(record_));
  directory_->append_event("run_" + status);
  // A worker of this process has come to its end when the run has; others may still be writing.
  const bool complete = status == "done" || status == "failed_validation";
  sweep(request_.mode == "run" && complete ? 0 : kAbandonedAfter_s);
  results_end_.reset();  // last: it waits for a broker that has gone away
}

// What a worker or a master left half-written when it died; files still being written are younger.
void MasterRun::sweep(double age_s) const {
  std::size_t swept = sweep_temporary_files(directory_->path(), age_s);
  const auto stored = storage_root(config_) / request_.run_id;
  if (std::filesystem::is_directory(stored)) swept += sweep_temporary_files(stored, age_s);
  if (swept > 0) log_info("left-over temporary files removed", {{"files", std::to_string(swept)}});
}

// The record of a run that ends early. What ended it is told, even when the record cannot be written any
// more.
void MasterRun::give_up(const std::string& status) {
  if (!directory_) return;  // it failed before anything was done
  try {
    finish(status);
    // What is wrong with the frames is cured by other frames, which are another run.
    const bool by_input = record_.error_kind == kind_name(ErrorKind::kInput);
    if (by_input && tiles_began_ == Clock::time_point{}) return;
    log_warning("the run can go on where it stopped: give the same command --resume " + request_.run_id);
  } catch (const std::exception& e) {
    log_warning(std::string("the record of the run is lost: ") + e.what());
  }
}

}  // namespace tilecompile

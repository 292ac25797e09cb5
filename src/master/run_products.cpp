#include "run_products.hpp"

#include <algorithm>

#include "tile_metrics.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/header/shared_sky.hpp"
#include "tilecompile/picture/preview.hpp"
#include "tilecompile/report/rejection_report.hpp"

namespace tilecompile {
namespace {

constexpr int kPreviewPx = 1600;
constexpr const char *kClassical = "classical", *kReconstruction = "reconstruction";

std::vector<std::string> frame_paths(const NightFrames& frames) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : frames.manifest->frames) paths.push_back(f.path);
  return paths;
}

// Of the classical stack, in which every frame weighs 1.
std::vector<ProductPlanes> classical_planes(const Analysis& analysis) {
  std::vector<ProductPlanes> planes;
  for (std::size_t c = 0; c < analysis.classical.size(); ++c)
    planes.push_back({&analysis.classical[c], &analysis.coverage[c], &analysis.variance[c]});
  return planes;
}

const ProductRecord& product_named(const RunRecord& record, const char* name) {
  return *std::find_if(record.products.begin(), record.products.end(),
                       [&](const ProductRecord& p) { return p.name == name; });
}

// The verdict is about the area that all frames cover, where there is one: elsewhere depth differs from pixel
// to pixel.
void judge_final(RunUnderWay& run, const TileJoiner& tiles, const ProductRecord& product) {
  const auto& qualities = product.common_area.empty() ? product.covered_area : product.common_area;
  for (std::size_t c = 0; c < qualities.size(); ++c) {
    const VerdictInput input{static_cast<int>(c), qualities[c], tile_weight_variance(tiles.frame_weight()[c]),
                             product.pattern[c]};
    for (VerdictCheck& check : judge(input, run.config.validation)) {
      if (!check.passed)
        log_warning("validation failed: " + check.text,
                    {{"check", check.name}, {"channel", channel_name(check.channel, run.record.channels)}});
      run.record.verdict.push_back(std::move(check));
    }
  }
}

void show_and_judge(RunUnderWay& run, const TileJoiner& tiles, const ProductContext& context,
                    const std::vector<CoaddChannel>& channels) {
  const std::filesystem::path& folder = run.directory->path();
  const Image picture = in_output_units(context, channels);
  write_pictures({folder / "preview.png", folder / "preview.jpg"}, picture, {kPreviewPx}, run.threads);
  if (run.request.config.output.tiff) write_pictures({folder / "picture.tif"}, picture);
  judge_final(run, tiles, run.record.products.back());
}

void write_metrics_of_tiles(const RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles) {
  if (!night.analysis.metrics.frame_tables) return;
  ProductHeader header;
  header.cards = {{"RUNID", run.request.run_id, "run"}};
  write_tile_metrics(run.directory->path() / "tile_metrics.fits",
                     tile_metrics(tiles, night.grid, night.analysis.metrics, run.config.method.tile), header);
}

void write_rejection(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles) {
  if (!night.analysis.metrics.frame_tables) return;
  if (run.config.method.reconstruction.rejection.mode == RejectionParams::Mode::kNone) return;
  const RejectionReport report = rejection_report(tiles.rejected_low(), tiles.rejected_high(), night.grid,
                                                  night.analysis.metrics, frame_paths(night.frames));
  run.directory->write("rejection.csv", report.csv);
  run.record.rejection = report.summary;
}

}  // namespace

ProductContext product_context(RunUnderWay& run, const AnalysedNight& night, const Yardstick* yardstick) {
  ProductContext context;
  context.yardstick = yardstick;
  context.directory = run.directory->path();
  context.first_frame = night.first_frame.path;
  context.manifest = night.frames.manifest.get();
  context.metrics = &night.analysis.metrics;
  context.run_id = run.request.run_id;
  context.config_hash = run.record.config_hash;
  context.frames_manifest_id = run.record.frames_manifest_id;
  context.program = std::string("tilecompile ") + kProgramVersion;
  context.normalized_units = run.config.output.normalized_units;
  context.one_sky = one_sky(*night.frames.manifest);
  context.classical = &night.analysis.classical;
  context.grid = &night.grid;
  context.threads = run.threads;
  context.names = &run.names;
  if (night.frames.raw) context.on_reference = &night.frames.raw->registration.grid;
  return context;
}

void write_reconstruction(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                          const std::vector<CoaddChannel>& reconstruction, const Yardstick& yardstick) {
  run.clock.start("write products");
  RunRecord& record = run.record;
  ProductContext context = product_context(run, night, &yardstick);
  const std::string frames = std::to_string(record.frames) + " normalised frames";
  record.products.push_back(write_product(
      context, {kClassical, "classical.fits", {"tilecompile: plain mean of " + frames}, {}, true},
      classical_planes(night.analysis)));
  const std::vector<PictureFigures> plain = record.products.back().figures;
  context.plain = &plain;
  record.products.push_back(write_product(
      context,
      {kReconstruction,
       "reconstruction.fits",
       {"tilecompile: tile-weighted mean of " + frames + ", " + std::to_string(record.tiles) + " tiles of " +
        std::to_string(record.tile_size_px) + " px joined by a windowed overlap-add"},
       {},
       true},
      planes_of(reconstruction)));
  write_metrics_of_tiles(run, night, tiles);
  write_rejection(run, night, tiles);
  write_rejected_light(context, reconstruction);
}

void write_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                 const ProductPlan& plan, const std::vector<CoaddChannel>& channels,
                 const Yardstick& yardstick) {
  require(run, check_finite_where_covered("stack_finite_where_covered", "stacking and validation", channels));
  ProductContext context = product_context(run, night, &yardstick);
  const std::vector<PictureFigures> plain = product_named(run.record, kClassical).figures;
  context.plain = &plain;
  run.record.products.push_back(write_product(context, plan, planes_of(channels)));
  show_and_judge(run, tiles, context, channels);
}

void link_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                const ProductPlan& plan, const std::vector<CoaddChannel>& reconstruction) {
  require(run, check_finite_where_covered("stack_finite_where_covered", "stacking and validation",
                                          reconstruction));
  run.names.wait();
  const ProductContext context = product_context(run, night);
  run.record.products.push_back(link_product(context, product_named(run.record, kReconstruction), plan));
  show_and_judge(run, tiles, context, reconstruction);
}

void write_frame_table(const RunUnderWay& run, const AnalysedNight& night, const Clusters& clusters) {
  run.directory->write("frame_metrics.csv", frame_metrics_csv(night.analysis.metrics,
                                                              frame_paths(night.frames), clusters.of_frame));
}

}  // namespace tilecompile

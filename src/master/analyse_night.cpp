#include "analyse_night.hpp"

#include "frame_tasks.hpp"
#include "hash_frames.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/checks.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/shared_sky.hpp"
#include "tilecompile/passes/drizzled_stack.hpp"
#include "tilecompile/passes/star_pass.hpp"
#include "tilecompile/products/products.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {
namespace {

// Sets bad frames aside, or ends the run when there are too many; true when there are none.
bool note_proofs(RunUnderWay& run, AnalysedNight& night, const ProofVerdict& verdict) {
  for (std::size_t f = 0; f < verdict.proofs.size(); ++f) {
    const FrameProof& p = verdict.proofs[f];
    log_debug("frame proof", {{"frame", night.frames.manifest->frames[f].path},
                              {"on_frame", std::to_string(p.on_frame)},
                              {"expected", std::to_string(p.expected)},
                              {"found", std::to_string(p.found)},
                              {"dx", std::to_string(p.dx)},
                              {"dy", std::to_string(p.dy)},
                              {"phi", std::to_string(p.flux_scale)},
                              {"spread", std::to_string(p.flux_spread)},
                              {"outcome", std::to_string(static_cast<int>(p.outcome))}});
  }
  if (!verdict.groups.empty()) throw InputError(verdict.groups + ":" + listed(verdict.bad));
  if (!verdict.warning.empty()) night.analysis.warnings.push_back(verdict.warning);
  set_aside(run, night.frames, verdict.bad);
  return verdict.bad.empty();
}

// The classical stack of frames that are drizzled, once they are measured.
void drizzle_classical(RunUnderWay& run, AnalysedNight& night, const FrameSource& source) {
  if (!source.drizzles()) return;
  run.clock.start("drizzle classical stack");
  const int rows = drizzled_block_rows(night.analysis.metrics.image_height);
  PhaseProgress progress(run, "drizzling", "rows of blocks", static_cast<std::size_t>(rows));
  stack_drizzled_frames(night.analysis, source, run.config.method, band_memory_bytes(run.config, false),
                        run.threads, progress);
}

enum class Look { kGood, kFramesLeftOut, kInDoubt };

// One look at all frames.
Look analyse_once(RunUnderWay& run, AnalysedNight& night) {
  if (run.links.mode != RunMode::kRun) hash_frames(run, night.frames);
  FrameSource source = source_of(run, night.frames);
  FrameTasks tasks(run, night.frames, source);
  const MethodConfig& method = run.config.method;
  const auto frames = static_cast<std::size_t>(run.record.frames);
  run.clock.start("analyse frames");
  const auto began = RunUnderWay::Clock::now();
  {
    PhaseProgress progress(run, "analysing frames", "frames", frames);
    night.analysis = analyse_frames(source.manifest(), method, *tasks.passes(progress));
  }
  if (analysis_in_doubt(run)) return Look::kInDoubt;
  if (std::vector<BadFrame> bad = night.analysis.bad_frames; !bad.empty()) {
    if (hashes_in_doubt(run, listed(bad))) return Look::kInDoubt;
    if (run.config.input.on_bad_frame == OnBadFrame::kError) add_other_bad_frames(run, night.frames, bad);
    set_aside(run, night.frames, bad);
    return Look::kFramesLeftOut;
  }
  know_frames(run, night.frames);
  source = source_of(run, night.frames);  // by hashes that are known now
  run.check_stop();
  run.stack_seconds = std::chrono::duration<double>(RunUnderWay::Clock::now() - began).count();
  run.clock.start("measure seeing");
  const ProofJob proof = proof_job(run, source);
  const FrameMetrics before = night.analysis.metrics;
  ProofList stars;
  bool by_others = false;
  {
    PhaseProgress progress(run, "measuring stars", "frames", frames);
    const std::unique_ptr<FramePasses> passes = tasks.passes(progress);
    by_others = passes->by_others();
    StarCatalogue reference;
    two_at_once(
        run.threads, [&] { stars = find_proof_stars(proof, night.analysis, *passes); },
        [&] { reference = find_reference_stars(night.analysis, source, method); });
    measure_seeing(night.analysis, source, method, run.threads, *passes, std::move(reference), stars);
  }
  if (analysis_in_doubt(run)) return Look::kInDoubt;
  const ProofVerdict verdict = by_others ? judge_proofs_of_others(proof, night.analysis, stars, before)
                                         : judge_proofs(proof, night.analysis, stars);
  if (!note_proofs(run, night, verdict)) return Look::kFramesLeftOut;
  drizzle_classical(run, night, source);
  return Look::kGood;
}

// All frames that are good. Whoever left out frames by what a liar said takes them in again.
AnalysedNight analyse_frames_of(RunUnderWay& run, const NightFrames& frames) {
  const RunRecord before = run.record;
  AnalysedNight night{frames, {}, {}, {}};
  for (Look look = analyse_once(run, night); look != Look::kGood; look = analyse_once(run, night)) {
    if (look == Look::kInDoubt) {
      run.record = before;
      night = {frames, {}, {}, {}};
      continue;
    }
    check_hard_assumptions(*night.frames.manifest, run.config.method.data);
    note_manifest(run, night.frames);
  }
  return night;
}

void check_analysis(RunUnderWay& run, const AnalysedNight& night) {
  const DataParams& data = run.config.method.data;
  for (NamedCheck& check : header_checks(*night.frames.manifest, data)) require(run, std::move(check));
  require(run, check_background_positive(night.analysis.metrics, run.config.method.normalization));
  check_output_units(night.analysis.metrics, run.config.output.normalized_units);
  require(run, {"linear_data", "input checks", true,
                data.linear_required ? "no header and no histogram tells of a stretch"
                                     : "not asked for: data.linear_required is false"});
  require(run, check_grid_covers_image(night.grid));
  require(run, check_window_sum_positive(night.grid));
}

void note_analysis(RunRecord& record, const AnalysedNight& night, const GridParams& params) {
  const FrameMetrics& metrics = night.analysis.metrics;
  record.seeing_px = metrics.seeing_px;
  record.reference_stars = static_cast<int>(metrics.stars.size());
  record.tiles = static_cast<int>(night.grid.tiles.size());
  record.tile_size_px = night.grid.size;
  for (const Box& tile : night.grid.tiles) {
    const auto stars = stars_in_tile(tile, metrics.stars, metrics.star_radius_px);
    record.star_tiles += tile_kind(stars.size(), params) == TileKind::kStar ? 1 : 0;
  }
  log_info("frames analysed", {{"frames", std::to_string(record.frames)},
                               {"seeing_px", std::to_string(record.seeing_px)},
                               {"reference_stars", std::to_string(record.reference_stars)},
                               {"tiles", std::to_string(record.tiles)},
                               {"tile_size_px", std::to_string(record.tile_size_px)}});
}

}  // namespace

AnalysedNight analyse_night(RunUnderWay& run, const NightFrames& frames) {
  AnalysedNight night = analyse_frames_of(run, frames);
  const MethodConfig& method = run.config.method;
  for (const std::string& text : header_warnings(*night.frames.manifest)) warn(run, text);
  for (const std::string& text : file_warnings(*night.frames.manifest)) warn(run, text);
  night.first_frame = header_file(run, night.frames);
  run.check_stop();
  night.grid = build_grid(run.record.width, run.record.height, night.analysis.metrics.seeing_px, method.tile);
  check_analysis(run, night);
  for (const std::string& warning : night.analysis.warnings) warn(run, warning);
  note_analysis(run.record, night, method.tile);
  night.analysis.metrics.frame_tables =
      run.config.output.tile_metrics || synthetic_enabled(run.record.frames, method.synthetic);
  const ObjectReference sums = share_frame_sums(run, night.frames);
  night.analysis.metrics.sums_ref = sums.ref;
  night.analysis.metrics.sums_checksum = sums.checksum;
  return night;
}

}  // namespace tilecompile

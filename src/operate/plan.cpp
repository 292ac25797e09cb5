#include "tilecompile/operate/plan.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "plan_sample.hpp"
#include "probe_run.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/dispatch/task_size.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/shared_sky.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/passes/frame_proofs.hpp"
#include "tilecompile/passes/raw_sample.hpp"
#include "tilecompile/passes/star_pass.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

constexpr int kSampleFrames = 4;
double elapsed_s(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// Seconds of one task of one tile on the sample: the first time with reading, the second from memory.
void time_tile(const RunConfig& config, const FrameOrigin& frames, const Manifest& few, const RawSample& raw,
               const FrameMetrics& metrics, const Box& box, const std::shared_ptr<VerifiedFiles>& verified,
               PlanSample& sample) {
  const auto store = open_memory_store();
  TileTask task = share_task(*store, config.method, few, metrics);
  task.tiles = {{0, box, 0, "", ""}};
  if (raw.night) {
    store->put(registration_key(task.run_id), raw.registration_json);
    task.input_stage = "raw";
  }
  RunContexts runs(*store, frames, memory_limit_bytes(config.parallel), 1, verified);
  double seconds[2] = {};
  for (double& s : seconds)
    execute_task(encode_task(task), runs, *store, {"plan", 1}, [&](const ResultMessage& r) {
      if (r.failure) throw_failure(*r.failure, "a tile of the sample fails: " + r.failure->text);
      s = r.compute_seconds;
    });
  sample.tile_compute_s = seconds[1] / sample.frames;
  sample.tile_read_s = std::max(0.0, seconds[0] - seconds[1]) / sample.frames;
}

// Ends the plan or warns, as the run would.
void leave_out(const RunConfig& config, const std::vector<BadFrame>& bad, Manifest& manifest, RunPlan& plan) {
  if (bad.empty()) return;
  manifest = without(manifest, bad);
  if (config.input.on_bad_frame == OnBadFrame::kError)
    refuse_frames(bad, manifest.frames.size() + bad.size());
  plan.bad_frames.insert(plan.bad_frames.end(), bad.begin(), bad.end());
  check_bad_share(plan.bad_frames, manifest.frames.size() + plan.bad_frames.size(),
                  config.input.max_bad_share);
  for (const BadFrame& frame : bad)
    plan.warnings.push_back("frame quarantined: " + frame.path + ": " + frame.reason);
}

// The sample as the run will read it: raw frames are registered, which says what the output is.
RawSample register_raw(const RunConfig& config, const FrameOrigin& frames, const Manifest& few, int all,
                       const std::shared_ptr<VerifiedFiles>& verified, RunPlan& plan, PlanSample& sample) {
  const auto began = std::chrono::steady_clock::now();
  RawSample raw = register_sample(config, frames, few, verified, all, plan.threads);
  sample.register_s = elapsed_s(began) / static_cast<double>(few.frames.size());
  for (const BadFrame& frame : raw.not_registered)
    plan.warnings.push_back("in the sample: " + frame.path + " cannot be registered: " + frame.reason);
  plan.width = raw.manifest->width();
  plan.height = raw.manifest->height();
  plan.channels = raw.manifest->channels();
  sample.drizzle = raw.drizzle;
  return raw;
}

PlanSample measure_sample(const RunConfig& config, const FrameOrigin& frames, Manifest& manifest,
                          double fwhm_px, const std::shared_ptr<VerifiedFiles>& verified, RunPlan& plan,
                          Grid& grid) {
  auto few = std::make_shared<Manifest>(spread_frames(manifest, kSampleFrames));
  PlanSample sample;
  RawSample raw;
  if (calibrates(config)) {
    raw =
        register_raw(config, frames, *few, static_cast<int>(manifest.frames.size()), verified, plan, sample);
    few = raw.manifest;
  }
  const FrameSource source(frames, few, config.method.data.zero_is_nodata, verified, raw.night);
  plan.samples = source.band_samples();
  sample.frames = plan.sample_frames = static_cast<int>(few->frames.size());
  const int threads = std::min(plan.threads, sample.frames);
  auto began = std::chrono::steady_clock::now();
  Analysis analysis = analyse_frames(source, config.method, threads);
  if (!analysis.bad_frames.empty()) {
    leave_out(config, analysis.bad_frames, manifest, plan);
    check_hard_assumptions(manifest, config.method.data);
    return measure_sample(config, frames, manifest, fwhm_px, verified, plan, grid);
  }
  sample.analyse_s = elapsed_s(began) / sample.frames * threads / plan.threads;
  began = std::chrono::steady_clock::now();
  const bool proved =
      config.input.prove_frames && (config.input.stage != InputStage::kRaw || raw.night);  // else they drift
  const ProofJob proof{source, config.method, threads, memory_limit_bytes(config.parallel), nobody(), proved};
  const ProofList proof_stars = find_proof_stars(proof, analysis);
  measure_seeing(analysis, source, config.method, threads, nobody(), proof_stars);
  const ProofVerdict verdict = judge_proofs(proof, analysis, proof_stars);
  if (verdict.groups.empty() && !verdict.bad.empty()) {
    leave_out(config, verdict.bad, manifest, plan);
    check_hard_assumptions(manifest, config.method.data);
    return measure_sample(config, frames, manifest, fwhm_px, verified, plan, grid);
  }
  for (const std::string& text : {verdict.groups, verdict.warning})
    if (!text.empty())
      plan.warnings.push_back("in the sample of " + std::to_string(sample.frames) + ": " + text);
  sample.seeing_s = elapsed_s(began) / sample.frames * threads / plan.threads;
  plan.warnings.insert(plan.warnings.end(), analysis.warnings.begin(), analysis.warnings.end());
  plan.seeing_px = fwhm_px > 0 ? fwhm_px : analysis.metrics.seeing_px;
  plan.seeing_from =
      fwhm_px > 0 ? "given by --fwhm"
                  : "measured on " + std::to_string(sample.frames) + " frames; the run measures all of them";
  grid = build_grid(plan.width, plan.height, plan.seeing_px, config.method.tile);
  time_tile(config, frames, *few, raw, analysis.metrics, grid.tiles[grid.tiles.size() / 2], verified, sample);
  return sample;
}

void count_tasks(const RunConfig& config, const Grid& grid, const PlanSample& sample, RunPlan& plan) {
  const int configured = config.parallel.batch;
  TileRound round;
  round.grid = &grid;
  set_task_size(
      round, config,
      {plan.width, plan.height, plan.frames, plan.threads, plan.samples, sample.analyse_s * plan.frames});
  std::vector<int> settings = {0, 1, 4, 16};
  if (std::find(settings.begin(), settings.end(), configured) == settings.end())
    settings.push_back(configured);
  for (const int batch : settings) {
    round.batch = batch;
    plan.tasks.emplace_back(
        (batch == 0 ? "auto" : std::to_string(batch)) + (batch == configured ? " (configured)" : ""),
        static_cast<int>(make_tasks(round).size()));
  }
}

// Planes of 4 bytes a pixel and channel.
void add_room(const RunConfig& config, const Grid& grid, RunPlan& plan) {
  constexpr std::uint64_t kProducts = 3, kWithMaps = 5, kRejectedLight = 2, kTilePlanes = 5, kBytes = 4;
  const bool rejects = config.method.reconstruction.rejection.mode != RejectionParams::Mode::kNone;
  const std::uint64_t light = rejects ? kRejectedLight : 0,
                      image = static_cast<std::uint64_t>(plan.width) *
                              static_cast<std::uint64_t>(plan.height) *
                              static_cast<std::uint64_t>(plan.channels) * kBytes,
                      products = kProducts + static_cast<std::uint64_t>(plan.synthetic_frames);
  plan.products_bytes = image * (products * kWithMaps + light);
  std::uint64_t tiles = 0;
  for (const Box& tile : grid.tiles) tiles += tile.area();
  const auto rounds = 1 + static_cast<std::uint64_t>(plan.synthetic_frames);
  plan.tiles_bytes =
      tiles * static_cast<std::uint64_t>(plan.channels) * kBytes * (rounds * kTilePlanes + light);
  if (config.input.stage == InputStage::kRaw && !calibrates(config))
    plan.registered_bytes = 2 * image * static_cast<std::uint64_t>(plan.frames);
}

}  // namespace

RunPlan plan_run(const RunRequest& request, double fwhm_px) {
  const RunConfig& config = request.config;
  const auto verified = std::make_shared<VerifiedFiles>();
  RunPlan plan;
  plan.threads = thread_count(config.parallel.threads);
  const auto began = std::chrono::steady_clock::now();
  FrameOrigin frames = open_frames(config);
  const FrameListing listing = list_frames(frames, config.input.pattern);
  const std::vector<std::string>& paths = listing.paths;
  plan.warnings = listing.notes;
  Manifest manifest;
  {
    Progress progress("reading headers", "frames", static_cast<int>(paths.size()), request.quiet);
    ScannedFrames found = scan_frames(
        frames, paths, plan.threads,
        {config.method.data, config.input.stage == InputStage::kRaw, config.input.count_duplicates}, verified,
        progress);
    manifest = std::move(found.manifest);
    for (const BadFrame& frame : found.left_out)
      plan.warnings.push_back("left out: " + frame.path + ": " + frame.reason);
    plan.warnings.insert(plan.warnings.end(), found.warnings.begin(), found.warnings.end());
    leave_out(config, found.bad, manifest, plan);
  }
  check_hard_assumptions(manifest, config.method.data);
  const double scan_s = elapsed_s(began);
  plan.config_hash = sha256_hex(canonical_method_json(config.method));
  plan.width = manifest.width();
  plan.height = manifest.height();
  plan.channels = manifest.channels();
  Grid grid;
  // As large a part of the sample is kept as of all frames in the run.
  frames.kept = std::make_shared<KeptFrames>(kept_memory_bytes(config.parallel) * kSampleFrames /
                                             manifest.frames.size());
  PlanSample sample = measure_sample(config, frames, manifest, fwhm_px, verified, plan, grid);
  const std::vector<std::string> odd_headers = header_warnings(manifest);
  plan.warnings.insert(plan.warnings.end(), odd_headers.begin(), odd_headers.end());
  plan.frames_manifest_id = sha256_hex(encode_manifest(manifest));
  plan.frames = static_cast<int>(manifest.frames.size());
  if (synthetic_enabled(plan.frames, config.method.synthetic))
    plan.synthetic_frames = cluster_count(plan.frames, config.method.synthetic);
  plan.tile_size_px = grid.size;
  plan.overlap_px = grid.overlap;
  plan.tiles = static_cast<int>(grid.tiles.size());
  count_tasks(config, grid, sample, plan);
  add_room(config, grid, plan);
  plan.masters_bytes = raw_costs(config, manifest, 1).masters_disk_bytes;
  sample.scan_s = scan_s;
  plan.phases = planned_phases(config, manifest, grid, sample, plan);
  for (const std::string& text : file_warnings(manifest)) plan.warnings.push_back(text);
  if (const std::string text = ignored_keys_text(config); !text.empty()) plan.warnings.push_back(text);
  if (calibrates(config) && config.registration.debayer == "auto" &&
      (plan.channels == 3 || config.registration.output_scale > 1))
    plan.warnings.push_back(std::string("planned with ") +
                            (sample.drizzle.drizzle ? "drizzled" : "interpolated") +
                            " frames, as a sample of them tells: " + sample.drizzle.why +
                            "; registration.debayer: auto decides when all frames are known");
  if (config.input.stage == InputStage::kRaw && !calibrates(config))
    plan.warnings.emplace_back(
        "planned on the raw frames as they are: registering them, and colour planes made from one sensor "
        "plane, come on top");
  return plan;
}

nlohmann::json plan_json(const RunPlan& plan) {
  nlohmann::json phases = nlohmann::json::array(), tasks = nlohmann::json::object();
  for (const PlannedPhase& p : plan.phases)
    phases.push_back({{"name", p.name},
                      {"read_bytes", p.read_bytes},
                      {"memory_bytes", p.memory_bytes},
                      {"seconds", p.seconds}});
  for (const auto& [batch, count] : plan.tasks) tasks[batch.substr(0, batch.find(' '))] = count;
  return {
      {"config_hash", plan.config_hash},
      {"frames_manifest_id", plan.frames_manifest_id},
      {"frames",
       {{"count", plan.frames}, {"width", plan.width}, {"height", plan.height}, {"channels", plan.channels}}},
      {"seeing_px", plan.seeing_px},
      {"seeing_from", plan.seeing_from},
      {"tiles", {{"count", plan.tiles}, {"size_px", plan.tile_size_px}, {"overlap_px", plan.overlap_px}}},
      {"synthetic_frames", plan.synthetic_frames},
      {"threads", plan.threads},
      {"tasks", tasks},
      {"sample_frames", plan.sample_frames},
      {"phases", phases},
      {"disk",
       {{"products_bytes", plan.products_bytes},
        {"registered_bytes", plan.registered_bytes},
        {"masters_bytes", plan.masters_bytes},
        {"tiles_bytes", plan.tiles_bytes}}},
      {"warnings", plan.warnings}};
}

}  // namespace tilecompile

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "frame_tasks.hpp"
#include "night_frames.hpp"
#include "resume.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/passes/drizzle_choice.hpp"
#include "tilecompile/passes/placed_night.hpp"
#include "tilecompile/passes/registration_pass.hpp"

namespace tilecompile {
namespace {

using Masters = std::vector<std::shared_ptr<const CalibrationMasters>>;

std::vector<std::string> paths_of(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest.frames) paths.push_back(f.path);
  return paths;
}

void scan_raw(RunUnderWay& run, NightFrames& frames) {
  scan_files(run, frames, list_night(run, frames), true);
  check_hard_assumptions(*frames.manifest, run.config.method.data);
}

int reference_asked_for(const RunUnderWay& run, const Manifest& manifest) {
  const std::string& name = run.config.registration.reference;
  if (name == "auto") return -1;
  for (std::size_t f = 0; f < manifest.frames.size(); ++f)
    if (manifest.frames[f].path == name) return static_cast<int>(f);
  throw UsageError("registration.reference '" + name +
                   "' is none of the raw frames that can be used; name one as run.json lists them, or auto");
}

/// A phase that shows no progress.
struct QuietPhase : Observer {
  explicit QuietPhase(RunUnderWay& under_way) : run(under_way) {}
  void check_stop() override { run.check_stop(); }
  void watch() override { run.links.workers->watch(); }
  RunUnderWay& run;
};

// Masters are made by workers, where there are any that see the frames of calibration. What those have made
// is remembered for later runs when they are beyond doubt, what this process has made at once.
CalibrationPlan plan_calibration(RunUnderWay& run, const FrameSource& lights) {
  run.clock.start("calibration");
  QuietPhase phase(run);
  const auto passes_over = [&](const FrameSource& frames, const std::string& place) {
    return calibration_passes(run, frames, place, phase);
  };
  const CalibrationJob job{run.config,
                           lights,
                           *run.links.store,
                           run.directory->path(),
                           run.links.verified,
                           run.threads,
                           phase,
                           passes_over,
                           memory_limit_bytes(run.config.parallel)};
  CalibrationPlan plan;
  try {
    plan = make_calibration(job);
  } catch (const InputError& e) {
    analysis_in_doubt(run);
    if (!run.pieces.has_calibration()) throw;
    log_warning(std::string("the master makes the masters itself, to see whether this is so: ") + e.what());
    run.workers.cannot_calibrate();
    plan = make_calibration(job);
  }
  const auto by_workers = std::stable_partition(plan.made.begin(), plan.made.end(),
                                                [](const auto& made) { return !made.by_others; });
  run.made_masters.assign(by_workers, plan.made.end());
  plan.made.erase(by_workers, plan.made.end());
  remember_masters(*run.links.store, plan.made);
  analysis_in_doubt(run);  // then it begins anew
  for (const std::string& text : plan.warnings) warn(run, text);
  for (const std::string& text : plan.notes) {
    log_info(text);
    run.directory->append_event("calibration", {{"text", text}});
  }
  return plan;
}

// A frame that was asked for as the reference, and cannot be, is the only one to blame.
void check_reference(const RunConfig& config, const NightFits& fits) {
  if (config.registration.reference == "auto") return;
  const auto reference = static_cast<std::size_t>(fits.reference);
  std::string why = fits.fits[reference].problem;
  if (why.empty() && fits.stars[reference].chosen.empty()) why = "it shows no stars";
  if (!why.empty())
    throw InputError("the frame that registration.reference names cannot be the reference: " +
                     config.registration.reference + ": " + why + "; name another one, or auto");
}

// By workers where there are any: the frames as they are scanned, with the masters, are all that it takes.
NightStars find_stars(RunUnderWay& run, NightFrames& frames, const CalibrationPlan& calibration,
                      const Masters& masters) {
  const double saturation = run.config.method.data.saturation;
  const StarFinding how{calibration.cfa,
                        saturation > 0 ? saturation : std::numeric_limits<double>::infinity(),
                        calibration.group_of_frame, calibration.groups, masters};
  run.record.config_hash = sha256_hex(canonical_method_json(run.config.method));
  const FrameSource source = source_of(run, frames);
  FrameTasks tasks(run, frames, source);
  PhaseProgress progress(run, "finding stars", "frames", frames.manifest->frames.size());
  NightStars found = tasks.passes(progress)->find_stars(how);
  analysis_in_doubt(run);  // then it begins anew
  return found;
}

NightFits find_transforms(RunUnderWay& run, NightFrames& frames, const CalibrationPlan& calibration,
                          const Masters& masters) {
  run.clock.start("register frames");
  const RegistrationConfig& config = run.config.registration;
  return register_night(
      find_stars(run, frames, calibration, masters), reference_asked_for(run, *frames.manifest),
      {config.allow_rotation || config.transform != "auto" ? model_from_name(config.transform)
                                                           : TransformModel::kShift,
       config.min_star_matches},
      run.threads, run);
}

// Frames that could not be registered, with why.
std::vector<BadFrame> not_registered(const Manifest& manifest, const NightFits& fits) {
  std::vector<BadFrame> bad;
  for (std::size_t f = 0; f < manifest.frames.size(); ++f)
    if (!fits.fits[f].transform) bad.push_back({manifest.frames[f].path, fits.fits[f].problem});
  return bad;
}

void note_drizzle(RunUnderWay& run, const DrizzleChoice& choice) {
  const LogFields fields = {{"frames_are", choice.drizzle ? "drizzled" : "interpolated"},
                            {"why", choice.why}};
  log_info("how frames go into the picture", fields);
  run.directory->append_event("drizzle_choice", fields);
}

void note_registration(RunUnderWay& run, const Registration& r, const NightFits& fits) {
  int fewest = std::numeric_limits<int>::max();
  double worst = 0;
  for (const FrameFit& fit : fits.fits) {
    if (!fit.transform) continue;
    fewest = std::min(fewest, fit.matched);
    worst = std::max(worst, fit.rms_px);
  }
  const LogFields fields = {{"frames", std::to_string(r.frames.size())},
                            {"reference", r.reference},
                            {"fewest_star_pairs", std::to_string(fewest)},
                            {"worst_rms_px", std::to_string(worst)},
                            {"width", std::to_string(r.grid.width)},
                            {"height", std::to_string(r.grid.height)},
                            {"colour_pattern", r.cfa_pattern.empty() ? "none" : r.cfa_pattern}};
  log_info("frames registered", fields);
  run.directory->append_event("frames_registered", fields);
}

// The facts of the manifest become those of the frames as they are read: all lie where the reference does.
void take_registration(NightFrames& frames, Registration registration, Masters masters) {
  frames.registration_json = encode_registration(registration);
  auto manifest = std::make_shared<Manifest>(*frames.manifest);
  manifest->registration = sha256_hex(frames.registration_json);
  SkyPlace place;
  for (const ManifestEntry& f : manifest->frames)
    if (f.path == registration.reference) place = f.facts.sky_place;
  for (ManifestEntry& f : manifest->frames) {
    f.facts = facts_as_read(f.facts, registration);
    f.facts.sky_place = place;
  }
  frames.manifest = std::move(manifest);
  frames.raw = std::make_shared<RawNight>(RawNight{std::move(registration), std::move(masters)});
}

}  // namespace

void register_raw_frames(RunUnderWay& run, NightFrames& frames) {
  check_drizzle_keys(run.config);
  scan_raw(run, frames);
  if (!run.directory) run.directory.emplace(run.config.output.dir, run.request.run_id);
  const std::shared_ptr<const Manifest> all = frames.manifest;  // stays when frames are set aside
  note_saturation(run, all->frames.front().facts);
  run.record.config_hash = sha256_hex(canonical_method_json(run.config.method));
  note_manifest(run, frames);
  refuse_second_master(run);
  const CalibrationPlan calibration = plan_calibration(run, source_of(run, frames));
  Masters masters;
  for (const CalibrationObjects& group : calibration.groups)
    masters.push_back(load_masters(*run.links.store, group));
  double& saturation = run.config.method.data.saturation;
  if (saturation > 0) saturation = calibrated_saturation(saturation, masters);
  const NightFits fits = find_transforms(run, frames, calibration, masters);
  run.directory->write("registration.csv", registration_csv(fits, paths_of(*all)));
  check_reference(run.config, fits);
  if (fits.reference < 0)
    throw InputError(
        "none of the " + std::to_string(all->frames.size()) +
        " raw frames shows stars, so nothing says how they lie to each other: are these lights, and "
        "was the cap off?");
  Manifest reference;
  reference.frames = {all->frames[static_cast<std::size_t>(fits.reference)]};
  frames.reference = std::make_shared<Manifest>(std::move(reference));
  set_aside(run, frames, not_registered(*all, fits));
  check_hard_assumptions(*frames.manifest, run.config.method.data);
  PlacedNight night = place_night(run.config, *all, fits, calibration);
  Registration& registration = night.registration;
  const int count = static_cast<int>(night.placed.size());
  note_drizzle(run, choose_drizzle(run.config, registration, night.placed, count));
  note_registration(run, registration, fits);
  saturation *= registration.grid.step * registration.grid.step;   // light a pixel
  run.record.configuration = effective_config(run.config).dump();  // with the saturation
  take_registration(frames, std::move(registration), std::move(masters));
}

}  // namespace tilecompile

#include <fnmatch.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "night_frames.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/siril/frame_pattern.hpp"
#include "tilecompile/siril/siril.hpp"

namespace tilecompile {
namespace {

// Folders of a run that hold something else.
void check_output_dir(const std::string& output_dir) {
  const std::filesystem::path folder = std::filesystem::path(output_dir).lexically_normal();
  for (const char* taken : {".", "tiles", "synthetic", "synthetic_tiles", "siril"})
    if (*folder.begin() == taken)
      throw UsageError("registration.output_dir '" + output_dir +
                       "' is a folder of the run itself: name another, for example registered");
}

// The synthetic frames have fixed names; said now, not after hours.
void check_stack_input(const StackingParams& stacking) {
  const auto folder = std::filesystem::path(stacking.input_dir).lexically_normal();
  if ((folder / "").lexically_normal() != std::filesystem::path("synthetic/"))
    throw UsageError("stacking.input_dir is '" + stacking.input_dir +
                     "', but the synthetic frames lie in 'synthetic'");
  if (fnmatch(stacking.input_pattern.c_str(), "syn_00.fits", 0) != 0 ||
      fnmatch(stacking.input_pattern.c_str(), "syn_19.fits", 0) != 0)
    throw UsageError("stacking.input_pattern '" + stacking.input_pattern +
                     "' leaves out synthetic frames: they are named syn_00.fits, syn_01.fits, ...");
}

// Raw frames are registered by Siril; the paths are those of its frames.
std::vector<std::string> register_frames(RunUnderWay& run, NightFrames& frames,
                                         const std::vector<std::string>& raw_paths) {
  if (run.config.registration.engine == RegistrationConfig::Engine::kNone)
    throw UsageError(
        "input.stage is raw, but registration.engine is none: set registration.engine: internal, or register "
        "the frames and set input.stage: registered");
  const std::filesystem::path program = find_siril("registration.engine");
  check_output_dir(run.config.registration.output_dir);
  FramePattern{
      run.config.registration.registered_filename_pattern};  // refused now, not after the registration
  const std::filesystem::path raw_dir = frames.origin.folder;
  scan_files(run, frames, raw_paths, true);
  run.clock.start("register frames");
  const std::shared_ptr<const Manifest> scanned = frames.manifest;  // stays when frames are set aside
  const Manifest& raw = *scanned;
  for (const std::string& text : header_warnings(raw)) warn(run, text);
  check_hard_assumptions(raw, run.config.method.data);
  if (!run.directory) run.directory.emplace(run.config.output.dir, run.request.run_id);
  RegistrationJob job{&run.config.registration, raw_dir, &raw, false, run.directory->path(), {}};
  if (run.config.input.on_bad_frame != OnBadFrame::kError)
    job.leave_out = [&run, &frames](const std::vector<BadFrame>& bad) {
      set_aside(run, frames, bad);
      check_hard_assumptions(*frames.manifest, run.config.method.data);
    };
  const FrameFacts& facts = raw.frames.front().facts;
  job.debayer = needs_debayer(raw_dir / raw.frames.front().path, facts, run.config.method.data);
  PhaseProgress progress(run, "registering", "frames", raw_paths.size());
  const RegisteredFrames registered = register_with_siril({program, run.threads, progress}, job);
  note_saturation(run, facts);
  const LogFields fields = {{"siril", registered.siril_version},
                            {"frames", std::to_string(registered.paths.size())},
                            {"folder", registered.folder.string()},
                            {"reference", registered.reference},
                            {"fewest_star_pairs", std::to_string(registered.fewest_pairs)},
                            {"fewest_star_pairs_in", registered.fewest_pairs_frame},
                            {"debayered", job.debayer ? "yes" : "no"}};
  log_info("frames registered", fields);
  run.directory->append_event("frames_registered", fields);
  run.record.configuration =
      effective_config(run.config).dump();  // with the saturation, and the folder that was given
  frames.origin = FrameOrigin(registered.folder);
  return registered.paths;
}

}  // namespace

std::vector<std::string> list_night(RunUnderWay& run, const NightFrames& frames) {
  FrameListing listing = list_frames(frames.origin, run.config.input.pattern);
  for (const std::string& note : listing.notes) warn(run, note);
  std::vector<std::string> paths = std::move(listing.paths);
  const bool wants_siril = run.config.method.stacking.engine == StackingParams::Engine::kSiril;
  if (wants_siril && synthetic_enabled(static_cast<int>(paths.size()), run.config.method.synthetic)) {
    find_siril("stacking.engine");
    check_stack_input(run.config.method.stacking);
  } else if (wants_siril) {
    log_info("stacking.engine siril is skipped: this run makes no synthetic frames");
  }
  return paths;
}

std::vector<std::string> list_or_register(RunUnderWay& run, NightFrames& frames) {
  const std::vector<std::string> paths = list_night(run, frames);
  if (run.config.input.stage == InputStage::kRaw) return register_frames(run, frames, paths);
  log_info("registration is skipped: the frames are registered already (input.stage)");
  return paths;
}

}  // namespace tilecompile

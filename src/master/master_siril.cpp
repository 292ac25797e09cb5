#include <fnmatch.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "master_run.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/siril/frame_pattern.hpp"
#include "tilecompile/siril/siril.hpp"

namespace tilecompile {
namespace {

constexpr double kSaturatedShare = 0.95;  // of the largest code (`data.saturation`)

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

}  // namespace

std::vector<std::string> MasterRun::frames_to_read() {
  FrameListing listing = list_frames(frames_, config_.input.pattern);
  for (const std::string& note : listing.notes) warn(note);
  std::vector<std::string> paths = std::move(listing.paths);
  const bool wants_siril = config_.method.stacking.engine == StackingParams::Engine::kSiril;
  if (wants_siril && synthetic_enabled(static_cast<int>(paths.size()), config_.method.synthetic)) {
    find_siril("stacking.engine");
    check_stack_input(config_.method.stacking);
  } else if (wants_siril) {
    log_info("stacking.engine siril is skipped: this run makes no synthetic frames");
  }
  if (config_.input.stage == InputStage::kRaw) return register_frames(paths);
  log_info("registration is skipped: the frames are registered already (input.stage)",
           {{"engine", config_.registration.engine}});
  return paths;
}

std::vector<std::string> MasterRun::register_frames(const std::vector<std::string>& raw_paths) {
  if (config_.registration.engine == "none")
    throw UsageError(
        "input.stage is raw, but registration.engine is none: set registration.engine: siril, or register "
        "the "
        "frames and set input.stage: registered");
  const SirilProgram siril{find_siril("registration.engine"), threads_, [this] { check_stop(); }};
  check_output_dir(config_.registration.output_dir);
  FramePattern{config_.registration.registered_filename_pattern};  // refused now, not after the registration
  clock_.start("register frames");
  const std::filesystem::path raw_dir = frames_.folder;
  {
    Progress progress("reading raw frames", "frames", static_cast<int>(raw_paths.size()), request_.quiet);
    take(scan_frames(raw_dir, raw_paths, threads_,
                     {config_.method.data, true, config_.input.count_duplicates, [this] { check_stop(); }},
                     std::make_shared<VerifiedFiles>(), [&](int done) { progress.update(done); }),
         true);
  }
  const std::shared_ptr<const Manifest> scanned = manifest_;  // stays when frames are set aside
  const Manifest& raw = *scanned;
  for (const std::string& text : header_warnings(raw)) warn(text);
  check_hard_assumptions(raw, config_.method.data);
  if (!directory_) directory_.emplace(config_.output.dir, request_.run_id);
  RegistrationJob job{&config_.registration, raw_dir, &raw, false, directory_->path(), {}, {}};
  if (config_.input.on_bad_frame != OnBadFrame::kError)
    job.leave_out = [this](const std::vector<BadFrame>& bad) {
      set_aside(bad);
      check_hard_assumptions(*manifest_, config_.method.data);
    };
  const FrameFacts& facts = raw.frames.front().facts;
  job.debayer = needs_debayer(raw_dir / raw.frames.front().path, facts, config_.method.data);
  Progress progress("registering", "frames", static_cast<int>(raw_paths.size()), request_.quiet);
  job.progress = [&](int done) { progress.update(done); };
  const RegisteredFrames registered = register_with_siril(siril, job);
  // Registered frames are floats, which do not tell where the camera saturates.
  DataParams& data = config_.method.data;
  if (data.saturation == 0 && facts.largest_code > 0) data.saturation = kSaturatedShare * facts.largest_code;
  const LogFields fields = {{"siril", registered.siril_version},
                            {"frames", std::to_string(registered.paths.size())},
                            {"folder", registered.folder.string()},
                            {"reference", registered.reference},
                            {"fewest_star_pairs", std::to_string(registered.fewest_pairs)},
                            {"fewest_star_pairs_in", registered.fewest_pairs_frame},
                            {"debayered", job.debayer ? "yes" : "no"}};
  log_info("frames registered", fields);
  directory_->append_event("frames_registered", fields);
  record_.configuration =
      effective_config(config_).dump();  // with the saturation, and the folder that was given
  frames_ = FrameOrigin(registered.folder);
  return registered.paths;
}

void MasterRun::check_stack_by_siril(const std::vector<CoaddChannel>& final_stack) {
  if (config_.method.stacking.engine != StackingParams::Engine::kSiril) return;
  if (clusters_.count < 2) {
    log_info("stacking.engine siril is skipped: there is one synthetic frame, nothing to stack");
    return;
  }
  clock_.start("check stack with siril");
  const SirilProgram siril{find_siril("stacking.engine"), threads_, [this] { check_stop(); }};
  StackCheckJob job;
  job.frames = frames_to_stack(directory_->path(), config_.method.stacking);
  if (static_cast<int>(job.frames.size()) != clusters_.count)
    throw InputError("stacking.input_pattern '" + config_.method.stacking.input_pattern + "' selects " +
                     std::to_string(job.frames.size()) + " files, the run has " +
                     std::to_string(clusters_.count) + " synthetic frames");
  const Image ours = in_output_units(product_context(), final_stack);
  job.ours = &ours;
  job.run_directory = directory_->path();
  const StackCheck check = check_stack_with_siril(siril, job);
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.3g", check.largest_percent);
  const LogFields fields = {{"siril", check.siril_version},
                            {"frames", std::to_string(clusters_.count)},
                            {"largest_difference_percent_of_median", percent}};
  log_info("Siril's mean of the synthetic frames agrees with ours", fields);
  directory_->append_event("stack_checked", fields);
}

}  // namespace tilecompile

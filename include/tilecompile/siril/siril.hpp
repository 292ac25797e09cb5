#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// An installed Siril and how to call it.
struct SirilProgram {
  std::filesystem::path program;
  int threads = 1;
  Observer& observer = nobody();  ///< may end Siril; hears of frames that were registered
};

/// Looks for siril-cli in PATH. Throws UsageError with the remedy, naming the key that asks for it.
std::filesystem::path find_siril(const std::string& key);

/// Runs a script in `folder` with settings and home of its own, appends what Siril prints to `log` and
/// returns it. A script that fails is an InputError with Siril's own words unless `may_fail`.
std::string run_siril(const SirilProgram& siril, const std::filesystem::path& folder,
                      const std::string& script, const std::filesystem::path& log, double timeout_s,
                      bool may_fail = false);

/// What a registration starts from.
struct RegistrationJob {
  const RegistrationConfig* registration = nullptr;
  std::filesystem::path raw_dir;        ///< input.dir
  const Manifest* raw = nullptr;        ///< the raw frames, checked
  bool debayer = false;                 ///< frames with BAYERPAT become colour frames
  std::filesystem::path run_directory;  ///< Siril works in its folder `siril`, which is removed at the end
  /// Takes the frames that cannot be registered and are left out; what it throws ends the registration.
  /// Empty: none may be left out.
  std::function<void(const std::vector<BadFrame>&)> leave_out;
};

struct RegisteredFrames {
  std::filesystem::path folder;
  std::vector<std::string> paths;  ///< below the folder, in the order of the raw frames that were registered
  std::string reference;           ///< path of the raw reference frame
  int fewest_pairs = 0;            ///< stars shared with the reference, of the frame that shares fewest
  std::string fewest_pairs_frame;
  std::string siril_version;
};

/// Registers all raw frames onto one of them. Siril gets copies scaled into 0.05 .. 0.95 and gives float32:
/// it cuts off what lies outside 0 .. 1 and marks what a frame does not cover by 0. The registered frames are
/// in the units of the raw ones, float32, NaN where not covered; the same input gives the same bytes. Names
/// keep the number of the raw frame. With `reference: auto`, frames that cannot be registered and
/// `leave_out`, other references are tried while the one taken shows too few stars or less than half of the
/// frames fit it. Throws InputError naming every frame that cannot be registered; nothing is left out in
/// silence.
RegisteredFrames register_with_siril(const SirilProgram& siril, const RegistrationJob& job);

/// Where the frames of a run lie: input.dir, or the folder of its registered frames when they come raw.
std::filesystem::path frames_folder(const RunConfig& config, const std::string& run_id);

/// Whether raw frames are to be made colour frames: one channel, BAYERPAT in the first header, and
/// data.color_mode not MONO or RGB.
bool needs_debayer(const std::filesystem::path& first_frame, const FrameFacts& facts, const DataParams& data);

struct StackCheckJob {
  std::vector<std::filesystem::path> frames;  ///< the synthetic frames
  const Image* ours = nullptr;                ///< our mean of them, in their units
  std::filesystem::path run_directory;
};

struct StackCheck {
  double largest_difference =
      0;                       ///< over all pixels with a value, in parts of its tolerance (1: just allowed)
  double largest_percent = 0;  ///< largest difference, in percent of the median of the stack
  std::string siril_version;
};

/// Stacks copies of the synthetic frames with Siril and compares with our mean. A pixel may differ by 1e-4 of
/// the stack's median plus 1e-6 of its value. Throws InputError when they disagree, with the worst pixel.
StackCheck check_stack_with_siril(const SirilProgram& siril, const StackCheckJob& job);

/// Synthetic frames that stacking.input_dir and stacking.input_pattern select, without their side files.
std::vector<std::filesystem::path> frames_to_stack(const std::filesystem::path& run_directory,
                                                   const StackingParams& stacking);

}  // namespace tilecompile

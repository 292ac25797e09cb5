#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/passes/frame_passes.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// A master that was made, and a text that says all that it follows from.
struct MadeMaster {
  std::string input, sha256;
  bool by_others = false;  ///< workers had a part in it
};

/// The masters of a night.
struct CalibrationPlan {
  std::string cfa;  ///< of all lights, see stored_cfa
  std::vector<CalibrationObjects> groups;
  std::vector<int> group_of_frame;  ///< [light]; the lights of the manifest it was made for
  std::vector<MadeMaster> made;     ///< now, so that no later run knows them yet
  std::vector<std::string> notes;   ///< what was chosen and made, for the log
  std::vector<std::string> warnings;
};

/// Gives whoever passes over frames of calibration, whose folder lies at `place` (MasterMaking).
using PassesOver =
    std::function<std::unique_ptr<FramePasses>(const FrameSource& frames, const std::string& place)>;

/// What make_calibration works with.
struct CalibrationJob {
  const RunConfig& config;    ///< calibration, data.cfa_pattern
  const FrameSource& lights;  ///< as scanned and stored
  ObjectStore& store;
  std::filesystem::path run_directory;  ///< masters go to `calibration/` in it
  std::shared_ptr<VerifiedFiles> verified;
  int threads = 1;
  Observer& observer = nobody();  ///< asked now and then, from any thread, whether to go on
  PassesOver passes_over{};       ///< empty: this process does
  std::size_t memory_limit_bytes = 0;
};

/// Makes the masters that the configuration asks for (`raw.md` R1) and puts them into the storage, addressed
/// by their content (`masters/<sha256>.fits`). Masters of the same frames that are remembered are taken.
/// Which light takes which follows from exposures. Without any calibration: one group without planes. Throws
/// UsageError for folders and files that are not there, InputError for frames that cannot be read or do not
/// fit the lights, with names, cards and cure.
CalibrationPlan make_calibration(const CalibrationJob& job);
/// Lets later runs take masters that were made, once they are beyond doubt.
void remember_masters(ObjectStore& store, const std::vector<MadeMaster>& made);

}  // namespace tilecompile

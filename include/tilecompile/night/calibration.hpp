#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/frame/calibration.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// The masters of a night.
struct CalibrationPlan {
  std::string cfa;  ///< of all lights, see stored_cfa
  std::vector<CalibrationObjects> groups;
  std::vector<int> group_of_frame;  ///< [light]; the lights of the manifest it was made for
  std::vector<std::string> notes;   ///< what was chosen and made, for the log
  std::vector<std::string> warnings;
};

/// What make_calibration works with.
struct CalibrationJob {
  const RunConfig& config;    ///< calibration, data.cfa_pattern
  const FrameSource& lights;  ///< as scanned and stored
  ObjectStore& store;
  std::filesystem::path run_directory;  ///< masters go to `calibration/` in it
  int threads = 1;
  std::size_t memory_limit_bytes = 0;
  Observer& observer = nobody();  ///< asked now and then, from any thread, whether to go on
};

/// Makes the masters that the configuration asks for (`raw.md` R1) and puts them into the storage, addressed
/// by their content (`masters/<sha256>.fits`). Masters of the same frames that are there already are taken.
/// Which light takes which follows from exposures. Without any calibration: one group without planes. Throws
/// UsageError for folders and files that are not there, InputError for frames that cannot be read or do not
/// fit the lights, with names, cards and cure.
CalibrationPlan make_calibration(const CalibrationJob& job);

/// The masters of a group, checked by their checksums.
std::shared_ptr<const CalibrationMasters> load_masters(ObjectStore& store, const CalibrationObjects& masters);

}  // namespace tilecompile

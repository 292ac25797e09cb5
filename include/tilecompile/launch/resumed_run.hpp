#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tilecompile {

/// A run that --resume names.
struct ResumedRun {
  std::string run_id;
  std::filesystem::path output_dir;   ///< the folder that it lies in
  std::vector<std::string> settings;  ///< key.path=value of its --set flags, without output.dir
};

/// Finds the run that `given` names: a UUID, the first characters of one, a folder, a run's name, or latest,
/// below `output_dir`. A run that is named by its folder is taken where it lies, unless `is_output_given`
/// says that the user wants another place. Throws UsageError when there is no such run, or it lies elsewhere;
/// InputError when its settings are damaged.
ResumedRun find_resumed_run(const std::string& given, const std::filesystem::path& output_dir,
                            bool is_output_given);

}  // namespace tilecompile

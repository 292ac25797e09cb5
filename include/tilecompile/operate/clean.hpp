#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tilecompile {

/// Which runs to free of their working files.
struct CleanRequest {
  std::vector<std::string>
      runs;  ///< folders or ids; empty: all runs below output_dir that have come to their end
  std::filesystem::path output_dir;    ///< of ids, and of all runs
  double older_than_s = 0;             ///< only runs that wrote last that long ago
  std::filesystem::path storage_root;  ///< where the recorded storage.root is now; empty: as recorded
  bool remove = false;                 ///< false: only looks
};

struct CleanedRun {
  std::string run_id, status;
  std::size_t files = 0;  ///< removed, or found when only looking
  std::uint64_t bytes = 0;
  std::string kept;  ///< why nothing of it is removed; empty when something is, or there is nothing to
};

/// Working files are tiles, synthetic tiles, pieces, registered frames and what is left of temporary files in
/// the run directory, and all objects of the run in another storage (folder or bucket, as run.json records).
/// Pictures, reports, records and logs stay. A run that can be resumed is taken only by name, one under way
/// never. `done` hears of each run. Throws UsageError for a name that is no run, and what the storage throws.
void clean_runs(const CleanRequest& request, const std::function<void(const CleanedRun&)>& done);

/// Seconds of "90m", "12h", "30d", "4w". Throws UsageError for anything else.
double parse_age_s(const std::string& text);

}  // namespace tilecompile

#pragma once
#include <filesystem>

namespace tilecompile {

/// Writes report.html from what the files of a run directory hold, whatever program version wrote them; what
/// is not there or damaged is named in the page. A few rows of an image are in memory at a time. Throws
/// InputError when there is no run.json that can be read, TransientError when the file system refuses.
void write_run_report(const std::filesystem::path& run_directory);

}  // namespace tilecompile

#pragma once
#include <filesystem>
#include <string>

namespace tilecompile {

/// Writes report.html of a run once more and returns its path. `run`: a folder, an id below `output_dir`, or
/// empty for the latest run there. Throws what find_run_directory and write_run_report throw.
std::filesystem::path rewrite_report(const std::string& run, const std::filesystem::path& output_dir);

}  // namespace tilecompile

#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tilecompile {

/// A run of a folder, in a line.
struct ListedRun {
  std::string run_id, status, started;
  std::string target;   ///< OBJECT of its plain mean; empty before there is one
  int frames = 0;       ///< 0: not known yet
  std::string verdict;  ///< "13.7 % sharper, 2.2 % quieter", or what went wrong
  std::filesystem::path directory;
  std::filesystem::path folder;  ///< of its name, with the picture; empty when there is none
};

/// The runs below `output_dir`, the latest first.
std::vector<ListedRun> list_runs(const std::filesystem::path& output_dir);

}  // namespace tilecompile

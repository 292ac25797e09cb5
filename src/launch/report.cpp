#include "tilecompile/launch/report.hpp"

#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/products/named_folder.hpp"
#include "tilecompile/products/run_report.hpp"

namespace tilecompile {

namespace fs = std::filesystem;

std::filesystem::path rewrite_report(const std::string& run, const std::filesystem::path& output_dir) {
  const std::filesystem::path directory = find_run_directory(run, output_dir);
  write_run_report(directory);
  // The folder of the run's name has the old one, if there is such a folder.
  const auto folders = named_folders(directory.parent_path());
  if (folders.count(fs::absolute(directory / "").parent_path().filename().string()) > 0)
    gather_by_name(directory);
  return directory / "report.html";
}

}  // namespace tilecompile

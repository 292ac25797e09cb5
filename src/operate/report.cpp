#include "tilecompile/operate/report.hpp"

#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/products/run_report.hpp"

namespace tilecompile {

std::filesystem::path rewrite_report(const std::string& run, const std::filesystem::path& output_dir) {
  const std::filesystem::path directory = find_run_directory(run, output_dir);
  write_run_report(directory);
  return directory / "report.html";
}

}  // namespace tilecompile

#include "tilecompile/operate/run_list.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/products/named_folder.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string change_text(double percent, const char* less, const char* more) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f %% %s", std::abs(percent), percent < 0 ? less : more);
  return text;
}

// Of the final picture against the plain mean, the mean over channels.
std::string gain_text(const json& record) {
  const json products = record.value("products", json::object());
  const json final = products.value("stack", products.value("reconstruction", json::object()));
  const json figures = final.value("quality_common_area", final.value("quality_covered_area", json::array()));
  if (figures.empty()) return "";
  double sharper = 0, noisier = 0;
  for (const json& channel : figures) {
    sharper += channel.value("fwhm_change_percent", 0.0) / static_cast<double>(figures.size());
    noisier += channel.value("background_rms_change_percent", 0.0) / static_cast<double>(figures.size());
  }
  return change_text(sharper, "sharper", "less sharp") + ", " + change_text(noisier, "quieter", "noisier");
}

ListedRun listed(const fs::path& directory) {
  const RunStatus status = read_run_status(directory);
  ListedRun run{
      status.run_id, status.status, "", object_of(directory / "classical.fits"), 0, "", directory, {}};
  std::ifstream in(directory / "run.json", std::ios::binary);
  const json record = json::parse(std::string{std::istreambuf_iterator<char>(in), {}}, nullptr, false);
  if (!record.is_object()) {
    run.verdict = status.phase;
    return run;
  }
  run.started = record.value("started", "");
  run.frames = record.value("/frames/count"_json_pointer, 0);
  run.verdict = status.error.empty() ? gain_text(record) : status.error;
  return run;
}

}  // namespace

std::vector<ListedRun> list_runs(const fs::path& output_dir) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(output_dir, error)) {
    const fs::path events = item.path() / "events.jsonl";
    if (is_uuid(item.path().filename().string()) && fs::exists(events))
      found.emplace_back(fs::last_write_time(events), item.path());
  }
  if (error)
    throw UsageError("cannot list the runs in " + output_dir.string() + ": " + error.message() +
                     "; name their folder (output.dir) after --output");
  std::sort(found.rbegin(), found.rend());
  std::vector<ListedRun> runs;
  const auto folders = named_folders(output_dir);
  for (const auto& [time, path] : found) {
    runs.push_back(listed(path));
    if (const auto at = folders.find(runs.back().run_id); at != folders.end())
      runs.back().folder = at->second;
  }
  return runs;
}

}  // namespace tilecompile

#include "tilecompile/operate/run_status.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/operate/run_story.hpp"
#include "tilecompile/products/named_folder.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string whole_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void each_line(const fs::path& path, const std::function<void(const json&)>& take) {
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const json j = json::parse(line, nullptr, false);
    if (j.is_object()) take(j);
  }
}

bool locked(const fs::path& run_directory) {
  const int file = ::open((run_directory / "run.lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool taken = ::flock(file, LOCK_SH | LOCK_NB) != 0;
  ::close(file);
  return taken;
}

// A file system without room takes no events: then it speaks for itself.
bool is_full(const fs::path& directory) {
  struct statvfs info {};
  return ::statvfs(directory.c_str(), &info) == 0 && info.f_blocks > 0 && info.f_bavail == 0;
}

fs::path run_that_begins(const std::string& prefix, const fs::path& output_dir) {
  std::set<fs::path> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(output_dir, error)) {
    const std::string id = item.path().filename().string();
    if (is_uuid(id) && id.starts_with(prefix)) found.insert(item.path());
  }
  if (found.size() == 1) return *found.begin();
  if (found.empty())
    throw UsageError("there is no run '" + prefix + "' here or in " + output_dir.string() +
                     ": name its folder, or its id and --output; 'tilecompile runs' lists them");
  std::string names;
  for (const fs::path& path : found) names += (names.empty() ? "" : ", ") + path.filename().string();
  throw UsageError("several runs in " + output_dir.string() + " begin with '" + prefix + "': " + names +
                   "; give more of the id");
}

// A folder that a run got by its name leads to the run directory beside it.
fs::path run_directory_of(const fs::path& folder) {
  const std::string id = run_of_folder(folder);
  return id.empty() ? folder : fs::absolute(folder / "").parent_path().parent_path() / id;
}

}  // namespace

fs::path find_run_directory(const std::string& run, const fs::path& output_dir) {
  const bool named = !run.empty() && run != "latest";
  if (named && fs::is_directory(run)) return run_directory_of(run);
  if (named && fs::is_directory(output_dir / run)) return run_directory_of(output_dir / run);
  if (named) return run_that_begins(run, output_dir);
  fs::path latest;
  fs::file_time_type latest_time;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(output_dir, error)) {
    const fs::path events = item.path() / "events.jsonl";
    if (!is_uuid(item.path().filename().string()) || !fs::exists(events)) continue;
    const auto time = fs::last_write_time(events);
    if (latest.empty() || time > latest_time) {
      latest = item.path();
      latest_time = time;
    }
  }
  if (latest.empty())
    throw UsageError("there are no runs in " + output_dir.string() +
                     ": name the folder of a run, or its id and --output");
  return latest;
}

RunStatus read_run_status(const fs::path& run_directory) {
  RunStatus status;
  const fs::path directory = fs::absolute(run_directory / "").parent_path();
  status.run_id = directory.filename().string();
  const json record = json::parse(whole_file(directory / "run.json"), nullptr, false);
  status.status = locked(directory) ? "running" : record.is_object() ? record.value("status", "?") : "killed";
  if (record.is_object() && record.contains("error")) status.error = record["error"].value("text", "");
  const json grid = json::parse(whole_file(directory / "grid.json"), nullptr, false);
  if (grid.is_object() && grid.contains("tiles")) status.tiles = static_cast<int>(grid["tiles"].size());
  RunStory story(status.tiles);
  for (const char* file : {"events.jsonl", "journal.jsonl"})
    each_line(directory / file, [&](const json& line) { story.take(file, line); });
  story.tell(status);
  if (status.status == "running" && status.state.empty() && is_full(directory)) {
    status.state = "disk full";
    status.waits_for = "room on the file system of " + directory.string();
  }
  return status;
}

json status_json(const RunStatus& s) {
  json j{{"run_id", s.run_id},
         {"status", s.status},
         {"phase", s.phase},
         {"round", s.second_round ? 2 : 1},
         {"tiles",
          {{"count", s.tiles},
           {"done", s.done},
           {"failed", s.failed},
           {"retried", s.retried},
           {"handed_back", s.handed_back},
           {"lost", s.lost}}},
         {"workers", s.workers},
         {"dead_letters", s.dead_letters}};
  for (const auto& [id, pace] : s.paces) {
    j["paces"][id] = {{"compute_seconds", pace.compute_seconds}};
    if (pace.last_seen_s > 0) j["paces"][id]["last_seen_s"] = pace.last_seen_s;
  }
  if (s.tiles_a_second > 0) j["tiles_a_second"] = s.tiles_a_second;
  if (s.eta_s >= 0) j["eta_s"] = s.eta_s;
  for (const auto& [id, t] : s.troubles) {
    json trouble{{"failures", t.failures}, {"handed_back", t.handed_back}, {"rejected", t.rejected}};
    if (!t.last_failure.empty()) trouble["last_failure"] = t.last_failure;
    if (!t.rests.empty()) trouble["rests"] = t.rests;
    j["troubles"][id] = trouble;
  }
  if (!s.error.empty()) j["error"] = s.error;
  if (!s.state.empty()) j["state"] = s.state;
  if (!s.waits_for.empty()) j["waits_for"] = s.waits_for;
  return j;
}

}  // namespace tilecompile

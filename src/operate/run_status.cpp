#include "tilecompile/operate/run_status.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"

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

// Seconds since the epoch of "2026-11-25T18:28:21.314Z"; negative when it is none.
double unix_seconds(const std::string& time) {
  std::tm parts{};
  const char* rest = strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return -1;
  return static_cast<double>(timegm(&parts)) + (*rest == '.' ? std::strtod(rest, nullptr) : 0);
}

/// What the events say of the latest start of the run.
struct Story {
  int rounds = 0;  ///< rounds of tasks published since that start
  double round_began_s = -1;
  int taken_over = 0;    ///< in the present round
  std::set<int> failed;  ///< in the present round, for the last time
  int retried = 0, handed_back = 0, lost = 0;
  std::map<std::string, WorkerTrouble> troubles;
  std::string state, waits_for;  ///< what keeps it from going on
};

// A file system without room takes no events: then it speaks for itself.
bool is_full(const fs::path& directory) {
  struct statvfs info {};
  return ::statvfs(directory.c_str(), &info) == 0 && info.f_blocks > 0 && info.f_bavail == 0;
}

void note_worker(const std::string& event, const json& e, Story& story) {
  const std::string who = e.value("worker_id", ""), text = e.value("text", "");
  if (event == "tile_failed") {
    ++story.troubles[who].failures;
    story.troubles[who].last_failure = text;
  } else if (event == "tile_handed_back") {
    ++story.handed_back;
    ++story.troubles[who].handed_back;
  } else if (event == "result_rejected") {
    story.troubles[who].rejected = std::atoi(e.value("rejected", "0").c_str());
  } else if (event == "worker_rests") {
    story.troubles[who].rests = text;
  } else if (event == "worker_takes_tasks") {
    story.troubles[who].rests.clear();
  }
}

Story read_story(const fs::path& events) {
  Story story;
  each_line(events, [&](const json& e) {
    const std::string event = e.value("event", "");
    const auto number = [&](const char* key) { return std::atoi(e.value(key, "0").c_str()); };
    if (event == "run_started" || event == "run_resumed") story = {};
    if (event == "tiles_taken_over") story.taken_over = number("tiles");
    if (event == "round_began") {
      ++story.rounds;
      story.round_began_s = unix_seconds(e.value("time", ""));
      story.failed.clear();
      story.taken_over = 0;
    }
    if (event == "standstill") {
      story.state = e.value("state", "");
      story.waits_for = e.value("text", "");
    }
    if (event == "goes_on") story.state = story.waits_for = "";
    if (event == "tasks_lost") story.lost += number("tiles");
    note_worker(event, e, story);
    if (event == "tile_failed") story.failed.insert(number("tile_id"));
    if (event == "tile_retried") {
      story.failed.erase(number("tile_id"));
      ++story.retried;
    }
  });
  return story;
}

}  // namespace

fs::path find_run_directory(const std::string& run, const fs::path& output_dir) {
  if (!run.empty() && fs::is_directory(run)) return run;
  if (!run.empty() && fs::is_directory(output_dir / run)) return output_dir / run;
  if (!run.empty())
    throw UsageError("there is no run '" + run + "' here or in " + output_dir.string() +
                     ": name its folder, or its id and --output");
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
  const Story story = read_story(directory / "events.jsonl");
  status.second_round = story.rounds > 1;
  status.failed = static_cast<int>(story.failed.size());
  status.retried = story.retried;
  status.handed_back = story.handed_back;
  status.lost = story.lost;
  status.troubles = story.troubles;
  if (status.status == "running") {
    status.state = story.state;
    status.waits_for = story.waits_for;
    if (status.state.empty() && is_full(directory)) {
      status.state = "disk full";
      status.waits_for = "room on the file system of " + directory.string();
    }
  }
  std::set<int> first, second;
  each_line(directory / "journal.jsonl", [&](const json& r) {
    const bool synthetic = r.value("tile_data_ref", "").find("/synthetic_tiles/") != std::string::npos;
    (synthetic ? second : first).insert(r.value("tile_id", -1));
    ++status.workers[r.value("worker_id", "?")];
  });
  status.done = static_cast<int>(status.second_round ? second.size() : first.size());
  status.phase = story.rounds == 0   ? "reading and analysing frames"
                 : story.rounds == 1 ? "reconstruct tiles"
                                     : "synthetic frames";
  const bool complete = status.tiles > 0 && status.done + status.failed >= status.tiles;
  if (story.rounds > 0 && complete) status.phase = "joining tiles and writing products";
  const int computed = status.done - story.taken_over;
  if (status.status == "running" && story.rounds > 0 && !complete && computed > 0)
    status.eta_s =
        (unix_now() - story.round_began_s) / computed * (status.tiles - status.done - status.failed);
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
         {"workers", s.workers}};
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

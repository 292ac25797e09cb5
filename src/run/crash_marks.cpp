#include "tilecompile/run/crash_marks.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/run/run_directory.hpp"

namespace tilecompile {
namespace {

std::string key_of(const TileTask& task) {
  return task.run_id + "/started/" + task.correlation_id + "-" + std::to_string(task.tiles.front().tile_id) +
         ".json";
}

}  // namespace

// Marks are evidence, nothing that a task may fail over: a storage that is away fails its tiles anyway.
std::vector<std::string> CrashMarks::starts(const TileTask& task) {
  std::vector<std::string> starts;
  try {
    const std::string key = key_of(task);
    if (!store_.exists(key)) return {};
    const auto list = nlohmann::json::parse(store_.get(key), nullptr, false);
    if (!list.is_array()) return {};
    for (const auto& start : list)
      if (start.is_string()) starts.push_back(start.get<std::string>());
  } catch (const TransientError& e) {
    log_warning(std::string("cannot see whether this task was begun before: ") + e.what());
  }
  return starts;
}

void CrashMarks::begin(const TileTask& task, const std::string& worker_id) {
  nlohmann::json list = starts(task);
  list.push_back(worker_id + " at " + utc_now());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    begun_.insert(key_of(task));
  }
  try {
    store_.put(key_of(task), list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } catch (const TransientError& e) {
    log_warning(std::string("cannot mark that this task is begun: ") + e.what());
  }
}

void CrashMarks::end(const TileTask& task) {
  const std::string key = key_of(task);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto found = begun_.find(key); found != begun_.end()) begun_.erase(found);
  }
  remove(key);
}

void CrashMarks::end_all() {
  std::multiset<std::string> begun;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(begun, begun_);
  }
  for (const std::string& key : begun) remove(key);
}

void CrashMarks::remove(const std::string& key) {
  try {
    store_.remove(key);
  } catch (const TransientError& e) {
    log_warning(std::string("a mark of a task begun stays behind: ") + e.what());
  }
}

}  // namespace tilecompile

#pragma once
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Marks on the storage that tell which workers began a task and never came to its end:
/// <run_id>/started/<correlation_id>-<first tile_id>.json. Only tasks that are delivered again are marked, so
/// an undisturbed run writes none. A reconnect or a stop in order takes its mark away; a death leaves it.
class CrashMarks {
 public:
  explicit CrashMarks(ObjectStore& store) : store_(store) {}
  /// "<worker_id> at <time>" of every start without an end.
  std::vector<std::string> starts(const TileTask& task);
  void begin(const TileTask& task, const std::string& worker_id);
  void end(const TileTask& task);
  /// Ends what was begun here. Safe beside begin and end.
  void end_all();

 private:
  void remove(const std::string& key);

  ObjectStore& store_;
  std::mutex mutex_;
  std::multiset<std::string> begun_;  ///< keys
};

}  // namespace tilecompile

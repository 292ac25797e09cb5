#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Worker processes that a master started on its own host; they end with it.
class LocalWorkers {
 public:
  /// Starts `count` processes of this program with the master's broker, storage and input settings.
  LocalWorkers(const RunConfig& config, int count, bool quiet);
  /// Asks them to stop, waits, and after ten seconds ends them.
  ~LocalWorkers();
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;
  /// Logs every worker that ended by itself; throws TransientError when none is left.
  void watch();

 private:
  std::vector<pid_t> running_;
};

}  // namespace tilecompile

#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Configuration of local worker `index` of `count`: all that the run's has for a worker, with its share of
/// threads and memory and a name of its own; `quiet`: it logs errors only.
WorkerConfig local_worker_config(const RunConfig& config, int count, int index, bool quiet);

/// Worker processes that a master starts on its own host; they end with it.
class LocalWorkers : public Observer {
 public:
  /// `count` processes of this program with the master's broker, storage and input settings. They start with
  /// the first watch(), when there is something to wait for: the folders that they look for are there then.
  LocalWorkers(const RunConfig& config, int count, bool quiet);
  /// Asks them to stop, waits, and after ten seconds ends them.
  ~LocalWorkers() override;
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;
  /// Logs every worker that ended by itself and starts one that a signal ended again, a few times in all;
  /// throws TransientError when none is left.
  void watch() override;

 private:
  struct Worker {
    pid_t pid;
    std::vector<std::string> arguments;
  };
  std::vector<Worker> running_;
  int restarts_left_;
};

}  // namespace tilecompile

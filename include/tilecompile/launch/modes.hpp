#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/master/master.hpp"

namespace tilecompile {

/// `tilecompile run`: master and worker in this process over the in-memory transport.
RunOutcome run_local(const RunRequest& request);
/// `tilecompile master`: over RabbitMQ; `local_workers` > 0 also starts that many worker processes of this
/// program.
RunOutcome run_distributed(const RunRequest& request, int local_workers);
/// `tilecompile worker`: serves tile.compute until `stop_signal` is set.
void serve_worker(const WorkerConfig& config, const std::atomic<int>& stop_signal);

}  // namespace tilecompile

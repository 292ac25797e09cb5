#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/master/master.hpp"

namespace tilecompile {

/// Ports of observability.listen where it names none: of a run and of a worker.
constexpr int kPagePort = 8765, kWorkerPort = 8766;

/// `tilecompile run`: master and worker in this process over the in-memory transport.
RunOutcome run_local(const RunRequest& request);
/// `tilecompile master`: over RabbitMQ; `local_workers` > 0 also starts that many worker processes of this
/// program.
RunOutcome run_distributed(const RunRequest& request, int local_workers);
/// `tilecompile worker`: serves tile.compute until `stop_signal` is set.
void serve_worker(const WorkerConfig& config, const std::atomic<int>& stop_signal);

}  // namespace tilecompile

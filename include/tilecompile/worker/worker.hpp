#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

struct WorkerOptions {
  std::string worker_id;
  int slots = 1;     ///< tasks computed at once
  int prefetch = 2;  ///< deliveries held a slot
  /// Pauses of a worker whose tiles fail: the first one, doubled each time up to the longest.
  int first_rest_s = 1, longest_rest_s = 60;
  /// Told why it takes no tasks for now, and an empty text when it takes them again; may be empty.
  std::function<void(const std::string& why)> on_rest{};
};

/// Consumes tile.compute until `stop` is set: every slot takes a task, computes it, publishes its results and
/// acknowledges the task only after the broker has confirmed them, so a crash gives a duplicate and never a
/// loss. With `stop` the current tiles are finished; the rest of their tasks and what is prefetched is handed
/// back. After 4 s without a broker that takes results, or 7 s over the current tiles, the transport is
/// closed instead and the broker hands these tasks out again. A worker whose tiles fail one after the other
/// hands back what it holds, takes no tasks, and looks with growing pauses whether it can compute again.
/// Throws what the transport throws for good, and ContractError.
void run_worker(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
                const std::atomic<bool>& stop);

}  // namespace tilecompile

#include "tilecompile/dispatch/run_queues.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kSettle = 2s;

std::vector<QueueSpec> task_queue_specs(const TileRound& round) {
  std::vector<QueueSpec> specs = {compute_queue_spec(round.quorum)};
  for (const int rung : retry_rungs(round.retry)) specs.push_back(retry_queue_spec(rung, round.quorum));
  return specs;
}

}  // namespace

void declare_run_queues(const TileRound& round, Transport& transport, const std::string& results,
                        Observer& observer) {
  std::vector<QueueSpec> specs = task_queue_specs(round);
  specs.push_back(dead_letter_queue_spec(round.quorum));
  specs.push_back(results_queue_spec(results, round.quorum));
  specs.push_back(workers_queue_spec());
  const bool fresh = round.quorum && std::any_of(specs.begin(), specs.end(), [&](const QueueSpec& queue) {
                       return !transport.inspect(queue.name);
                     });
  for (const QueueSpec& queue : specs) transport.declare(queue);
  if (fresh) let_queues_settle(observer);
}

void declare_task_queues(const TileRound& round, Transport& transport) {
  for (const QueueSpec& queue : task_queue_specs(round)) transport.declare(queue);
}

void let_queues_settle(Observer& observer) {
  const auto until = std::chrono::steady_clock::now() + kSettle;
  while (std::chrono::steady_clock::now() < until) {
    observer.check_stop();
    std::this_thread::sleep_for(50ms);
  }
}

ResultsQueueEnd::~ResultsQueueEnd() {
  if (queue_ == kResultsQueue) return;
  try {
    transport_.remove_queue(queue_);
  } catch (const std::exception& e) {
    log_warning("the results queue stays behind: " + std::string(e.what()), {{"queue", queue_}});
  }
}

}  // namespace tilecompile

#include "tilecompile/run/run_queues.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kSettle = 2s;

std::vector<QueueSpec> run_queue_specs(const DispatchJob& job, const std::string& results) {
  std::vector<QueueSpec> specs = {compute_queue_spec(job.quorum), dead_letter_queue_spec(job.quorum)};
  for (const int rung : retry_rungs(job.retry)) specs.push_back(retry_queue_spec(rung, job.quorum));
  specs.push_back(results_queue_spec(results, job.quorum));
  return specs;
}

}  // namespace

void declare_run_queues(const DispatchJob& job, Transport& transport, const std::string& results) {
  const std::vector<QueueSpec> specs = run_queue_specs(job, results);
  const bool fresh = job.quorum && std::any_of(specs.begin(), specs.end(), [&](const QueueSpec& queue) {
                       return !transport.inspect(queue.name);
                     });
  for (const QueueSpec& queue : specs) transport.declare(queue);
  if (fresh) let_queues_settle(job);
}

void let_queues_settle(const DispatchJob& job) {
  const auto until = std::chrono::steady_clock::now() + kSettle;
  while (std::chrono::steady_clock::now() < until) {
    job.check_stop();
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

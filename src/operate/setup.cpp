#include "tilecompile/operate/setup.hpp"

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {

std::vector<QueueSpec> lasting_queues(const RunConfig& config) {
  const bool quorum = config.broker.queue_type == QueueType::kQuorum;
  std::vector<QueueSpec> queues = {compute_queue_spec(quorum), results_queue_spec(kResultsQueue, quorum),
                                   dead_letter_queue_spec(quorum),
                                   diagnostics_queue_spec(kDiagnosticsQueue, config.diagnostics.max_messages,
                                                          config.diagnostics.max_age_s),
                                   workers_queue_spec()};
  for (const int rung : retry_rungs(config.retry)) queues.push_back(retry_queue_spec(rung, quorum));
  return queues;
}

std::vector<std::string> set_up_broker(const RunConfig& config) {
  const auto transport = connect_broker(config.broker, "tilecompile setup");
  transport->declare_fanout(kEventExchange);
  std::vector<std::string> names;
  for (const QueueSpec& queue : lasting_queues(config)) {
    transport->declare(queue);
    names.push_back(queue.name);
  }
  find_alarm(*transport);  // for the log
  transport->close();
  return names;
}

void declare_if_allowed(Transport& transport, const QueueSpec& queue) {
  try {
    transport.declare(queue);
    return;
  } catch (const AccessRefused&) {
    log_debug("this user may not declare queues", {{"queue", queue.name}});
  }
  if (transport.inspect(queue.name)) return;
  throw UsageError(
      "queue '" + queue.name +
      "' does not exist and this user may not declare it: run 'tilecompile setup RUN.yaml' as the "
      "master's user first");
}

}  // namespace tilecompile

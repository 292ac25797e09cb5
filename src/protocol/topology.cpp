#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {
constexpr std::int64_t kRunQueuesExpireMs = 24LL * 3600 * 1000;
// Far above what runs need, far below what a broker's disk holds.
constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr QueueBounds kTaskBounds{1000000, 1024 * kMiB, false};
constexpr QueueBounds kResultBounds{500000, 256 * kMiB, false};
constexpr QueueBounds kLetterBounds{20000, 256 * kMiB, true};
// A worker that rests repeats its note at least once a minute.
constexpr std::int64_t kNotesLiveMs = 150LL * 1000;
constexpr std::int64_t kMostNotes = 256;
// A master repeats its note every two seconds.
constexpr std::int64_t kRunNotesLiveMs = 7LL * 1000;
}  // namespace

const char* const kTaskExchange = "tilecompile.tasks";
const char* const kResultExchange = "tilecompile.results";
const char* const kEventExchange = "tilecompile.events";
const char* const kComputeQueue = "tile.compute";
const char* const kResultsQueue = "tile.results";
const char* const kDeadLetterQueue = "tile.dlq";
const char* const kDiagnosticsQueue = "tile.diagnostics";
const char* const kWorkersQueue = "tile.workers";
const char* const kRunsQueue = "tile.runs";
const char* const kRetryQueuePrefix = "tile.retry.";

std::string results_queue(const std::string& run_id, Isolation isolation) {
  return isolation != Isolation::kRun ? kResultsQueue : std::string(kResultsQueue) + "." + run_id;
}

std::string diagnostics_queue(const std::string& run_id, Isolation isolation) {
  return isolation != Isolation::kRun ? kDiagnosticsQueue : std::string(kDiagnosticsQueue) + "." + run_id;
}

QueueSpec compute_queue_spec(bool quorum) {
  QueueSpec spec;
  spec.name = kComputeQueue;
  spec.exchange = kTaskExchange;
  spec.quorum = quorum;
  if (!quorum) spec.max_priority = kHighestPriority;
  spec.bounds = kTaskBounds;
  return spec;
}

QueueSpec dead_letter_queue_spec(bool quorum) {
  QueueSpec spec;
  spec.name = kDeadLetterQueue;
  spec.exchange = kResultExchange;
  spec.quorum = quorum;
  spec.bounds = kLetterBounds;
  return spec;
}

std::string retry_queue(int delay_s) { return kRetryQueuePrefix + std::to_string(delay_s); }

QueueSpec retry_queue_spec(int delay_s, bool quorum) {
  QueueSpec spec;
  spec.name = retry_queue(delay_s);
  spec.exchange = kTaskExchange;  // where workers may not publish: what lies on a rung becomes a task
  spec.message_ttl_ms = 1000LL * delay_s;
  spec.dead_letter_queue = kComputeQueue;
  spec.quorum = quorum;
  return spec;
}

QueueSpec results_queue_spec(const std::string& name, bool quorum) {
  QueueSpec spec;
  spec.name = name;
  spec.exchange = kResultExchange;
  spec.quorum = quorum;
  spec.bounds = kResultBounds;
  if (name != kResultsQueue) spec.expires_ms = kRunQueuesExpireMs;
  return spec;
}

QueueSpec workers_queue_spec() {
  QueueSpec spec;
  spec.name = kWorkersQueue;
  spec.exchange = kResultExchange;
  spec.max_length = kMostNotes;
  spec.message_ttl_ms = kNotesLiveMs;
  return spec;
}

QueueSpec runs_queue_spec() {
  QueueSpec spec;
  spec.name = kRunsQueue;
  spec.max_length = kMostNotes;
  spec.message_ttl_ms = kRunNotesLiveMs;
  spec.expires_ms = kRunQueuesExpireMs;
  return spec;
}

QueueSpec diagnostics_queue_spec(const std::string& name, int max_messages, int max_age_s) {
  QueueSpec spec;
  spec.name = name;
  spec.exchange = kResultExchange;
  spec.max_length = max_messages;
  spec.message_ttl_ms = std::int64_t{1000} * max_age_s;
  if (name != kDiagnosticsQueue) spec.expires_ms = kRunQueuesExpireMs;
  return spec;
}

}  // namespace tilecompile

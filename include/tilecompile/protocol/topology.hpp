#pragma once
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Exchanges and queues (docs/protocol.md). Masters publish to one exchange and workers to another, so that
/// permissions can tell them apart; every queue is bound with its own name.
extern const char* const kTaskExchange;
extern const char* const kResultExchange;
extern const char* const kEventExchange;  ///< fan-out: what masters tell everyone who listens
extern const char* const kComputeQueue;
extern const char* const kResultsQueue;
extern const char* const kDeadLetterQueue;
extern const char* const kDiagnosticsQueue;
extern const char* const kWorkersQueue;      ///< notes of workers that take no tasks for now
extern const char* const kRunsQueue;         ///< what masters say of their runs, every few seconds
extern const char* const kRetryQueuePrefix;  ///< of the rungs of the back-off ladder, before the seconds

/// tile.results.<run_id>, or tile.results with isolation `shared`.
std::string results_queue(const std::string& run_id, Isolation isolation);

/// tile.diagnostics.<run_id>, or tile.diagnostics with isolation `shared`.
std::string diagnostics_queue(const std::string& run_id, Isolation isolation);

/// Tasks and results are refused when too many wait, so that nothing is lost: who sent them sends them again.
/// Tasks of a higher parallel.priority come first. A classic queue says so by its arguments; a quorum queue
/// takes two levels from RabbitMQ 4 on, up to 4 and above, and none before.
QueueSpec compute_queue_spec(bool quorum);
/// Keeps the newest letters.
QueueSpec dead_letter_queue_spec(bool quorum);
/// A rung of the back-off ladder, tile.retry.<seconds>: what lies on it that long goes back to tile.compute.
std::string retry_queue(int delay_s);
QueueSpec retry_queue_spec(int delay_s, bool quorum);
/// Bounded by length and age; always a classic queue: a note that is lost comes again.
QueueSpec workers_queue_spec();
/// Bounded by length and age, gone a day after the last run; always a classic queue.
QueueSpec runs_queue_spec();
/// A run's own results queue expires after the run.
QueueSpec results_queue_spec(const std::string& name, bool quorum);
/// Bounded by length and age, the oldest messages go first; a run's own queue expires after the run. Always a
/// classic queue: what it holds may be lost.
QueueSpec diagnostics_queue_spec(const std::string& name, int max_messages, int max_age_s);

}  // namespace tilecompile

#pragma once
#include <string>

#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Declares what tasks and results of the round pass through; repeating it is nothing. New quorum queues are
/// given time to settle before it returns. Throws what the observer's check_stop throws.
void declare_run_queues(const TileRound& round, Transport& transport, const std::string& results,
                        Observer& observer);
/// The queues of the tasks alone.
void declare_task_queues(const TileRound& round, Transport& transport);

/// Waits until a quorum queue declared just now outlives its broker: RabbitMQ 3.10 loses one, with confirmed
/// messages, when it is killed within half a second.
void let_queues_settle(Observer& observer);

/// Removes the run's own results queue when the run ends, however it ends; one that runs share stays. Without
/// it nobody waits for tasks that are left, and workers drop them.
class ResultsQueueEnd {
 public:
  ResultsQueueEnd(Transport& transport, std::string queue)
      : transport_(transport), queue_(std::move(queue)) {}
  ~ResultsQueueEnd();
  ResultsQueueEnd(const ResultsQueueEnd&) = delete;
  ResultsQueueEnd& operator=(const ResultsQueueEnd&) = delete;

 private:
  Transport& transport_;
  const std::string queue_;
};

}  // namespace tilecompile

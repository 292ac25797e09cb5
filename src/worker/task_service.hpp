#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "fitness.hpp"
#include "solo_gate.hpp"
#include "tasks_in_hand.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/worker.hpp"

namespace tilecompile {

/// What the slots of one worker do with a task: decode, compute, store, answer. Every tile of it gets an
/// answer, also one that failed and one that was not begun; what to do about those is the master's to decide.
/// Safe from several threads.
class TaskService {
 public:
  TaskService(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
              const std::atomic<bool>& stop)
      : transport_(transport),
        store_(store),
        runs_(runs),
        options_(options),
        stop_(stop),
        diagnostics_(transport) {}

  /// Sees a delivery through to its acknowledgement. With `stop`, and by a worker that is not
  /// fit, the tiles not begun are handed back. Throws what the transport throws for good, and ContractError
  /// after an impossible state, which has been answered by then.
  void serve(const Delivery& delivery);
  /// As the latest tiles tell; while it is not, tiles not begun are handed back.
  Fitness& fitness() { return fitness_; }
  /// A master has named this worker as one that gives wrong tiles.
  bool distrusted() const { return distrusted_; }

 private:
  struct Job {
    TileTask task;
    TaskEnvelope envelope;
    const Delivery* delivery = nullptr;
  };
  /// Thrown when an answer was not taken and the worker is to stop: the task goes back to the broker.
  struct Unanswered {};

  void handle(const Job& job);
  void compute(const Job& job);
  void announce(const Job& job, const TaskTile& tile);
  void hand_back(const Job& job, std::size_t first_tile, HandBack why);
  ResultMessage result_of(const Job& job, const TaskTile& tile) const;
  std::int64_t bytes_read_for(const std::string& run_id);
  void answer(const Job& job, const ResultMessage& result);
  void publish(const Job& job, const Message& message);
  HandBack why_not_begun() const;
  bool nobody_waits(const Job& job);
  bool names_this_worker(const Job& job);
  void end(const Delivery& delivery, bool answered);
  void refuse(const Delivery& delivery, const InputError& why);

  Transport& transport_;
  ObjectStore& store_;
  RunContexts& runs_;
  const WorkerOptions& options_;
  const std::atomic<bool>& stop_;
  DiagnosticsSender diagnostics_;
  TasksInHand in_hand_;
  SoloGate gate_;
  Fitness fitness_;
  std::atomic<bool> distrusted_{false};
  std::mutex mutex_;
  std::map<std::string, std::int64_t> read_before_;  ///< bytes that were read before a run began
  std::set<std::string> gone_;                       ///< runs that took no answer when they were last asked
};

}  // namespace tilecompile

#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tilecompile/run/crash_marks.hpp"
#include "tilecompile/run/diagnostics_sender.hpp"
#include "tilecompile/run/task_message.hpp"
#include "tilecompile/run/worker.hpp"

namespace tilecompile {

/// Lets tasks in side by side, and a suspect one only when no other is inside: if the worker dies then, it is
/// plain over which task.
class SoloGate {
 public:
  void enter(bool alone);
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0, waiting_alone_ = 0;
  bool alone_ = false;
};

/// What the slots of one worker do with a task. Safe from several threads.
class TaskService {
 public:
  TaskService(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
              const std::atomic<bool>& stop)
      : transport_(transport),
        store_(store),
        runs_(runs),
        options_(options),
        stop_(stop),
        diagnostics_(transport),
        marks_(store) {}

  /// Sees a delivery through to its acknowledgement: computed tiles are reported; those that failed for now
  /// go to the back-off ladder, or to the master when the user may not publish tasks, those that failed for
  /// good to tile.dlq and to the master; with `stop` the tiles not begun are handed back. Throws what the
  /// transport throws, and ContractError after an impossible state, which has been reported by then.
  void serve(const Delivery& delivery);
  /// The tasks in hand will not be finished, and no worker has died over them.
  void forget_marks() { marks_.end_all(); }

 private:
  struct Job {
    TileTask task;
    TaskEnvelope envelope;
    std::string reply_to;
    const Message* message = nullptr;
  };
  struct Failed {
    TaskTile tile;
    ResultMessage result;  ///< with the failure
  };
  struct Outcome {
    std::size_t tried = 0;  ///< tiles from the first on
    std::vector<Failed> failed;
  };

  void handle(const Job& job, bool redelivered);
  Outcome compute(const Job& job, bool marked, bool alone);
  void settle(const Job& job, const Outcome& outcome);
  ResultMessage result_of(const Job& job, const TaskTile& tile) const;
  void give_up(const Job& job, const Failed& failed);
  void give_up_killer(const Job& job, const std::vector<std::string>& died);
  void split(const Job& job, const std::vector<std::string>& died);
  void pass_on(const Job& job, std::vector<TaskTile> tiles, int attempt, int delay_s, const std::string& why);
  void hand_back(const Job& job, const std::vector<TaskTile>& tiles, int attempt, const std::string& why);
  void publish_result(const std::string& reply_to, const ResultMessage& result);
  bool abandoned(const Delivery& delivery);
  void refuse(const Delivery& delivery, const InputError& why);

  Transport& transport_;
  ObjectStore& store_;
  RunContexts& runs_;
  const WorkerOptions& options_;
  const std::atomic<bool>& stop_;
  DiagnosticsSender diagnostics_;
  CrashMarks marks_;
  SoloGate gate_;
  std::atomic<bool> may_publish_tasks_{true};  ///< until the broker refuses one
};

}  // namespace tilecompile

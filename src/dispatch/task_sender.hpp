#pragma once
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/protocol/task_message.hpp"

namespace tilecompile {

/// A task that was published.
struct SentTask {
  std::string correlation_id;
  std::vector<int> tiles;
};

/// The master's way to the workers: publishes tasks, a bounded number of them unconfirmed, and finds out when
/// they were lost.
class TaskSender {
 public:
  using Clock = std::chrono::steady_clock;
  TaskSender(const TileRound& round, const RoundPlace& place, RoundObserver& observer, std::string reply_to)
      : round_(round), place_(place), observer_(observer), reply_to_(std::move(reply_to)) {}

  /// Publishes a task, with `wait_s` by the back-off ladder. Waits while many are unconfirmed. Throws what a
  /// confirm throws for good, and what the observer throws.
  void send(const TileTask& task, const TaskEnvelope& envelope, int wait_s);
  /// The tasks that the broker refused for now, each told once.
  std::vector<SentTask> take_refused();
  /// An answer came in; `tile_s` is what its tile took.
  void note_answer(double tile_s);
  double slowest_tile_s() const { return slowest_tile_s_; }
  /// What waits on tile.compute, looked up every two seconds; nothing in between, and nothing while tasks are
  /// unconfirmed or the broker takes none.
  std::optional<QueueState> look();
  /// Why all tasks under way are to be published again: a queue of them is gone, or they are on no queue and
  /// no answer has come for long; nothing when they are not. Says what it sees on the way: a policy
  /// that drops messages, a broker that does not confirm.
  std::optional<std::string> tasks_lost();

 private:
  struct Confirm {
    std::future<void> ready;
    SentTask task;
  };
  void take_confirm();
  bool tasks_on_ladder();
  void warn_of_unconfirmed(double patience_s);
  std::string why_lost(const std::optional<QueueState>& compute) const;
  double patience_s(bool consumers) const;
  void warn_of_policy(const std::optional<QueueState>& compute);

  const TileRound& round_;
  const RoundPlace& place_;
  RoundObserver& observer_;
  const std::string reply_to_;
  std::deque<Confirm> confirms_;
  std::vector<SentTask> refused_;
  Clock::time_point last_news_ = Clock::now(), last_look_ = last_news_, last_confirm_ = last_news_,
                    last_count_ = last_news_;
  Clock::time_point last_refusal_{};  ///< said once, until there was none for a while
  double slowest_tile_s_ = 0;
  bool any_answer_ = false, queue_gone_ = false;
  int times_lost_ = 0;
  std::size_t published_ = 0;  ///< tasks on tile.compute, if nobody took one
  int looks_short_ = 0;        ///< one after the other that found fewer tasks, and nobody who took them
  bool seen_workers_ = false;
};

}  // namespace tilecompile

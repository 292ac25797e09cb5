#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <set>
#include <string>

#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/run/dispatch.hpp"

namespace tilecompile {

/// The master's way to the workers: hands out the tasks of the tiles that are open, and again when they were
/// lost. The ledger, not the queue, is the truth about what is done.
class TaskSender {
 public:
  using Clock = std::chrono::steady_clock;
  TaskSender(const DispatchJob& job, Transport& transport, RunDirectory& directory, const TileLedger& ledger,
             std::string reply_to);

  /// Publishes the tasks of all open tiles.
  void publish_open();
  /// Publishes one tile once more, after the wait of the back-off ladder or, with `at_once`, without one.
  void publish_later(int tile_id, const HandBack& next, bool at_once);
  /// Whether this sender published the task that a result answers.
  bool asked(const std::string& correlation_id) const { return asked_.count(correlation_id) > 0; }
  /// A result came in; `tile_s` is what its tile took.
  void note_result(double tile_s);
  /// Called while nothing comes in: says so when no worker is there, and publishes the open tiles again when
  /// their tasks have been lost. Throws what a task's confirm throws for good.
  void look_after();

 private:
  void publish(const TileTask& task, const HandBack& next, const std::string& queue);
  void take_confirms();
  void note_alarm();
  std::string why_lost(const std::optional<QueueState>& compute) const;
  bool tasks_under_way(const std::optional<QueueState>& compute);
  double patience_s(bool consumers) const;
  void warn_of_no_worker(const std::optional<QueueState>& compute);
  void warn_of_policy(const std::optional<QueueState>& compute);

  const DispatchJob& job_;
  Transport& transport_;
  RunDirectory& directory_;
  const TileLedger& ledger_;
  std::string reply_to_;
  std::deque<std::future<void>> confirms_;
  std::set<std::string> asked_;  ///< correlation ids of the tasks published
  Clock::time_point last_news_ = Clock::now(), last_look_ = last_news_, last_warning_ = last_news_;
  double slowest_tile_s_ = 0;
  bool any_result_ = false, lost_ = false;
  int times_lost_ = 0;
  std::string alarm_;          ///< why the broker takes no messages
  std::size_t published_ = 0;  ///< tasks of publish_open, when it was called last
  int looks_short_ = 0;        ///< one after the other that found fewer tasks, and nobody who took them
  bool seen_workers_ = false;
};

}  // namespace tilecompile

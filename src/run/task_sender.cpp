#include "task_sender.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/run/broker_alarm.hpp"
#include "tilecompile/run/run_queues.hpp"
#include "tilecompile/run/task_message.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr double kLookEvery_s = 2;
constexpr auto kWarnEvery = 15s;
constexpr double kNobodyPatience_s = 5;  // with no task on a queue and nobody who could hold one
constexpr double kTilesOfPatience = 10;  // a worker is silent for the time of one tile, not of ten
constexpr double kFirstFactor = 5;       // before the first result workers also check the frames

constexpr const char* kSeePolicies =
    "see rabbitmqctl list_policies and list_operator_policies, and take such limits off our queues";

double seconds_since(TaskSender::Clock::time_point t) {
  return std::chrono::duration<double>(TaskSender::Clock::now() - t).count();
}

}  // namespace

TaskSender::TaskSender(const DispatchJob& job, Transport& transport, RunDirectory& directory,
                       const TileLedger& ledger, std::string reply_to)
    : job_(job),
      transport_(transport),
      directory_(directory),
      ledger_(ledger),
      reply_to_(std::move(reply_to)) {}

void TaskSender::publish(const TileTask& task, const HandBack& next, const std::string& queue) {
  TaskEnvelope envelope;
  envelope.attempt = next.attempt;
  envelope.died = next.died;
  envelope.retry = job_.retry;
  Message message = task_message(task, envelope, reply_to_);
  if (job_.diagnostics != nullptr) job_.diagnostics->ask(message);
  asked_.insert(task.correlation_id);
  confirms_.push_back(transport_.publish(kTaskExchange, queue, std::move(message)));
}

void TaskSender::publish_open() {
  const auto tasks = make_tasks(job_, [this](int id) { return ledger_.is_open(id); });
  for (const TileTask& task : tasks) publish(task, {}, kComputeQueue);
  published_ = tasks.size();
  directory_.append_event("tasks_published", {{"tasks", std::to_string(tasks.size())}});
  last_news_ = Clock::now();
}

void TaskSender::publish_later(int tile_id, const HandBack& next, bool at_once) {
  auto tasks = make_tasks(job_, [tile_id](int id) { return id == tile_id; });
  const int delay_s =
      at_once ? 0 : retry_delay_s(job_.retry, tasks.front().correlation_id, std::max(1, next.attempt - 1));
  publish(tasks.front(), next, retry_queue(delay_s));
  directory_.append_event("tile_retried", {{"tile_id", std::to_string(tile_id)},
                                           {"attempt", std::to_string(next.attempt)},
                                           {"in_s", std::to_string(delay_s)}});
}

void TaskSender::note_result(double tile_s) {
  last_news_ = Clock::now();
  slowest_tile_s_ = std::max(slowest_tile_s_, tile_s);
  any_result_ = true;
}

void TaskSender::take_confirms() {
  while (!confirms_.empty() && confirms_.front().wait_for(0s) == std::future_status::ready) {
    std::future<void> confirm = std::move(confirms_.front());
    confirms_.pop_front();
    try {
      confirm.get();
    } catch (const TransientError& e) {  // no queue took it, or the broker would not for now
      if (!lost_) log_warning(std::string("a task did not reach its queue: ") + e.what());
      lost_ = true;
    }
  }
}

bool TaskSender::tasks_under_way(const std::optional<QueueState>& compute) {
  if (compute && compute->messages > 0) return true;
  const auto rungs = retry_rungs(job_.retry);
  return std::any_of(rungs.begin(), rungs.end(), [this](int rung) {
    const auto state = transport_.inspect(retry_queue(rung));
    return state && state->messages > 0;
  });
}

double TaskSender::patience_s(bool consumers) const {
  if (!consumers) return std::min(kNobodyPatience_s, job_.stall_after_s);
  const double plain = std::max(job_.stall_after_s, kTilesOfPatience * slowest_tile_s_);
  // Tasks may only be slow: wait longer every time.
  return plain * (any_result_ ? 1 : kFirstFactor) * (1 << std::min(times_lost_, 10));
}

void TaskSender::warn_of_no_worker(const std::optional<QueueState>& compute) {
  if (Clock::now() - last_warning_ < kWarnEvery || !compute || compute->consumers > 0) return;
  last_warning_ = Clock::now();
  log_warning(std::string("no worker consumes ") + kComputeQueue +
                  ": start one with 'tilecompile worker' on any host "
                  "that reaches the broker and the storage, or start the master with --workers N",
              {{"tasks_waiting", std::to_string(compute->messages)}});
}

// What the queue held was confirmed and on disk: if tasks are missing before anyone took one, the broker
// itself has dropped them.
void TaskSender::warn_of_policy(const std::optional<QueueState>& compute) {
  seen_workers_ = seen_workers_ || any_result_ || (compute && compute->consumers > 0);
  const bool is_short = compute && !seen_workers_ && confirms_.empty() && compute->messages < published_;
  looks_short_ = is_short ? looks_short_ + 1 : 0;
  constexpr int kLooks = 2;  // the count of a quorum queue may lag behind
  if (looks_short_ != kLooks) return;
  log_warning(std::string("the broker has dropped tasks that no worker took from ") + kComputeQueue +
                  ": probably a policy of its operator shortens the queue (max-length, max-length-bytes, "
                  "message-ttl); " +
                  kSeePolicies,
              {{"sent", std::to_string(published_)}, {"there", std::to_string(compute->messages)}});
}

std::string TaskSender::why_lost(const std::optional<QueueState>& compute) const {
  const std::string policy = std::string("; ") + kSeePolicies;
  if (!compute) return "the queue is gone: it was deleted, or a policy of the broker lets it expire" + policy;
  if (lost_) return "the broker did not take them, see above";
  return "a worker kept its tasks, the queue was emptied, or a policy of the broker drops messages from it "
         "or "
         "from the results queue (max-length, max-length-bytes, message-ttl)" +
         policy;
}

// Into the events, where `status` finds it; the transport has logged it.
void TaskSender::note_alarm() {
  const std::string alarm = transport_.blocked();
  if (alarm == alarm_) return;
  alarm_ = alarm;
  if (alarm.empty())
    directory_.append_event("broker_takes_messages", {});
  else
    directory_.append_event("broker_blocked", {{"text", "the broker " + alarm}});
}

void TaskSender::look_after() {
  take_confirms();
  note_alarm();
  if (seconds_since(last_look_) < std::min(kLookEvery_s, job_.stall_after_s) && !lost_) return;
  last_look_ = Clock::now();
  const auto compute = transport_.inspect(kComputeQueue);
  warn_of_no_worker(compute);
  warn_of_policy(compute);
  const bool gone = lost_ || !compute;
  if (!gone) {
    if (!confirms_.empty()) last_news_ = last_look_;  // not lost, not yet taken
    const double patience = patience_s(compute->consumers > 0);
    if (seconds_since(last_news_) < patience || tasks_under_way(compute)) return;
  }
  // Under an alarm nothing is lost: the workers cannot send their results.
  if (!find_alarm(transport_).empty()) {
    last_news_ = last_look_;
    return note_alarm();
  }
  log_warning("tasks were lost, they are published again: " + why_lost(compute),
              {{"tiles", std::to_string(ledger_.tile_count() - ledger_.done() - ledger_.failed())}});
  lost_ = false;
  ++times_lost_;
  transport_.declare(compute_queue_spec(job_.quorum));
  for (const int rung : retry_rungs(job_.retry)) transport_.declare(retry_queue_spec(rung, job_.quorum));
  if (job_.quorum) let_queues_settle(job_);
  publish_open();
}

}  // namespace tilecompile

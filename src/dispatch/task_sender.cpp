#include "task_sender.hpp"

#include <algorithm>
#include <utility>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kMostUnconfirmed = 256;
constexpr double kLookEvery_s = 2, kRefusalsEvery_s = 15;
constexpr double kNobodyPatience_s = 5;  // with no task on a queue and nobody who could hold one
constexpr double kTilesOfPatience = 10;  // a worker is silent for the time of one tile, not of ten
constexpr double kFirstFactor = 5;       // before the first result workers also check the frames

constexpr const char* kSeePolicies =
    "see rabbitmqctl list_policies and list_operator_policies, and take such limits off our queues";

}  // namespace

void TaskSender::send(const TileTask& task, const TaskEnvelope& envelope, int wait_s) {
  while (confirms_.size() >= kMostUnconfirmed) {
    observer_.check_stop();
    if (confirms_.front().ready.wait_for(200ms) == std::future_status::ready) take_confirm();
  }
  Message message = task_message(task, envelope, reply_to_);
  message.priority = round_.priority;
  if (place_.diagnostics != nullptr) place_.diagnostics->ask(message);
  SentTask sent{task.correlation_id, {}};
  for (const TaskTile& tile : task.tiles) sent.tiles.push_back(tile.tile_id);
  const std::string queue = wait_s > 0 ? retry_queue(wait_s) : kComputeQueue;
  if (confirms_.empty()) last_confirm_ = Clock::now();
  confirms_.push_back({place_.transport.publish(kTaskExchange, queue, std::move(message)), std::move(sent)});
  if (wait_s == 0) ++published_;
  last_news_ = Clock::now();
}

void TaskSender::take_confirm() {
  Confirm confirm = std::move(confirms_.front());
  confirms_.pop_front();
  last_confirm_ = Clock::now();
  try {
    confirm.ready.get();
  } catch (const UnroutableError& e) {
    if (!queue_gone_) log_warning(std::string("a task did not reach its queue: ") + e.what());
    queue_gone_ = true;
  } catch (const NotTakenError& e) {
    if (seconds_since(last_refusal_) > kRefusalsEvery_s)
      log_warning(std::string("tasks are sent again until they are taken: ") + e.what());
    last_refusal_ = Clock::now();
    refused_.push_back(std::move(confirm.task));
    if (published_ > 0) --published_;
  }
}

std::vector<SentTask> TaskSender::take_refused() {
  while (!confirms_.empty() && confirms_.front().ready.wait_for(0s) == std::future_status::ready)
    take_confirm();
  return std::exchange(refused_, {});
}

void TaskSender::note_answer(double tile_s) {
  last_news_ = Clock::now();
  slowest_tile_s_ = std::max(slowest_tile_s_, tile_s);
  any_answer_ = true;
}

bool TaskSender::tasks_on_ladder() {
  const auto rungs = retry_rungs(round_.retry);
  return std::any_of(rungs.begin(), rungs.end(), [this](int rung) {
    const auto state = place_.transport.inspect(retry_queue(rung));
    return state && state->messages > 0;
  });
}

double TaskSender::patience_s(bool consumers) const {
  if (!consumers) return std::min(kNobodyPatience_s, round_.stall_after_s);
  const double plain = std::max(round_.stall_after_s, kTilesOfPatience * slowest_tile_s_);
  // Tasks may only be slow: wait longer every time.
  return plain * (any_answer_ ? 1 : kFirstFactor) * (1 << std::min(times_lost_, 10));
}

// What the queue held was confirmed and on disk: if tasks are missing before anyone took one, the broker
// itself has dropped them.
void TaskSender::warn_of_policy(const std::optional<QueueState>& compute) {
  seen_workers_ = seen_workers_ || any_answer_ || (compute && compute->consumers > 0);
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
  if (queue_gone_) return "the broker did not take them, see above";
  return "a worker kept its tasks, the queue was emptied, or a policy of the broker drops messages from it "
         "or "
         "from the results queue (max-length, max-length-bytes, message-ttl)" +
         policy;
}

// A queue without enough nodes neither confirms nor refuses.
void TaskSender::warn_of_unconfirmed(double patience_s) {
  if (confirms_.empty() || seconds_since(last_confirm_) < patience_s) return;
  last_confirm_ = Clock::now();
  log_warning("the broker has not confirmed tasks for long: is a node of its cluster down, or its disk slow?",
              {{"tasks", std::to_string(confirms_.size())}});
}

std::optional<QueueState> TaskSender::look() {
  if (seconds_since(last_count_) < std::min(kLookEvery_s, round_.stall_after_s)) return std::nullopt;
  if (!confirms_.empty() || !place_.transport.connected() || !place_.transport.blocked().empty())
    return std::nullopt;
  last_count_ = Clock::now();
  return place_.transport.inspect(kComputeQueue);
}

std::optional<std::string> TaskSender::tasks_lost() {
  const double look_every = std::min(kLookEvery_s, round_.stall_after_s);
  if (!queue_gone_ && (seconds_since(last_look_) < look_every || seconds_since(last_news_) < look_every))
    return std::nullopt;
  last_look_ = Clock::now();
  const auto compute = place_.transport.inspect(kComputeQueue);
  warn_of_policy(compute);
  if (!queue_gone_ && compute) {
    const double patience = patience_s(compute->consumers > 0);
    warn_of_unconfirmed(patience);
    if (round_.lease_factor > 0 && compute->consumers > 0) return std::nullopt;  // leases tell, task by task
    if (!confirms_.empty()) last_news_ = last_look_;                             // not lost, not yet taken
    if (seconds_since(last_news_) < patience) return std::nullopt;
    if (compute->messages > 0 || tasks_on_ladder()) return std::nullopt;
  }
  // Under an alarm nothing is lost: the workers cannot send their results.
  if (!find_alarm(place_.transport).empty()) {
    last_news_ = last_look_;
    return std::nullopt;
  }
  const std::string why = why_lost(compute);
  queue_gone_ = false;
  published_ = 0;
  ++times_lost_;
  return why;
}

}  // namespace tilecompile

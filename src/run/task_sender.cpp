#include "task_sender.hpp"

#include <algorithm>
#include <utility>

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/run_queues.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kMostUnconfirmed = 256;
constexpr double kLookEvery_s = 2;
constexpr auto kWarnEvery = 15s;
constexpr double kNobodyPatience_s = 5;  // with no task on a queue and nobody who could hold one
constexpr double kTilesOfPatience = 10;  // a worker is silent for the time of one tile, not of ten
constexpr double kFirstFactor = 5;       // before the first result workers also check the frames

double seconds_since(TaskSender::Clock::time_point t) {
  return std::chrono::duration<double>(TaskSender::Clock::now() - t).count();
}

}  // namespace

void TaskSender::send(const TileTask& task, const TaskEnvelope& envelope, int wait_s) {
  while (confirms_.size() >= kMostUnconfirmed) {
    observer_.check_stop();
    if (confirms_.front().ready.wait_for(200ms) == std::future_status::ready) take_confirm();
  }
  Message message = task_message(task, envelope, reply_to_);
  if (place_.diagnostics != nullptr) place_.diagnostics->ask(message);
  SentTask sent{task.correlation_id, {}};
  for (const TaskTile& tile : task.tiles) sent.tiles.push_back(tile.tile_id);
  const std::string queue = wait_s > 0 ? retry_queue(wait_s) : kComputeQueue;
  confirms_.push_back({place_.transport.publish(kTaskExchange, queue, std::move(message)), std::move(sent)});
  last_news_ = Clock::now();
}

void TaskSender::take_confirm() {
  Confirm confirm = std::move(confirms_.front());
  confirms_.pop_front();
  try {
    confirm.ready.get();
  } catch (const UnroutableError& e) {
    if (!queue_gone_) log_warning(std::string("a task did not reach its queue: ") + e.what());
    queue_gone_ = true;
  } catch (const NotTakenError& e) {
    if (refused_.empty()) log_warning(std::string("a task is sent again: ") + e.what());
    refused_.push_back(std::move(confirm.task));
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

void TaskSender::warn_of_no_worker(const std::optional<QueueState>& compute) {
  if (Clock::now() - last_warning_ < kWarnEvery || !compute || compute->consumers > 0) return;
  last_warning_ = Clock::now();
  log_warning(std::string("no worker consumes ") + kComputeQueue +
                  ": start one with 'tilecompile worker' on any host "
                  "that reaches the broker and the storage, or start the master with --workers N",
              {{"tasks_waiting", std::to_string(compute->messages)}});
}

bool TaskSender::tasks_lost() {
  const double look_every = std::min(kLookEvery_s, round_.stall_after_s);
  if (!queue_gone_ && (seconds_since(last_look_) < look_every || seconds_since(last_news_) < look_every))
    return false;
  last_look_ = Clock::now();
  const auto compute = place_.transport.inspect(kComputeQueue);
  warn_of_no_worker(compute);
  if (!queue_gone_ && compute) {
    if (seconds_since(last_news_) < patience_s(compute->consumers > 0)) return false;
    if (compute->messages > 0 || tasks_on_ladder()) return false;
  }
  queue_gone_ = false;
  ++times_lost_;
  return true;
}

}  // namespace tilecompile

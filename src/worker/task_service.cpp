#include "task_service.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/process_usage.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kFirstPause = 200ms, kLongestPause = 5000ms;  // between tries of an answer that is not taken
constexpr std::size_t kRunsRemembered = 64;

LogFields tile_fields(const ResultMessage& result) {
  return {{"run_id", result.run_id},
          {"tile_id", std::to_string(result.tile_id)},
          {"attempt", std::to_string(result.attempt)}};
}

}  // namespace

void TaskService::serve(const Delivery& delivery) {
  Job job;
  try {
    job = {decode_any_task(delivery.message.body), read_envelope(delivery.message), &delivery};
  } catch (const InputError& e) {
    refuse(delivery, e);
    return transport_.ack(delivery.tag);
  }
  switch (in_hand_.take(job.task.correlation_id, delivery)) {
    case TasksInHand::Standing::kHeld:
      return;
    case TasksInHand::Standing::kAnswered:
      return transport_.ack(delivery.tag);
    case TasksInHand::Standing::kForeign:
    case TasksInHand::Standing::kNew:
      break;
  }
  bool answered = true;
  try {
    handle(job);
  } catch (const UnroutableError& e) {
    log_warning(std::string("nobody waits for this result any more, the task is dropped: ") + e.what());
  } catch (const Unanswered&) {
    answered = false;
  } catch (const std::bad_alloc&) {
    log_warning("the memory does not suffice to answer a task: it goes back to the broker",
                {{"run_id", job.task.run_id}});
    std::this_thread::sleep_for(kFirstPause);
    answered = false;
  } catch (const ContractError&) {
    end(delivery, true);
    throw;
  }
  end(delivery, answered);
}

void TaskService::end(const Delivery& delivery, bool answered) {
  for (const DeliveryTag& tag : in_hand_.finish(delivery.tag, answered)) {
    if (answered)
      transport_.ack(tag);
    else
      transport_.reject(tag, true);
  }
}

// A task that cannot be read names no run to answer to: it is kept for people to look at, with the reason.
void TaskService::refuse(const Delivery& delivery, const InputError& why) {
  log_error(std::string("task refused: ") + why.what(), {{"message_id", delivery.message.message_id}});
  DeathNote note;
  note.failure = TileFailure{ErrorKind::kInput, why.what()};
  note.worker_id = options_.worker_id;
  send_to_dead_letters(transport_, kResultExchange, delivery.message, note);
}

void TaskService::handle(const Job& job) {
  if (nobody_waits(job)) return;
  const auto& others = job.envelope.not_by;
  const bool not_ours = std::find(others.begin(), others.end(), options_.worker_id) != others.end();
  if (stop_ || names_this_worker(job) || not_ours) return hand_back(job, 0, HandBack::kStopping);
  // The master knows who had it and what to do about it: a tile that kills its workers kills no other here.
  if (job.delivery->redelivered) return hand_back(job, 0, HandBack::kRedelivered);
  if (fitness_.unfit()) return hand_back(job, 0, HandBack::kUnfit);
  compute(job);
}

HandBack TaskService::why_not_begun() const {
  return !stop_ && fitness_.unfit() ? HandBack::kUnfit : HandBack::kStopping;
}

void TaskService::compute(const Job& job) {
  bytes_read_for(job.task.run_id);  // counts from here on
  const SoloGate::Pass pass(gate_, job.envelope.care == TaskCare::kAlone);
  const WorkerIdentity identity{options_.worker_id, job.envelope.attempt};
  std::size_t tried = 0;
  std::string bug;
  const auto emit = [&](const ResultMessage& result) {
    ++tried;
    if (result.failure && result.failure->kind == ErrorKind::kContract) bug = result.failure->text;
    answer(job, result);
    if (!result.failure) log_debug(result.part ? "piece done" : "tile done", tile_fields(result));
    if (fitness_.note(job.task, job.delivery->message.reply_to, result))
      leave_note(transport_, {options_.worker_id, "", "", true, "", 0});
  };
  const auto go_on = [&](const TaskTile& tile) {
    if (stop_ || !bug.empty() || fitness_.unfit()) return false;
    if (job.envelope.care != TaskCare::kNone) announce(job, tile);
    return true;
  };
  try {
    execute_tiles(job.task, runs_, store_, identity, emit,
                  diagnostics_.observer(job.delivery->message, identity), go_on,
                  job.envelope.care == TaskCare::kNone);
    if (tried < job.task.tiles.size()) hand_back(job, tried, why_not_begun());
  } catch (const UnroutableError&) {
    if (bug.empty()) throw;  // a bug ends the worker even when the run that asked has ended over it
  }
  if (!bug.empty()) throw ContractError(bug);
}

void TaskService::announce(const Job& job, const TaskTile& tile) {
  ResultMessage begun = result_of(job, tile);
  begun.begun = true;
  answer(job, begun);
}

void TaskService::hand_back(const Job& job, std::size_t first_tile, HandBack why) {
  const std::string text =
      why == HandBack::kStopping && !stop_ && !distrusted_ ? "not begun: another worker is to compute it"
      : why == HandBack::kStopping                         ? "not begun by a worker that stops"
      : why == HandBack::kRedelivered                      ? "not begun: another worker had the task before"
                                      : "not begun by a worker whose tiles fail: " + fitness_.trouble().text;
  log_info("tiles are handed back to the master: " + text,
           {{"run_id", job.task.run_id}, {"tiles", std::to_string(job.task.tiles.size() - first_tile)}});
  for (std::size_t t = first_tile; t < job.task.tiles.size(); ++t) {
    ResultMessage result = result_of(job, job.task.tiles[t]);
    result.failure = TileFailure{ErrorKind::kTransient, text};
    result.hand_back = why;
    answer(job, result);
  }
}

ResultMessage TaskService::result_of(const Job& job, const TaskTile& tile) const {
  return empty_result(job.task, tile, {options_.worker_id, job.envelope.attempt});
}

// The broker may refuse a message for now, as when a queue is full or moves: that is no reason to end.
void TaskService::answer(const Job& job, const ResultMessage& result) {
  Message message;
  message.body = encode_result(result);
  message.correlation_id = result.correlation_id;
  if (!result.failure && !result.begun)
    message.headers[kBytesReadHeader] = std::to_string(bytes_read_for(result.run_id));
  message.message_id =
      result.run_id + ":" + std::to_string(result.tile_id) + ":" + std::to_string(result.attempt);
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    try {
      return publish(job, message);
    } catch (const NotTakenError& e) {
      log_warning(std::string("an answer is sent again: ") + e.what(), tile_fields(result));
    }
    for (auto waited = 0ms; waited < pause; waited += kFirstPause) {
      if (stop_) throw Unanswered{};
      std::this_thread::sleep_for(kFirstPause);
    }
  }
}

// Since the first task of the run came; 0 then.
std::int64_t TaskService::bytes_read_for(const std::string& run_id) {
  const std::int64_t now = process_bytes_read();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (read_before_.size() >= kRunsRemembered && read_before_.count(run_id) == 0) read_before_.clear();
  return now - read_before_.emplace(run_id, now).first->second;
}

// The queue that waits for the result: the one the task names, else the run's own, else the shared one.
void TaskService::publish(const Job& job, const Message& message) {
  const std::string& asked = job.delivery->message.reply_to;
  const std::string queue = asked.empty() ? results_queue(job.task.run_id, Isolation::kRun) : asked;
  try {
    try {
      return transport_.publish(kResultExchange, queue, message).get();
    } catch (const UnroutableError&) {
      if (!asked.empty()) throw;
    }
    transport_.publish(kResultExchange, kResultsQueue, message).get();
  } catch (const UnroutableError&) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (gone_.size() >= kRunsRemembered) gone_.clear();
    gone_.insert(queue);
    throw;
  }
}

// Wrong pixels come from memory, processor or files of this host: it takes no tasks any more, of no run,
// until somebody has looked and started it again.
bool TaskService::names_this_worker(const Job& job) {
  const auto& names = job.envelope.distrusted;
  if (std::find(names.begin(), names.end(), options_.worker_id) == names.end()) return false;
  if (!distrusted_.exchange(true))
    log_error("the master of run " + job.task.run_id +
              " found tiles of this worker wrong: it takes no more tasks until it is started again; look "
              "after memory, processor and version of this host");
  return true;
}

// A run that ended early leaves tasks behind. Once an answer of it was taken by nobody, its other tasks are
// dropped without being computed, until its queue is there again.
bool TaskService::nobody_waits(const Job& job) {
  const std::string& queue = job.delivery->message.reply_to;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (gone_.count(queue) == 0) return false;
  }
  try {
    if (transport_.inspect(queue)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      gone_.erase(queue);
      return false;
    }
  } catch (const UsageError& e) {  // a queue of somebody alone
    log_debug(std::string("this worker may not look at a results queue: ") + e.what());
  }
  log_warning("a task of a run that has ended is dropped", {{"results_queue", queue}});
  return true;
}

}  // namespace tilecompile

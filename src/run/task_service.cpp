#include "task_service.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/execute_task.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

LogFields tile_fields(const ResultMessage& result) {
  return {{"run_id", result.run_id},
          {"tile_id", std::to_string(result.tile_id)},
          {"attempt", std::to_string(result.attempt)}};
}

bool is_contract(const ResultMessage& result) { return result.failure->kind == ErrorKind::kContract; }

}  // namespace

void SoloGate::enter(bool alone) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (alone) ++waiting_alone_;
  changed_.wait(lock, [&] { return !alone_ && (alone ? inside_ == 0 : waiting_alone_ == 0); });
  if (alone) --waiting_alone_;
  alone_ = alone;
  ++inside_;
}

void SoloGate::leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --inside_;
  alone_ = false;
  changed_.notify_all();
}

void TaskService::serve(const Delivery& delivery) {
  try {
    if (abandoned(delivery)) return transport_.ack(delivery.tag);
    const Job job{decode_task(delivery.message.body), read_envelope(delivery.message),
                  delivery.message.reply_to, &delivery.message};
    handle(job, delivery.redelivered);
  } catch (const UnroutableError& e) {
    log_warning(std::string("nobody waits for this result any more, the task is dropped: ") + e.what());
  } catch (const InputError& e) {
    refuse(delivery, e);
  } catch (const ContractError&) {
    transport_.ack(delivery.tag);
    throw;
  }
  transport_.ack(delivery.tag);
}

// A run that ended early leaves tasks behind; without its results queue nobody waits for them.
bool TaskService::abandoned(const Delivery& delivery) {
  const std::string& queue = delivery.message.reply_to;
  if (queue.empty()) return false;
  try {
    if (transport_.inspect(queue)) return false;
  } catch (const UsageError& e) {  // a queue of somebody alone, a name that is none
    throw InputError("the task asks for its results on queue '" + queue +
                     "', which is none for them: " + e.what());
  }
  log_warning("a task of a run that has ended is dropped", {{"results_queue", queue}});
  return true;
}

// A task that cannot be read names no run to answer to: it is kept for inspection, with the reason.
void TaskService::refuse(const Delivery& delivery, const InputError& why) {
  log_error(std::string("task refused: ") + why.what(), {{"message_id", delivery.message.message_id}});
  DeathNote note;
  note.failure = TileFailure{ErrorKind::kInput, why.what()};
  note.worker_id = options_.worker_id;
  send_to_dead_letters(transport_, delivery.message, note);
}

void TaskService::handle(const Job& job, bool redelivered) {
  const auto starts = marks_.starts(job.task);
  std::vector<std::string> died = job.envelope.died;
  died.insert(died.end(), starts.begin(), starts.end());
  if (!starts.empty() && job.task.tiles.size() > 1) return split(job, died);
  if (!starts.empty() && static_cast<int>(died.size()) >= job.envelope.retry.max_worker_deaths)
    return give_up_killer(job, died);
  Job with_names = job;
  with_names.envelope.died = died;
  settle(with_names, compute(job, redelivered || !died.empty(), !died.empty()));
}

TaskService::Outcome TaskService::compute(const Job& job, bool marked, bool alone) {
  Outcome outcome;
  bool go_on = true;
  gate_.enter(alone);
  if (marked) marks_.begin(job.task, options_.worker_id);
  const auto emit = [&](const ResultMessage& result) {
    const TaskTile& tile = job.task.tiles[outcome.tried++];
    if (!result.failure) {
      publish_result(job.reply_to, result);
      log_debug("tile done", tile_fields(result));
    } else {
      outcome.failed.push_back({tile, result});
      go_on = !is_contract(result);
    }
  };
  const auto leave = [&] {
    if (marked) marks_.end(job.task);
    gate_.leave();
  };
  try {
    const WorkerIdentity identity{options_.worker_id, job.envelope.attempt};
    execute_task(job.message->body, runs_, store_, identity, emit,
                 diagnostics_.observer(*job.message, identity), [&] { return go_on && !stop_; });
  } catch (...) {
    leave();
    throw;
  }
  leave();
  return outcome;
}

void TaskService::settle(const Job& job, const Outcome& outcome) {
  std::string why;
  std::vector<TaskTile> again,
      rest(job.task.tiles.begin() + static_cast<std::ptrdiff_t>(outcome.tried), job.task.tiles.end());
  for (const Failed& failed : outcome.failed) {
    const bool for_now = failed.result.failure->kind == ErrorKind::kTransient &&
                         job.envelope.attempt < job.envelope.retry.max_attempts;
    if (!for_now) {
      give_up(job, failed);
      continue;
    }
    if (again.empty()) why = failed.result.failure->text;
    again.push_back(failed.tile);
  }
  const int attempt = job.envelope.attempt;
  if (!again.empty())
    pass_on(job, std::move(again), attempt + 1,
            retry_delay_s(job.envelope.retry, job.task.correlation_id, attempt), why);
  if (!rest.empty()) pass_on(job, std::move(rest), attempt, 0, "not begun by a worker that stops");
  for (const Failed& failed : outcome.failed)
    if (is_contract(failed.result))
      throw ContractError("tile " + std::to_string(failed.result.tile_id) + " of run " + job.task.run_id +
                          ": " + failed.result.failure->text +
                          "; this worker stops, the task is kept on tile.dlq; please report this");
}

ResultMessage TaskService::result_of(const Job& job, const TaskTile& tile) const {
  ResultMessage result;
  result.correlation_id = job.task.correlation_id;
  result.run_id = job.task.run_id;
  result.tile_id = tile.tile_id;
  result.worker_id = options_.worker_id;
  result.attempt = job.envelope.attempt;
  result.part = part_of(job.task);
  return result;
}

// First the dead letter, then the result: a master that ends over it finds the letter.
void TaskService::give_up(const Job& job, const Failed& failed) {
  TileTask task = job.task;
  task.tiles = {failed.tile};
  DeathNote note;
  note.failure = *failed.result.failure;
  note.worker_id = options_.worker_id;
  send_to_dead_letters(transport_, task_message(task, job.envelope, job.reply_to), note);
  publish_result(job.reply_to, failed.result);
}

void TaskService::give_up_killer(const Job& job, const std::vector<std::string>& died) {
  std::string who;
  for (const std::string& one : died) who += (who.empty() ? "" : ", ") + one;
  Failed failed{job.task.tiles.front(), result_of(job, job.task.tiles.front())};
  ResultMessage& result = failed.result;
  result.failure = TileFailure{ErrorKind::kInput, std::to_string(died.size()) +
                                                      " workers died while they computed it: " + who +
                                                      "; look at their logs and at the memory they had"};
  log_error("task given up: " + result.failure->text, tile_fields(result));
  Job with_names = job;
  with_names.envelope.died = died;
  give_up(with_names, failed);
  marks_.end(job.task);
}

// Which of its tiles it is shows when they come one by one.
void TaskService::split(const Job& job, const std::vector<std::string>& died) {
  log_warning("a worker died over this task: its tiles are tried one by one",
              {{"run_id", job.task.run_id}, {"died", died.back()}});
  Job with_names = job;
  with_names.envelope.died = died;
  for (const TaskTile& tile : job.task.tiles)
    pass_on(with_names, {tile}, job.envelope.attempt, 0, "a worker died over its task: " + died.back());
  marks_.end(job.task);
}

void TaskService::pass_on(const Job& job, std::vector<TaskTile> tiles, int attempt, int delay_s,
                          const std::string& why) {
  TileTask task = job.task;
  task.tiles = std::move(tiles);
  TaskEnvelope envelope = job.envelope;
  envelope.attempt = attempt;
  if (attempt > job.envelope.attempt)
    log_warning("tiles are tried again later", {{"run_id", task.run_id},
                                                {"first_tile", std::to_string(task.tiles.front().tile_id)},
                                                {"tiles", std::to_string(task.tiles.size())},
                                                {"attempt", std::to_string(attempt)},
                                                {"in_s", std::to_string(delay_s)}});
  try {
    if (may_publish_tasks_)
      return send_later(transport_, task_message(task, envelope, job.reply_to), delay_s, options_.quorum);
  } catch (const AccessRefused&) {
    log_info("this user may not publish tasks: the master puts tiles on the back-off ladder");
    may_publish_tasks_ = false;
  } catch (const UnroutableError& e) {
    log_warning(std::string("the back-off ladder lacks a rung, the master is asked instead: ") + e.what());
  } catch (const UsageError& e) {  // the rung is not there, and may not be declared
    log_warning(std::string("the back-off ladder lacks a rung, the master is asked instead: ") + e.what());
  }
  hand_back(job, task.tiles, attempt, why);
}

void TaskService::hand_back(const Job& job, const std::vector<TaskTile>& tiles, int attempt,
                            const std::string& why) {
  for (const TaskTile& tile : tiles) {
    ResultMessage result = result_of(job, tile);
    result.failure = TileFailure{ErrorKind::kTransient, why};
    result.hand_back = HandBack{attempt, job.envelope.died};
    publish_result(job.reply_to, result);
  }
}

// The queue that waits for the result: the one the task names, else the run's own, else the shared one.
void TaskService::publish_result(const std::string& reply_to, const ResultMessage& result) {
  Message message;
  message.body = encode_result(result);
  message.correlation_id = result.correlation_id;
  message.message_id =
      result.run_id + ":" + std::to_string(result.tile_id) + ":" + std::to_string(result.attempt);
  if (!reply_to.empty()) return transport_.publish(kResultExchange, reply_to, std::move(message)).get();
  try {
    transport_.publish(kResultExchange, results_queue(result.run_id, "run"), message).get();
  } catch (const UnroutableError&) {
    transport_.publish(kResultExchange, kResultsQueue, std::move(message)).get();
  }
}

}  // namespace tilecompile

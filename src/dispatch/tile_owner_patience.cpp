// How long the owner of the tiles waits for workers, and what it does when nobody answers.
#include "tile_owner.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

constexpr int kMostIssues = 3;     // of a tile without an answer, before it does
constexpr double kFirstLease = 5;  // times the silence that is allowed later: workers also check the frames

}  // namespace

double TileOwner::seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void TileOwner::look_at_leases() {
  if (round_.lease_factor <= 0) return judge_.look_at_audits(seconds_now(), round_.stall_after_s);
  const auto compute = sender_.look();
  if (!compute) return;
  TaskBook& book = ledger_.tasks();
  const double now = seconds_now();
  const TaskBook::Lease lease{round_.lease_factor, round_.stall_after_s, kFirstLease * round_.stall_after_s};
  judge_.look_at_audits(now, compute->consumers < 2 ? 0 : book.limit_s(lease));
  if (const std::size_t missing = book.look(compute->messages, compute->consumers, now); missing > 0)
    send_again(book.missing(missing), "they are neither on tile.compute nor with workers: was it purged?",
               false);
  const auto overdue = book.overdue(lease, now);
  if (!overdue.empty()) {
    std::string silent;
    for (const std::string& id : trust_.silent(now, book.limit_s(lease)))
      silent += (silent.empty() ? "" : ", ") + id;
    send_again(overdue,
               "workers that took them do not answer; silent: " + (silent.empty() ? "none by name" : silent) +
                   "; " + std::to_string(compute->consumers) + " consumers, see rabbitmqctl list_consumers",
               compute->consumers < 2);
  }
  if (!ledger_.any_open() && compute->messages == 0 && compute->consumers > 0)
    send_again(book.last_ones(now, compute->consumers), "", false);
}

// `alone`: there is no other worker. Without `why` it is the rule, not a fault: idle workers get the last
// tasks too, and the first result wins.
void TileOwner::send_again(const std::vector<TaskBook::Task>& tasks, const std::string& why, bool alone) {
  std::size_t tiles = 0;
  for (const TaskBook::Task& task : tasks) {
    for (const int id : ledger_.reissue(task)) {
      ++tiles;
      if (!why.empty() && judge_.present() && (alone || ledger_.tile(id).issued >= kMostIssues))
        judge_.take_over(id, "workers took its tasks and did not answer");
    }
  }
  if (tiles == 0) return;
  const LogFields fields{{"tasks", std::to_string(tasks.size())}, {"tiles", std::to_string(tiles)}};
  if (why.empty())
    log_debug("the last tasks are sent a second time", fields);
  else
    log_warning("tasks are sent again: " + why, fields);
  place_.directory.append_event(why.empty() ? "last_tasks_sent_twice" : "tasks_sent_again",
                                {{"tiles", std::to_string(tiles)}, {"why", why}});
}

// Nobody is left to try anything. A few tiles whose input is wrong may fail for good, like others before
// them.
void TileOwner::give_up_the_rest(const ResultMessage& last) {
  if (of_frames() && judge_.present()) return judge_.take_over_all(last.failure->text);
  const int pending = ledger_.tile_count() - ledger_.done() - ledger_.failed() - ledger_.not_asked();
  const bool some_done = ledger_.done() > 0 || round_.others_done;
  if (last.failure->kind == ErrorKind::kTransient || !some_done ||
      ledger_.failed() + pending > round_.max_failed_tiles)
    throw_failure(*last.failure, "no worker can compute a tile; the last to fail was tile " +
                                     std::to_string(last.tile_id) + " on worker " + last.worker_id + ": " +
                                     last.failure->text + "; what is done is kept, resume the run");
  for (int id = 0; id < ledger_.tile_count(); ++id) {
    if (!ledger_.is_pending(id)) continue;
    ResultMessage failed = last;
    failed.tile_id = id;
    give_up(failed);
  }
}

}  // namespace tilecompile

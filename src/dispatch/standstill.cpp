#include "standstill.hpp"

#include <algorithm>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

constexpr double kQuiet_s = 3;
constexpr double kTilesOfSilence = 10;
// The names are those of the events; `status` shows them.
constexpr const char* kFails = "every task fails";
constexpr const char* kDiskFull = "disk full";
constexpr const char* kOutputFails = "output folder cannot be written";

double ladder_s(const RetryPolicy& retry) {
  double all = 0, wait = retry.base_s;
  for (int attempt = 1; attempt < retry.max_attempts; ++attempt, wait *= retry.factor)
    all += std::min(wait, retry.cap_s);
  return all;
}

// Want of room has a name of its own, whoever lacks it.
const char* disk_full_or(const char* state, const std::string& text) {
  const bool full = text.find("No space left on device") != std::string::npos ||
                    text.find("Disk quota exceeded") != std::string::npos;
  return full ? kDiskFull : state;
}

}  // namespace

Standstill::Standstill(RunDirectory& directory, const WorkerBook& book, const RetryPolicy& retry,
                       double stall_after_s)
    : directory_(directory),
      book_(book),
      stall_after_s_(stall_after_s),
      patience_s_(std::max(ladder_s(retry), stall_after_s)) {}

bool Standstill::quiet() const { return !state_.name.empty() || seconds_since(last_done_) >= kQuiet_s; }

Standstill::State Standstill::state_of(const RoundView& round) const {
  if (const std::string trouble = directory_.trouble(); !trouble.empty())
    return {disk_full_or(kOutputFails, trouble), trouble};
  if (!round.alarm.empty()) return {"broker takes no messages", "the broker " + round.alarm};
  if (seconds_since(last_done_) < kQuiet_s) return {};
  const std::string resting = book_.who_rests();
  if (!round.consumers && book_.failures_since_done() > 0) {
    const ResultMessage& last = *book_.latest_failure();
    return {disk_full_or(kFails, last.failure->text),
            "no worker takes tasks any more, each tile that was tried has failed; the last on worker " +
                last.worker_id + ": " + last.failure->text + "; waiting until a worker can compute again"};
  }
  if (!round.consumers)
    return {
        "waiting for workers",
        std::string("no worker consumes ") + kComputeQueue +
            (resting.empty() ? ": start one with 'tilecompile worker' on any host that reaches the broker "
                               "and the storage, or start the master with --workers N"
                             : "; those that are there wait themselves: " + resting)};
  if (seconds_since(last_heard_) > std::max(2 * stall_after_s_, kTilesOfSilence * round.slowest_tile_s))
    return {"stalled", "workers hold tasks and have not answered for long: look at their logs and hosts"};
  // What was said stays true until a tile is done, unless it was about workers that are there again.
  return state_.name == kFails || state_.name == kDiskFull ? state_ : State{};
}

void Standstill::output_fails(const std::string& text) { enter(disk_full_or(kOutputFails, text), text); }

void Standstill::look(const RoundView& round) {
  if (round.done > done_) {
    done_ = round.done;
    last_done_ = Clock::now();
  }
  if (round.heard) last_heard_ = Clock::now();
  consumers_ = round.consumers;
  const State now = state_of(round);
  if (now.name != kFails && now.name != kDiskFull) failing_since_ = Clock::now();
  enter(now.name, now.text);
}

void Standstill::enter(const std::string& name, const std::string& text) {
  if (name == state_.name) return;
  state_ = {name, text};
  if (name.empty()) {
    log_info("the run goes on");
    directory_.append_event("goes_on");
    return;
  }
  directory_.append_event("standstill", {{"state", name}, {"text", text}});
  log_warning("the run stands still, " + name + ": " + text);
}

const ResultMessage* Standstill::hopeless() const {
  const ResultMessage* last = book_.latest_failure();
  if (consumers_ || last == nullptr || (state_.name != kFails && state_.name != kDiskFull)) return nullptr;
  // What is wrong with the input does not pass by itself, but another worker may come.
  const double patience =
      last->failure->kind == ErrorKind::kTransient ? patience_s_ : std::min(patience_s_, stall_after_s_);
  return seconds_since(failing_since_) < patience ? nullptr : last;
}

}  // namespace tilecompile

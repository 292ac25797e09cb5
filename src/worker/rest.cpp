#include "rest.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
// A task whose own references lead nowhere must not keep the worker from all others.
constexpr int kLooksBeforeATrial = 5;

}  // namespace

void Rest::take() {
  const std::lock_guard<std::mutex> one_slot_only(mutex_);
  if (!fitness_.unfit() || over_()) return;
  lay_down();
  const Fitness::Trouble trouble = fitness_.trouble();
  std::string why = trouble.text, said;
  for (int looks = 0; looks < kLooksBeforeATrial && !why.empty(); ++looks) {
    const int seconds = pause_s(fitness_.rests_in_a_row() + looks);
    say(why == said ? "" : why, seconds);
    leave_note(transport_, {options_.worker_id, "", "", false, why, seconds});
    said = why;
    if (!pause(seconds)) return;
    why = look(trouble);
  }
  transport_.consume(kComputeQueue, options_.slots * options_.prefetch);
  fitness_.try_again();
  if (options_.on_rest) options_.on_rest("");
  log_info("this worker takes tasks again", {{"worker_id", options_.worker_id}});
}

// What waits here unread would come to the next worker as if this one had died over it.
void Rest::lay_down() {
  std::vector<Delivery> held;
  const auto most = static_cast<std::size_t>(options_.slots * options_.prefetch);
  while (held.size() < most) {
    auto delivery = transport_.receive(0ms);
    if (!delivery) break;
    held.push_back(std::move(*delivery));
  }
  transport_.cancel(kComputeQueue);
  for (const Delivery& delivery : held) serve_(delivery);
}

void Rest::say(const std::string& why, int again_in_s) const {
  if (why.empty()) return;
  if (options_.on_rest) options_.on_rest(why);
  log_error("this worker takes no tasks for now, its tiles fail; it looks again with growing pauses: " + why,
            {{"worker_id", options_.worker_id}, {"again_in_s", std::to_string(again_in_s)}});
}

// Why what the failed task needs cannot be had; empty when it can, and when nobody waits for that task.
std::string Rest::look(const Fitness::Trouble& trouble) const {
  try {
    if (!trouble.reply_to.empty() && !transport_.inspect(trouble.reply_to)) return "";
  } catch (const UsageError& e) {  // a queue of somebody alone
    log_debug(std::string("this worker may not look at a results queue: ") + e.what());
  }
  try {
    runs_.check(trouble.task);
    const std::string key = trouble.task.run_id + "/tiles/probe_" + new_uuid();
    store_.put(key, "written by a worker to see whether it can\n");
    store_.remove(key);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool Rest::pause(int seconds) const {
  const auto until = Clock::now() + std::chrono::seconds(seconds);
  while (Clock::now() < until) {
    if (over_()) return false;
    std::this_thread::sleep_for(50ms);
  }
  return !over_();
}

int Rest::pause_s(int rests) const {
  return std::min(options_.first_rest_s << std::min(rests, 10), options_.longest_rest_s);
}

}  // namespace tilecompile

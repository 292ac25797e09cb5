// What the workers are together: names, versions, clocks, and those that take no tasks.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "tilecompile/base/version.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"
#include "verifier.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr double kClocksAgree_s = 5;
constexpr int kMostNotesRead = 256;

std::string clock_text(const std::string& worker_id, double ahead_s) {
  char text[64];
  std::snprintf(text, sizeof text, "%.0f s %s", std::abs(ahead_s), ahead_s > 0 ? "ahead" : "behind");
  return "worker " + worker_id + " is " + text;
}

std::string in_a_row(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

}  // namespace

bool Verifier::has_answered(const std::string& worker_id) const {
  return std::any_of(answers_.begin(), answers_.end(),
                     [&](const auto& a) { return a.first.first == worker_id; });
}

bool Verifier::one_of_several(const std::string& worker_id) const {
  return std::count_if(answers_.begin(), answers_.end(),
                       [&](const auto& a) { return a.first.first == worker_id; }) > 1;
}

void Verifier::check_fleet() {
  if (answers_.empty()) return;
  check("worker ids", "give each worker a worker_id of its own, or none: then it is made of host and process",
        [&] {
          std::vector<std::string> twice;
          std::set<std::string> ids;
          for (const auto& [who, answer] : answers_) {
            ids.insert(who.first);
            if (one_of_several(who.first))
              twice.push_back(who.first + " on host " + answer.probe.worker.host);
          }
          if (!twice.empty()) throw UsageError("several workers have the same worker_id: " + in_a_row(twice));
          return std::to_string(ids.size()) + " different ones";
        });
  check("versions", "install the same version on every host", [&] {
    std::vector<std::string> others;
    for (const auto& [who, answer] : answers_)
      if (answer.probe.worker.program_version != kProgramVersion)
        others.push_back("worker " + who.first + " has " + answer.probe.worker.program_version);
    if (!others.empty())
      throw UsageError(std::string("versions of the program differ; here it is ") + kProgramVersion + ", " +
                       in_a_row(others));
    return std::string("all have ") + kProgramVersion;
  });
  check("clocks", "", [&] {
    std::vector<std::string> off;
    for (const auto& [who, answer] : answers_)
      if (std::abs(answer.ahead_s) > kClocksAgree_s) off.push_back(clock_text(who.first, answer.ahead_s));
    // Times in logs only; pictures do not depend on it. TLS and S3 refuse what is far off by themselves.
    return off.empty() ? "agree with this host's within 5 s" : "differ from this host's: " + in_a_row(off);
  });
}

// The notes of workers that wait or rest: they answer no probe. What is read goes back.
void Verifier::check_resting() {
  if (!transport_) return;
  std::map<std::string, WorkerNote> latest;
  std::vector<DeliveryTag> held;
  try {
    const auto state = transport_->inspect(kWorkersQueue);
    if (!state || state->messages == 0) return;
    transport_->consume(kWorkersQueue, kMostNotesRead);
    while (held.size() < std::min<std::uint64_t>(state->messages, kMostNotesRead)) {
      const auto delivery = transport_->receive(500ms);
      if (!delivery) break;
      if (delivery->queue != kWorkersQueue) continue;  // a late answer to a probe
      held.push_back(delivery->tag);
      WorkerNote note = decode_worker_note(delivery->message.body);
      latest[note.worker_id] = std::move(note);
    }
  } catch (const Error& e) {
    check("notes of workers", "run: tilecompile setup RUN.yaml",
          [&]() -> std::string { throw InputError(e.what()); });
  }
  transport_->cancel(kWorkersQueue);
  for (const DeliveryTag& tag : held) transport_->reject(tag, true);
  for (const auto& [id, note] : latest)
    if (!note.fit)
      check("worker " + id + ": takes tasks", "mend what it says on its host; it looks again by itself",
            [&note = note]() -> std::string {
              throw TransientError("it takes none for now, on host " + note.host + ": " + note.text);
            });
}

}  // namespace tilecompile

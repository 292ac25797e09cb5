#include "tilecompile/dispatch/worker_book.hpp"

#include <algorithm>
#include <cctype>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

constexpr std::chrono::seconds kLongestPause{600};

// Texts that differ in the numbers of tiles and files only are of one kind.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  return text;
}

}  // namespace

bool WorkerBook::done(const ResultMessage& result) {
  WorkerTally& worker = workers_[result.worker_id];
  failures_since_done_ = 0;
  ++(result.part && of_frames(result.part->work) ? worker.pieces : worker.tiles);
  if (worker.rests.empty()) return false;
  worker.rests.clear();
  log_info("a worker computes tiles again", {{"worker_id", result.worker_id}});
  return true;
}

void WorkerBook::read(const std::string& worker_id, const std::string& bytes) {
  constexpr std::size_t kMostDigits = 18;
  const bool digits =
      std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (bytes.empty() || bytes.size() > kMostDigits || !digits) return;
  std::int64_t& read = workers_[worker_id].bytes_read;
  read = std::max<std::int64_t>(read, std::stoll(bytes));
}

void WorkerBook::failed(const ResultMessage& result, const std::string& what_follows, int in_s) {
  WorkerTally& worker = workers_[result.worker_id];
  ++failures_, ++failures_since_done_;
  latest_failure_ = result;
  ++worker.failures;
  worker.last_failure = result.failure->text;
  worker.last_failure_time = utc_now();
  Told& told = told_[result.worker_id];
  const auto now = Clock::now();
  if (std::string kind = without_numbers(result.failure->text); kind != told.kind) {
    told = {std::move(kind), now, std::chrono::seconds{15}, 0, std::move(told.note_time)};
    log_warning(what_follows + ": " + result.failure->text, {{"tile_id", std::to_string(result.tile_id)},
                                                             {"worker_id", result.worker_id},
                                                             {"attempt", std::to_string(result.attempt)},
                                                             {"in_s", std::to_string(in_s)}});
    return;
  }
  ++told.since;
  if (now - told.at < told.pause) return;
  log_warning("a worker goes on failing, for the same reason: " + result.failure->text,
              {{"worker_id", result.worker_id},
               {"failures_since", std::to_string(told.since)},
               {"failures", std::to_string(worker.failures)}});
  told.at = now;
  told.since = 0;
  told.pause = std::min(2 * told.pause, kLongestPause);
}

bool WorkerBook::rejected(const std::string& worker_id, const std::string& why) {
  const bool one_too_many = workers_.size() >= kMostWorkers && workers_.count(worker_id) == 0;
  const int count = ++workers_[one_too_many ? "" : worker_id].rejected;
  if ((count & (count - 1)) != 0) return false;
  log_warning(why, {{"worker_id", worker_id}, {"so_far", std::to_string(count)}});
  return true;
}

bool WorkerBook::note(const WorkerNote& note) {
  std::string& latest = told_[note.worker_id].note_time;
  if (note.time <= latest) return false;
  latest = note.time;
  WorkerTally& worker = workers_[note.worker_id];
  worker.host = note.host;
  const std::string why = note.fit ? "" : note.text;
  const bool known = without_numbers(worker.rests) == without_numbers(why);
  worker.rests = why;
  if (known) return false;
  if (note.fit)
    log_info("a worker is fit again", {{"worker_id", note.worker_id}, {"host", note.host}});
  else
    log_warning("a worker takes no tasks for now: " + why,
                {{"worker_id", note.worker_id}, {"host", note.host}});
  return true;
}

std::string WorkerBook::who_rests() const {
  std::string all;
  for (const auto& [id, worker] : workers_)
    if (!worker.rests.empty()) all += (all.empty() ? "" : "; ") + id + ": " + worker.rests;
  return all;
}

}  // namespace tilecompile

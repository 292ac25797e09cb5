#include "tilecompile/operate/run_story.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

int number(const json& e, const char* key) { return std::atoi(e.value(key, "0").c_str()); }

}  // namespace

void RunStory::take(const std::string& file, const json& line, double now_s) {
  try {
    if (file == "events.jsonl") take_event(line);
    if (file == "journal.jsonl") take_result(line, now_s);
  } catch (const json::exception&) {
    return;  // a line of another form, in a file that was damaged, tells nothing
  }
}

void RunStory::take_event(const json& e) {
  const std::string event = e.value("event", "");
  const double time_s = unix_seconds(e.value("time", ""));
  if (event == "run_started" || event == "run_resumed") {
    RunStory anew(tiles_);
    anew.first_ = std::move(first_);
    anew.second_ = std::move(second_);
    anew.so_far_.workers = std::move(so_far_.workers);
    anew.so_far_.paces = std::move(so_far_.paces);
    *this = std::move(anew);
  }
  if (event == "journal_dropped") {
    first_.clear();
    second_.clear();
  }
  if (event == "tiles_taken_over") taken_over_ = number(e, "tiles");
  if (event == "round_began") {
    ++rounds_;
    round_began_s_ = time_s;
    failed_.clear();
    taken_over_ = 0;
  }
  if (event == "standstill") {
    so_far_.state = e.value("state", "");
    so_far_.waits_for = e.value("text", "");
  }
  if (event == "goes_on") so_far_.state = so_far_.waits_for = "";
  if (event == "tasks_lost") so_far_.lost += number(e, "tiles");
  note_worker(event, e, time_s);
  if (event == "tile_failed") {
    failed_.insert(number(e, "tile_id"));
    ++so_far_.dead_letters;
  }
  if (event == "tile_retried") {
    failed_.erase(number(e, "tile_id"));
    ++so_far_.retried;
    so_far_.dead_letters = std::max(0, so_far_.dead_letters - 1);
  }
}

void RunStory::note_worker(const std::string& event, const json& e, double time_s) {
  if (event != "tile_failed" && event != "tile_handed_back" && event != "result_rejected" &&
      event != "worker_rests" && event != "worker_takes_tasks")
    return;
  const std::string who = e.value("worker_id", ""), text = e.value("text", "");
  WorkerTrouble& trouble = so_far_.troubles[who];
  if (event == "tile_failed") {
    ++trouble.failures;
    trouble.last_failure = text;
  } else if (event == "tile_handed_back") {
    ++so_far_.handed_back;
    ++trouble.handed_back;
  } else if (event == "result_rejected") {
    trouble.rejected = number(e, "rejected");
  } else {
    trouble.rests = event == "worker_rests" ? text : "";
  }
  double& seen_s = so_far_.paces[who].last_seen_s;
  seen_s = std::max(seen_s, time_s);
}

void RunStory::take_result(const json& r, double now_s) {
  const bool synthetic = r.value("tile_data_ref", "").find("/synthetic_tiles/") != std::string::npos;
  (synthetic ? second_ : first_).insert(r.value("tile_id", -1));
  const std::string who = r.value("worker_id", "?");
  ++so_far_.workers[who];
  WorkerPace& pace = so_far_.paces[who];
  pace.compute_seconds += r.value("compute_seconds", 0.0);
  if (now_s > 0) pace.last_seen_s = now_s;
}

void RunStory::tell(RunStatus& status) const {
  status.tiles = tiles_;
  status.second_round = rounds_ > 1;
  status.done = static_cast<int>(status.second_round ? second_.size() : first_.size());
  status.failed = static_cast<int>(failed_.size());
  status.retried = so_far_.retried;
  status.handed_back = so_far_.handed_back;
  status.lost = so_far_.lost;
  status.dead_letters = so_far_.dead_letters;
  status.troubles = so_far_.troubles;
  status.workers = so_far_.workers;
  status.paces = so_far_.paces;
  const bool running = status.status == "running";
  if (running) {
    status.state = so_far_.state;
    status.waits_for = so_far_.waits_for;
  }
  status.phase = rounds_ == 0   ? "reading and analysing frames"
                 : rounds_ == 1 ? "reconstruct tiles"
                                : "synthetic frames";
  const bool complete = tiles_ > 0 && status.done + status.failed >= tiles_;
  if (rounds_ > 0 && complete) status.phase = "joining tiles and writing products";
  const int computed = status.done - taken_over_;
  const double seconds = unix_now() - round_began_s_;
  if (!running || rounds_ == 0 || complete || computed <= 0 || !(seconds > 0)) return;
  status.tiles_a_second = computed / seconds;
  status.eta_s = (tiles_ - status.done - status.failed) / status.tiles_a_second;
}

}  // namespace tilecompile

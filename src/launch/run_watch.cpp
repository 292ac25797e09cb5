#include "run_watch.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"

namespace tilecompile {

using nlohmann::json;

RunWatch::RunWatch(std::filesystem::path directory, const std::string& run_id)
    : directory_(std::move(directory)) {
  base_.run_id = run_id;
  for (const char* file : {"events.jsonl", "journal.jsonl"}) {
    std::ifstream in(directory_ / file, std::ios::binary);
    for (std::string line; std::getline(in, line) && !in.eof();) take(file, line, 0);
  }
  base_.status = "running";
}

void RunWatch::take(const std::string& file, const std::string& line, double now_s) {
  const json j = json::parse(line, nullptr, false);
  if (!j.is_object()) return;
  story_.take(file, j, now_s);
  const auto text = [&j](const char* key) {
    const auto found = j.find(key);
    return found != j.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (file == "journal.jsonl") {
    if (text("tile_data_ref").find("/tiles/") != std::string::npos) results_.push_back(line);
    return;
  }
  const std::string event = text("event");
  if (event == "run_started" || event == "run_resumed") base_.status = "running";
  for (const char* end : {"done", "failed_validation", "failed", "interrupted"})
    if (event == std::string("run_") + end) base_.status = end;
}

void RunWatch::tell(const std::string& file, const std::string& line) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    take(file, line, unix_now());
  }
  if (file == "events.jsonl" && nlohmann::json::accept(line)) add("event", line);
}

void RunWatch::set_tiles(int tiles) {
  const std::lock_guard<std::mutex> lock(mutex_);
  story_.set_tiles(tiles);
}

void RunWatch::add(const std::string& kind, const std::string& data) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    news_.push_back({++latest_, kind, data});
    if (news_.size() > kMostNews) news_.pop_front();
  }
  changed_.notify_all();
}

RunStatus RunWatch::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  RunStatus status = base_;
  story_.tell(status);
  return status;
}

std::uint64_t RunWatch::latest() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return latest_;
}

std::optional<RunNews> RunWatch::after(std::uint64_t number, std::chrono::milliseconds patience,
                                       bool& missed) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!changed_.wait_for(lock, patience, [&] { return latest_ > number; })) return std::nullopt;
  const std::uint64_t oldest = news_.front().number;
  missed = number + 1 < oldest;
  return news_[static_cast<std::size_t>(missed ? 0 : number + 1 - oldest)];
}

std::vector<std::string> RunWatch::latest_events() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> lines;
  for (const RunNews& news : news_)
    if (news.kind == "event") lines.push_back(news.data);
  return lines;
}

std::vector<std::string> RunWatch::results(std::size_t from, std::size_t most) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (from >= results_.size()) return {};
  const auto first = results_.begin() + static_cast<std::ptrdiff_t>(from);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(most, results_.size() - from))};
}

}  // namespace tilecompile

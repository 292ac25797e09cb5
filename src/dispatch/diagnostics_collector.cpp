#include "tilecompile/dispatch/diagnostics_collector.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr int kPrefetch = 64;
constexpr auto kDrainAtMost = 500ms;  // for messages that are on their way from the broker already

// A line that a crash cut off must not swallow the next one.
bool ends_in_a_line(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() <= 0) return true;
  in.seekg(-1, std::ios::end);
  return in.get() == '\n';
}

}  // namespace

DiagnosticsCollector::DiagnosticsCollector(Transport& transport, DiagnosticsJob job)
    : transport_(transport),
      job_(std::move(job)),
      queue_(diagnostics_queue(job_.run_id, job_.isolation)),
      heard_(static_cast<std::size_t>(job_.tiles)),
      sums_(static_cast<std::size_t>(job_.channels)) {
  try {
    start();
  } catch (const std::exception& e) {
    go_without(e.what());
  }
}

DiagnosticsCollector::~DiagnosticsCollector() {
  if (consuming_) leave();
}

void DiagnosticsCollector::start() {
  const bool whole = ends_in_a_line(job_.file);
  file_.open(job_.file, std::ios::app | std::ios::binary);
  if (!whole) file_ << '\n';
  if (!file_) throw TransientError("cannot write " + job_.file.string());
  transport_.declare(diagnostics_queue_spec(queue_, job_.config.max_messages, job_.config.max_age_s));
  transport_.consume(queue_, kPrefetch, true);
  consuming_ = true;
}

void DiagnosticsCollector::go_without(const std::string& why) {
  log_warning("the run goes on without diagnostics: " + why, {{"queue", queue_}});
}

void DiagnosticsCollector::ask(Message& task) const {
  if (consuming_) task.headers[kDiagnosticsHeader] = queue_;
}

bool DiagnosticsCollector::take(const Delivery& delivery) {
  if (delivery.queue != queue_) return false;
  try {
    const TileDiagnostics diagnostics = decode_diagnostics(delivery.message.body);
    if (is_news(diagnostics))
      store(diagnostics);
    else
      ++ignored_;
  } catch (const InputError& e) {
    ++ignored_;
    log_debug(std::string("a message on the diagnostics queue is ignored: ") + e.what());
  }
  try {
    transport_.ack(delivery.tag);
  } catch (const std::exception& e) {
    // Results come over the same connection, so whoever waits for them hears what is wrong with it.
    log_debug(std::string("a diagnostics message stays unacknowledged: ") + e.what());
  }
  return true;
}

// Of this run, and the first one of its tile.
bool DiagnosticsCollector::is_news(const TileDiagnostics& d) const {
  return d.run_id == job_.run_id && d.tile_id < job_.tiles &&
         static_cast<int>(d.channels.size()) == job_.channels && !heard_[static_cast<std::size_t>(d.tile_id)];
}

void DiagnosticsCollector::store(const TileDiagnostics& diagnostics) {
  heard_[static_cast<std::size_t>(diagnostics.tile_id)] = true;
  ++tiles_;
  sum_up(diagnostics);
  const bool was_good = file_.good();
  file_ << encode_diagnostics(diagnostics) << std::endl;
  if (was_good && !file_) go_without("cannot write " + job_.file.string());
}

void DiagnosticsCollector::sum_up(const TileDiagnostics& diagnostics) {
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    const ChannelDiagnostics& channel = diagnostics.channels[c];
    ChannelSums& sum = sums_[c];
    if (tiles_ == 1)
      sum = {channel.quality, channel.n_eff, channel.n_eff};
    else {
      for (std::size_t i = 0; i < std::min(sum.quality.counts.size(), channel.quality.counts.size()); ++i)
        sum.quality.counts[i] += channel.quality.counts[i];
      sum.smallest_n_eff = std::min(sum.smallest_n_eff, channel.n_eff);
      sum.largest_n_eff = std::max(sum.largest_n_eff, channel.n_eff);
    }
  }
}

// What the broker has sent, and what it is about to send; nobody is waited for.
void DiagnosticsCollector::drain() {
  const auto deadline = std::chrono::steady_clock::now() + kDrainAtMost;
  for (bool more = true; more;) {
    const auto state = transport_.inspect(queue_);
    more = state && state->messages > 0 && std::chrono::steady_clock::now() < deadline;
    while (const auto delivery = transport_.receive(0ms))
      if (!take(*delivery)) transport_.reject(delivery->tag, false);
  }
}

void DiagnosticsCollector::leave() {
  consuming_ = false;
  try {
    transport_.cancel(queue_);
    if (queue_ != kDiagnosticsQueue) transport_.remove_queue(queue_);
  } catch (const std::exception& e) {
    log_warning(std::string("the diagnostics queue stays behind until it expires: ") + e.what());
  }
}

nlohmann::json DiagnosticsCollector::finish() {
  try {
    if (consuming_ && transport_.connected()) drain();
  } catch (const std::exception& e) {
    log_warning(std::string("the last diagnostics are not collected: ") + e.what());
  }
  if (consuming_) leave();
  file_.close();
  nlohmann::json channels = nlohmann::json::array();
  for (const ChannelSums& sum : sums_)
    channels.push_back(
        {{"quality_histogram",
          {{"low", sum.quality.low}, {"high", sum.quality.high}, {"counts", sum.quality.counts}}},
         {"smallest_n_eff", sum.smallest_n_eff},
         {"largest_n_eff", sum.largest_n_eff}});
  return {{"file", job_.file.filename().string()},
          {"tiles", tiles_},
          {"ignored", ignored_},
          {"channels", std::move(channels)}};
}

}  // namespace tilecompile

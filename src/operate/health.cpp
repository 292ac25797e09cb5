#include "tilecompile/operate/health.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds kReportEvery{3};

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f s", seconds);
  return text;
}

}  // namespace

HealthReporter::HealthReporter(Transport& transport, std::filesystem::path file, std::string worker_id)
    : transport_(transport), file_(std::move(file)), worker_id_(std::move(worker_id)) {
  if (!file_.empty()) thread_ = std::thread([this] { run(); });
}

HealthReporter::~HealthReporter() {
  end();
  if (!thread_.joinable()) return;
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

void HealthReporter::report() {
  const bool consuming = transport_.consuming(kComputeQueue);
  json report{{"worker_id", worker_id_}, {"unix_s", unix_now()}, {"consuming", consuming}};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!rests_.empty()) report["rests"] = rests_;
  }
  write_file_atomically(file_, report.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

void HealthReporter::run() {
  bool warned = false;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    std::string trouble;
    try {
      report();
    } catch (const Error& e) {
      trouble = e.what();
    }
    lock.lock();
    if (!trouble.empty() && !warned && !stopping_)
      log_warning("cannot report the worker's health: " + trouble);
    warned = !trouble.empty();
    changed_.wait_for(lock, kReportEvery, [this] { return stopping_; });
  }
}

void HealthReporter::rests(const std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  rests_ = why;
}

void HealthReporter::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

Health read_health(const std::filesystem::path& file, double max_age_s) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return {false, "no worker reports to " + file.string() + ": it has not started, or has stopped"};
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const json report = json::parse(text, nullptr, false);
  if (!report.is_object() || !report.contains("unix_s") || !report["unix_s"].is_number() ||
      !report.contains("consuming") || !report["consuming"].is_boolean())
    return {false, file.string() + " is no report of a worker's health"};
  const double age_s = unix_now() - report["unix_s"].get<double>();
  const std::string who = "worker " + report.value("worker_id", "");
  if (age_s > max_age_s)
    return {false, who + " has not heard from the broker for " + seconds_text(age_s) +
                       ": see its log; is the broker up and the network whole?"};
  if (const std::string why = report.value("rests", ""); !why.empty())
    return {false, who + " takes no tasks for now: " + why};
  if (!report["consuming"].get<bool>())
    return {false, who + " reaches the broker but gets no tasks: its consumer is being started again"};
  return {true, who + " consumes tasks; the broker answered " + seconds_text(std::max(0.0, age_s)) + " ago"};
}

}  // namespace tilecompile

#pragma once
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Writes every few seconds to a file whether the worker lives: not that its process is there, but that the
/// broker answers it and delivers tasks to it. While the broker is away the file grows old.
class HealthReporter {
 public:
  /// With an empty `file` nothing is done.
  HealthReporter(Transport& transport, std::filesystem::path file, std::string worker_id);
  ~HealthReporter();
  HealthReporter(const HealthReporter&) = delete;
  HealthReporter& operator=(const HealthReporter&) = delete;
  /// Why the worker takes no tasks for now; empty: it does.
  void rests(const std::string& why);
  /// The worker is about to end: nothing is reported any more, and the file goes with this object. Returns at
  /// once; close the transport next, so that a report that waits for the broker comes to its end.
  void end();

 private:
  void report();
  void run();

  Transport& transport_;
  std::filesystem::path file_;
  std::string worker_id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::string rests_;
  std::thread thread_;
};

/// What such a file says now.
struct Health {
  bool healthy = false;
  std::string text;  ///< for people
};
/// `max_age_s`: a report older than this means that the broker does not answer.
Health read_health(const std::filesystem::path& file, double max_age_s);

}  // namespace tilecompile

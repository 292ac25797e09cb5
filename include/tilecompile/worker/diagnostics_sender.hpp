#pragma once
#include <cstdint>
#include <deque>
#include <future>
#include <mutex>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {

/// A worker's side of the diagnostics: publishes them without waiting for the broker. Whatever goes wrong is
/// counted and told at the end, and never reaches the tile. Safe from several threads.
class DiagnosticsSender {
 public:
  struct Counts {
    std::int64_t published = 0;
    std::int64_t dropped = 0;  ///< the broker had not confirmed kMostOpen earlier ones
    std::int64_t failed = 0;   ///< not taken: the queue is gone, the transport closed
  };
  /// Messages under way; small beside the transport's window, so that results always have room in it.
  static constexpr std::size_t kMostOpen = 16;

  explicit DiagnosticsSender(Transport& transport) : transport_(transport) {}
  ~DiagnosticsSender();
  DiagnosticsSender(const DiagnosticsSender&) = delete;
  DiagnosticsSender& operator=(const DiagnosticsSender&) = delete;

  /// What execute_task is to tell of the tiles of `task`; empty when the task asks for no diagnostics.
  TileObserver observer(const Message& task, const WorkerIdentity& identity);
  Counts counts();

 private:
  void send(const std::string& queue, Message message);
  void collect_confirms();

  Transport& transport_;
  std::mutex mutex_;
  std::deque<std::future<void>> open_;
  Counts counts_;
};

}  // namespace tilecompile

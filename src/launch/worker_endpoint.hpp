#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "http_server.hpp"
#include "metrics.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Passes everything on and counts what the worker answers. `counts` outlives it.
std::unique_ptr<Transport> count_answers(std::unique_ptr<Transport> inner, WorkerCounts& counts);

/// /metrics, /healthz and /readyz of a worker.
class WorkerEndpoint {
 public:
  /// Listens at `listen` (as parse_listen_place has it), and says so in the log. `transport` and `counts`
  /// outlive it.
  WorkerEndpoint(const std::string& listen, std::string worker_id, int slots, Transport& transport,
                 const WorkerCounts& counts);
  /// Why the worker takes no tasks for now; empty: it does.
  void rests(const std::string& why);

 private:
  bool consuming() const;
  std::string why_rests() const;

  const std::string worker_id_;
  const int slots_;
  Transport& transport_;
  const WorkerCounts& counts_;
  mutable std::mutex mutex_;
  std::string rests_ = "it has not begun";
  HttpServer server_;
};

}  // namespace tilecompile

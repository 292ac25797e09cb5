#include "tilecompile/worker/diagnostics_sender.hpp"

#include <chrono>
#include <exception>

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/diagnostics_message.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {

DiagnosticsSender::~DiagnosticsSender() {
  const Counts c = counts();
  if (c.dropped + c.failed > 0)
    log_warning("diagnostics were lost on the way to the broker; the tiles are not affected",
                {{"published", std::to_string(c.published)},
                 {"dropped", std::to_string(c.dropped)},
                 {"failed", std::to_string(c.failed)}});
}

TileObserver DiagnosticsSender::observer(const Message& task, const WorkerIdentity& identity) {
  const auto asked = task.headers.find(kDiagnosticsHeader);
  if (asked == task.headers.end()) return {};
  return [this, queue = asked->second, identity](const TileTask& of, const TaskTile& tile,
                                                 const TileInput& input, const TileResult& result) {
    try {
      TileDiagnostics diagnostics = diagnose_tile(input, result);
      diagnostics.run_id = of.run_id;
      diagnostics.worker_id = identity.worker_id;
      diagnostics.attempt = identity.attempt;
      diagnostics.tile_id = tile.tile_id;
      Message message;
      message.body = encode_diagnostics(diagnostics);
      message.correlation_id = of.correlation_id;
      send(queue, std::move(message));
    } catch (const std::exception& e) {
      log_debug(std::string("no diagnostics of a tile: ") + e.what());
      const std::lock_guard<std::mutex> lock(mutex_);
      ++counts_.failed;
    }
  };
}

void DiagnosticsSender::send(const std::string& queue, Message message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  collect_confirms();
  if (open_.size() >= kMostOpen || message.body.size() > kMostDiagnosticsBytes) {
    ++counts_.dropped;
    return;
  }
  open_.push_back(transport_.publish(kResultExchange, queue, std::move(message)));
}

// Counts the confirms that have come; never waits.
void DiagnosticsSender::collect_confirms() {
  std::erase_if(open_, [this](std::future<void>& confirm) {
    if (confirm.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    try {
      confirm.get();
      ++counts_.published;
    } catch (const std::exception&) {
      ++counts_.failed;
    }
    return true;
  });
}

DiagnosticsSender::Counts DiagnosticsSender::counts() {
  const std::lock_guard<std::mutex> lock(mutex_);
  collect_confirms();
  return counts_;
}

}  // namespace tilecompile

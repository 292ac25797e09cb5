#include "worker_endpoint.hpp"

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {
namespace {

class CountingTransport : public ForwardingTransport {
 public:
  CountingTransport(std::unique_ptr<Transport> inner, WorkerCounts& counts)
      : ForwardingTransport(std::move(inner)), counts_(counts) {}
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    if (queue.starts_with(kResultsQueue)) count(message.body);
    return ForwardingTransport::publish(exchange, queue, std::move(message));
  }

 private:
  void count(const std::string& body) {
    try {
      const ResultMessage result = decode_result(body);
      if (result.begun) return;
      if (result.hand_back) {
        ++counts_.handed_back;
        return;
      }
      ++(result.failure ? counts_.failures : counts_.tiles);
      counts_.compute_seconds += result.compute_seconds;
      counts_.last_tile_unix_s = unix_now();
    } catch (const InputError&) {
      return;  // an answer to a probe
    }
  }
  WorkerCounts& counts_;
};

}  // namespace

std::unique_ptr<Transport> count_answers(std::unique_ptr<Transport> inner, WorkerCounts& counts) {
  return std::make_unique<CountingTransport>(std::move(inner), counts);
}

WorkerEndpoint::WorkerEndpoint(const std::string& listen, std::string worker_id, int slots,
                               Transport& transport, const WorkerCounts& counts)
    : worker_id_(std::move(worker_id)),
      slots_(slots),
      transport_(transport),
      counts_(counts),
      server_(parse_listen_place(listen, kWorkerPort)) {
  server_.page("/metrics", [this] {
    return PageAnswer{kMetricsType,
                      worker_metrics(worker_id_, slots_, counts_, consuming(), !why_rests().empty())};
  });
  server_.page("/healthz", [] { return PageAnswer{"text/plain", "ok\n"}; });
  server_.page("/readyz", [this] {
    if (const std::string why = why_rests(); !why.empty())
      return PageAnswer{"text/plain", "takes no tasks for now: " + why + "\n", 503};
    if (!consuming()) return PageAnswer{"text/plain", "gets no tasks: the broker is away\n", 503};
    return PageAnswer{"text/plain", "ok\n"};
  });
  server_.start();
  log_info("this worker tells how it is", {{"metrics", server_.place().url() + "/metrics"}});
}

void WorkerEndpoint::rests(const std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  rests_ = why;
}

std::string WorkerEndpoint::why_rests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return rests_;
}

// A broker that is away would be waited for.
bool WorkerEndpoint::consuming() const {
  try {
    return transport_.connected() && transport_.consuming(kComputeQueue);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace tilecompile

#include "tilecompile/run/worker.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "task_service.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

/// One worker process: what its slots share.
struct Shop {
  Transport& transport;
  TaskService service;
  const std::atomic<bool>& stop;
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;
};

void slot_loop(Shop& shop) {
  try {
    while (!shop.stop && !shop.failed) {
      const auto delivery = shop.transport.receive(200ms);
      if (!delivery) continue;
      if (shop.stop || shop.failed)
        shop.transport.reject(delivery->tag, true);
      else
        shop.service.serve(*delivery);
    }
  } catch (...) {
    const std::lock_guard<std::mutex> lock(shop.failure_mutex);
    if (!shop.failure) shop.failure = std::current_exception();
    shop.failed = true;
  }
}

}  // namespace

void run_worker(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
                const std::atomic<bool>& stop) {
  Shop shop{transport, {transport, store, runs, options, stop}, stop, {}, {}, {}};
  transport.consume(kComputeQueue, options.slots * options.prefetch);
  std::vector<std::thread> slots;
  try {
    for (int i = 0; i < options.slots; ++i) slots.emplace_back([&shop] { slot_loop(shop); });
  } catch (const std::system_error& e) {
    log_warning("the system gives no more threads",
                {{"asked", std::to_string(options.slots)}, {"started", std::to_string(slots.size())}});
    if (slots.empty()) throw TransientError(std::string("cannot start a compute thread: ") + e.what());
  }
  for (std::thread& slot : slots) slot.join();
  if (shop.failure) std::rethrow_exception(shop.failure);
  // During an outage there is nothing to cancel: the broker has taken the tasks back.
  if (transport.connected()) transport.cancel(kComputeQueue);
}

}  // namespace tilecompile

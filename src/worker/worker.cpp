#include "tilecompile/worker/worker.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "rest.hpp"
#include "task_service.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
// After a stop: how long a broker that takes no results is waited for, and how long a tile that is computed.
constexpr auto kWaitForBroker = 4s, kWaitForTiles = 7s;
// How long an idle slot does not see that it is to stop: every run of one process ends with that.
constexpr auto kLookForStop = 25ms;

/// One worker process: what its slots share.
struct Shop {
  Transport& transport;
  TaskService service;
  const std::atomic<bool>& stop;
  std::atomic<bool> failed{false}, resting{false};
  std::exception_ptr failure;
  std::size_t at_work = 0;  ///< slots
  std::mutex mutex;         ///< of the two
  std::condition_variable slot_ended;
  Rest rest;
};

void note_failure(Shop& shop) {
  const std::lock_guard<std::mutex> lock(shop.mutex);
  if (!shop.failure) shop.failure = std::current_exception();
  shop.failed = true;
}

void slot_loop(Shop& shop) {
  try {
    while (!shop.stop && !shop.failed) {
      if (shop.service.distrusted() && !shop.resting.exchange(true) && shop.transport.connected())
        shop.transport.cancel(kComputeQueue);
      if (shop.service.fitness().unfit()) {
        shop.rest.take();
        continue;
      }
      const auto delivery = shop.transport.receive(kLookForStop);
      if (!delivery) continue;
      if (shop.stop || shop.failed)
        shop.transport.reject(delivery->tag, true);
      else
        shop.service.serve(*delivery);
    }
  } catch (const TransientError& e) {
    if (shop.stop)
      log_info(std::string("a task is left to the broker, which hands it out again: ") + e.what());
    else
      note_failure(shop);
  } catch (...) {
    note_failure(shop);
  }
  const std::lock_guard<std::mutex> lock(shop.mutex);
  --shop.at_work;
  shop.slot_ended.notify_one();
}

// Waits for the slots. Those that a stop finds stuck are freed by closing the transport: what they wait for
// fails, and the broker hands their tasks out again.
void await_slots(Shop& shop) {
  std::optional<Clock::time_point> stopped;
  bool closed = false;
  std::unique_lock<std::mutex> lock(shop.mutex);
  while (!shop.slot_ended.wait_for(lock, 100ms, [&shop] { return shop.at_work == 0; })) {
    if (!shop.stop || closed) continue;
    if (!stopped) stopped = Clock::now();
    const auto waited = Clock::now() - *stopped;
    const bool stuck = !shop.transport.connected() || !shop.transport.blocked().empty();
    if (waited < (stuck ? kWaitForBroker : kWaitForTiles)) continue;
    lock.unlock();
    shop.transport.close();
    closed = true;
    lock.lock();
  }
}

}  // namespace

void run_worker(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
                const std::atomic<bool>& stop) {
  Shop shop{transport,
            {transport, store, runs, options, stop},
            stop,
            {},
            {},
            {},
            0,
            {},
            {},
            {transport, store, runs, options, shop.service.fitness(),
             [&shop](const Delivery& delivery) { shop.service.serve(delivery); },
             [&shop] { return shop.stop || shop.failed; }}};
  transport.consume(kComputeQueue, options.slots * options.prefetch);
  std::vector<std::thread> slots;
  try {
    for (int i = 0; i < options.slots; ++i) {
      {
        const std::lock_guard<std::mutex> lock(shop.mutex);
        ++shop.at_work;
      }
      slots.emplace_back([&shop] { slot_loop(shop); });
    }
  } catch (const std::system_error& e) {
    log_warning("the system gives no more threads",
                {{"asked", std::to_string(options.slots)}, {"started", std::to_string(slots.size())}});
    {
      const std::lock_guard<std::mutex> lock(shop.mutex);
      --shop.at_work;
    }
    if (slots.empty()) throw TransientError(std::string("cannot start a compute thread: ") + e.what());
  }
  await_slots(shop);
  for (std::thread& slot : slots) slot.join();
  if (shop.failure) std::rethrow_exception(shop.failure);
  // During an outage there is nothing to cancel: the broker has taken the tasks back.
  if (transport.connected()) transport.cancel(kComputeQueue);
}

}  // namespace tilecompile

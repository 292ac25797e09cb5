#include "tilecompile/run/worker.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/diagnostics_sender.hpp"
#include "tilecompile/run/execute_task.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr const char* kReasonHeader = "x-tilecompile-reason";
constexpr const char* kWorkerHeader = "x-tilecompile-worker";

/// One worker process: what its slots share.
struct Shop {
  Transport& transport;
  ObjectStore& store;
  RunContexts& runs;
  const WorkerOptions& options;
  const std::atomic<bool>& stop;
  DiagnosticsSender diagnostics;
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;
};

// A task that cannot be read names no run to answer to: it is kept for inspection, with the reason.
void dead_letter(Shop& shop, const Delivery& delivery, const std::string& reason) {
  log_error("task refused: " + reason, {{"message_id", delivery.message.message_id}});
  Message message = delivery.message;
  message.headers[kReasonHeader] = reason;
  message.headers[kWorkerHeader] = shop.options.worker_id;
  shop.transport.publish(kResultExchange, kDeadLetterQueue, std::move(message)).get();
}

// The queue that waits for the result: the one the task names, else the run's own, else the shared one.
void publish_result(Shop& shop, const Delivery& delivery, const ResultMessage& result) {
  Message message;
  message.body = encode_result(result);
  message.correlation_id = result.correlation_id;
  message.message_id =
      result.run_id + ":" + std::to_string(result.tile_id) + ":" + std::to_string(result.attempt);
  if (!delivery.message.reply_to.empty())
    return shop.transport.publish(kResultExchange, delivery.message.reply_to, std::move(message)).get();
  try {
    shop.transport.publish(kResultExchange, results_queue(result.run_id, "run"), message).get();
  } catch (const UnroutableError&) {
    shop.transport.publish(kResultExchange, kResultsQueue, std::move(message)).get();
  }
}

// A run that ended early leaves tasks behind; without its results queue nobody waits for them.
bool abandoned(Shop& shop, const Delivery& delivery) {
  const std::string& queue = delivery.message.reply_to;
  if (queue.empty() || shop.transport.inspect(queue)) return false;
  log_warning("a task of a run that has ended is dropped", {{"results_queue", queue}});
  return true;
}

void serve(Shop& shop, const Delivery& delivery) {
  if (abandoned(shop, delivery)) return shop.transport.ack(delivery.tag);
  try {
    execute_task(
        delivery.message.body, shop.runs, shop.store, {shop.options.worker_id, 1},
        [&](const ResultMessage& result) {
          publish_result(shop, delivery, result);
          log_debug("tile done", {{"run_id", result.run_id}, {"tile_id", std::to_string(result.tile_id)}});
        },
        shop.diagnostics.observer(delivery.message, {shop.options.worker_id, 1}));
  } catch (const UnroutableError& e) {
    log_warning(std::string("nobody waits for this result any more, the task is dropped: ") + e.what());
  } catch (const InputError& e) {
    dead_letter(shop, delivery, e.what());
  }
  shop.transport.ack(delivery.tag);
}

void slot_loop(Shop& shop) {
  try {
    while (!shop.stop && !shop.failed) {
      const auto delivery = shop.transport.receive(200ms);
      if (!delivery) continue;
      if (shop.stop || shop.failed)
        shop.transport.reject(delivery->tag, true);
      else
        serve(shop, *delivery);
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
  Shop shop{transport, store, runs, options, stop, DiagnosticsSender(transport), {}, {}, {}};
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
  transport.cancel(kComputeQueue);
}

}  // namespace tilecompile

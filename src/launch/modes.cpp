#include "tilecompile/launch/modes.hpp"

#include <unistd.h>

#include <exception>
#include <optional>
#include <thread>

#include "event_announcer.hpp"
#include "local_workers.hpp"
#include "onlookers.hpp"
#include "own_tiles_pool.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/operate/health.hpp"
#include "tilecompile/operate/setup.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/master_claim.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"
#include "tilecompile/siril/siril.hpp"
#include "tilecompile/worker/probe.hpp"
#include "tilecompile/worker/run_contexts.hpp"
#include "tilecompile/worker/worker.hpp"
#include "worker_endpoint.hpp"
#include "worker_places.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kNoteEvery = 60s;  // of a worker that is fit: 'status --broker' shows idle ones too

std::string default_worker_id() {
  constexpr std::size_t kMostOfName = 53;  // of 64 characters; a process number takes up to ten
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  return std::string(host).substr(0, kMostOfName) + "-" + std::to_string(getpid());
}

// A worker in a thread of this process; its failure is the run's failure.
class WorkerThread : public Observer {
 public:
  WorkerThread(std::unique_ptr<Transport> transport, ObjectStore& store, RunContexts& runs,
               const WorkerOptions& options)
      : transport_(std::move(transport)), runs_(runs), thread_([this, &store, &runs, options] {
          try {
            run_worker(*transport_, store, runs, options, stop_);
          } catch (...) {
            failure_ = std::current_exception();
            failed_ = true;
          }
        }) {}
  ~WorkerThread() override {
    stop_ = true;
    thread_.join();
  }
  void watch() override {
    if (failed_) std::rethrow_exception(failure_);
  }
  void rest() override { runs_.forget(); }

 private:
  std::unique_ptr<Transport> transport_;
  RunContexts& runs_;
  std::atomic<bool> stop_{false}, failed_{false};
  std::exception_ptr failure_;
  std::thread thread_;
};

// Only what workers say of themselves goes there: one that may not declare it works without.
void declare_notes(Transport& transport) {
  try {
    transport.declare(workers_queue_spec());
  } catch (const AccessRefused&) {
    log_debug("this user may not declare queues", {{"queue", kWorkersQueue}});
  }
}

// Says once in the log, and with every look on tile.workers, why a worker cannot begin.
std::function<void(const std::string&, int)> teller_of(const WorkerOptions& options, Transport& transport) {
  return [&options, &transport, said = std::string()](const std::string& why, int again_in_s) mutable {
    options.on_rest(why);
    leave_note(transport, {options.worker_id, "", "", false, why, again_in_s});
    if (why == std::exchange(said, why)) return;
    log_error("this worker is not ready and takes no tasks; it looks again with growing pauses: " + why,
              {{"worker_id", options.worker_id}, {"again_in_s", std::to_string(again_in_s)}});
  };
}

// Where the frames are read that tiles are made of: those that Siril registers lie in the run's folder.
FrameOrigin frames_of_tiles(const RunConfig& config, const std::string& run_id, const FrameOrigin& frames) {
  if (config.input.stage != InputStage::kRaw || calibrates(config)) return frames;
  return FrameOrigin(frames_folder(config, run_id));
}

FrameOrigin open_kept_frames(const RunConfig& config) {
  FrameOrigin frames = open_frames(config);
  frames.kept = std::make_shared<KeptFrames>(kept_memory_bytes(config.parallel));
  return frames;
}

}  // namespace

RunOutcome run_local(const RunRequest& request) {
  const RunConfig& config = request.config;
  const int slots = thread_count(config.parallel.threads);
  const auto store = open_store(config.storage, storage_root(config));
  const FrameOrigin frames = open_kept_frames(config);
  const auto verified = std::make_shared<VerifiedFiles>();
  RunContexts runs(*store, frames_of_tiles(config, request.run_id, frames),
                   memory_limit_bytes(config.parallel), slots, verified);
  MemoryBroker broker;
  const auto transport = broker.connect();
  auto worker_transport = broker.connect();
  worker_transport->declare(compute_queue_spec(false));
  WorkerThread worker(std::move(worker_transport), *store, runs, {"local", slots, config.parallel.prefetch});
  Onlookers onlookers(request, *store, nullptr, nullptr);
  return run_master(request, {RunMode::kRun, transport.get(), store.get(), verified, frames, &worker, nullptr,
                              &onlookers, &onlookers});
}

RunOutcome run_distributed(const RunRequest& request, int local_workers) {
  const RunConfig& config = request.config;
  if (local_workers > 0 && config.broker.roles != BrokerRoles::kNone)
    throw UsageError(
        "local workers (--workers) log in as their master does, and broker.roles asks for users of "
        "workers: start workers by themselves, or set broker.roles: none");
  const auto store = open_store(config.storage, storage_root(config));
  const FrameOrigin frames = open_kept_frames(config);
  const auto transport =
      connect_broker(config.broker, "tilecompile master " + request.run_id, request.stop_signal);
  const MasterClaim claim(*transport, config.parallel.isolation, config.broker.vhost);
  std::optional<LocalWorkers> workers;
  if (local_workers > 0) {
    RunConfig theirs = config;
    theirs.input.dir = frames_folder(config, request.run_id).string();
    theirs.storage.upload_frames = false;  // they are on this host
    workers.emplace(theirs, local_workers, request.quiet);
  }
  EventAnnouncer announcer(*transport, request.run_id);
  Onlookers onlookers(request, *store, transport.get(), &announcer);
  const auto verified = std::make_shared<VerifiedFiles>();
  const auto own =
      own_tiles_pool(*store, frames_of_tiles(config, request.run_id, frames), config.parallel, verified);
  return run_master(
      request, {RunMode::kMaster, transport.get(), store.get(), verified, frames,
                workers ? &*workers : &nobody(), own.get(), &onlookers, &onlookers, workers.has_value()});
}

void serve_worker(const WorkerConfig& config, const std::atomic<int>& stop_signal) {
  WorkerOptions options;
  options.worker_id = config.worker_id.empty() ? default_worker_id() : config.worker_id;
  options.slots = thread_count(config.parallel.threads);
  options.prefetch = config.parallel.prefetch;
  const WorkerFacts facts = worker_facts(options.worker_id, options.slots);
  WorkerCounts counts;
  auto transport = count_answers(
      connect_broker(config.broker, "tilecompile worker " + options.worker_id, &stop_signal), counts);
  const bool quorum = config.broker.queue_type == QueueType::kQuorum;
  for (const QueueSpec& queue : {compute_queue_spec(quorum), dead_letter_queue_spec(quorum)})
    declare_if_allowed(*transport, queue);
  declare_notes(*transport);
  HealthReporter health(*transport, config.observability.health_file, options.worker_id);
  std::optional<WorkerEndpoint> endpoint;
  if (!config.observability.listen.empty())
    endpoint.emplace(config.observability.listen, options.worker_id, options.slots, *transport, counts);
  std::atomic<bool> rests{true};
  options.on_rest = [&](const std::string& why) {
    rests = !why.empty();
    health.rests(why);
    if (endpoint) endpoint->rests(why);
  };
  const auto places = await_worker_places(config, teller_of(options, *transport),
                                          [&stop_signal] { return stop_signal != 0; });
  if (!places) {
    health.end();
    return transport->close();
  }
  options.on_rest("");
  leave_note(*transport, {options.worker_id, "", "", true, "", 0});
  ObjectStore& store = *places->store;
  transport = answer_probes(std::move(transport), facts, places->frames, store);
  FrameOrigin frames = places->frames;
  frames.kept = std::make_shared<KeptFrames>(kept_memory_bytes(config.parallel));
  RunContexts runs(store, std::move(frames), memory_limit_bytes(config.parallel), options.slots,
                   std::make_shared<VerifiedFiles>());
  log_info("worker is ready", {{"worker_id", options.worker_id},
                               {"version", facts.program_version},
                               {"numerics", facts.numerics_version},
                               {"cpu", facts.cpu_text()},
                               {"slots", std::to_string(options.slots)},
                               {"broker", broker_place(config.broker)},
                               {"storage", store.describe()},
                               {"input", places->frames.describe()}});
  std::atomic<bool> stop{false};
  std::thread watcher([&] {
    auto noted = std::chrono::steady_clock::now();
    while (!stop && stop_signal == 0) {
      std::this_thread::sleep_for(50ms);
      if (rests || std::chrono::steady_clock::now() - noted < kNoteEvery) continue;
      noted = std::chrono::steady_clock::now();
      leave_note(*transport, {options.worker_id, "", "", true, "", 0});
    }
    stop = true;
  });
  std::exception_ptr failure;
  try {
    run_worker(*transport, store, runs, options, stop);
  } catch (...) {
    failure = std::current_exception();
  }
  stop = true;
  watcher.join();
  health.end();
  transport->close();
  if (failure) std::rethrow_exception(failure);
  log_info("worker has stopped", {{"worker_id", options.worker_id}});
}

}  // namespace tilecompile

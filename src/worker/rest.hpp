#pragma once
#include <functional>
#include <mutex>
#include <string>

#include "fitness.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/worker/worker.hpp"

namespace tilecompile {

/// What a worker does that is not fit: it says so, hands back what it holds, takes no tasks, and looks with
/// growing pauses whether what failed can be done again. Then it takes tasks again, and the next tile
/// decides.
class Rest {
 public:
  /// `serve` hands a delivery back; `over` tells that the worker is to end.
  Rest(Transport& transport, ObjectStore& store, RunContexts& runs, const WorkerOptions& options,
       Fitness& fitness, std::function<void(const Delivery&)> serve, std::function<bool()> over)
      : transport_(transport),
        store_(store),
        runs_(runs),
        options_(options),
        fitness_(fitness),
        serve_(std::move(serve)),
        over_(std::move(over)) {}

  /// Returns when the worker is fit, or is to end. Called by every slot; one of them does the work. Throws
  /// what the transport throws for good.
  void take();

 private:
  void lay_down();
  void say(const std::string& why, int again_in_s) const;
  std::string look(const Fitness::Trouble& trouble) const;
  bool pause(int seconds) const;
  int pause_s(int rests) const;

  Transport& transport_;
  ObjectStore& store_;
  RunContexts& runs_;
  const WorkerOptions& options_;
  Fitness& fitness_;
  std::function<void(const Delivery&)> serve_;
  std::function<bool()> over_;
  std::mutex mutex_;
};

}  // namespace tilecompile

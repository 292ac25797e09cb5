#pragma once
#include <functional>
#include <utility>

#include "night/small_night.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

/// Hears of a round by functions, all of which may be empty.
class TestObserver : public RoundObserver {
 public:
  using Accept = std::function<void(const ResultMessage&, TileFile)>;
  explicit TestObserver(Accept accept = {}) : on_accept(std::move(accept)) {}
  void accept(const ResultMessage& result, TileFile file) override {
    if (on_accept) on_accept(result, std::move(file));
  }
  void taken_over(int /*tiles*/) override {
    if (on_taken_over) on_taken_over();
  }
  void watch() override {
    if (on_watch) on_watch();
  }
  void check_stop() override {
    if (on_check_stop) on_check_stop();
  }
  Accept on_accept;
  std::function<void()> on_taken_over, on_watch, on_check_stop;
};

/// A small night as master and worker meet it together.
class WholeNight : public SmallNight {
 public:
  explicit WholeNight(
      int channels = 1, int frames = 7,
      const std::function<void(MethodConfig&)>& change = [](MethodConfig&) {},
      const std::function<void(SimulateOptions&)>& sky = [](SimulateOptions&) {})
      : SmallNight(channels, frames, change, sky) {
    job.task_template = task_template;
    job.grid = &grid;
    job.planes = channels;
  }
  RunContexts contexts(std::size_t memory_limit_bytes = std::size_t{1} << 30) const {
    return {*store, frames_dir(), memory_limit_bytes, 2, verified};
  }
  TileRound job;  ///< all tiles of the night
};

}  // namespace tilecompile

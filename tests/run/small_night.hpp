#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "test_data.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/run/analysis.hpp"
#include "tilecompile/run/dispatch.hpp"
#include "tilecompile/run/frame_listing.hpp"
#include "tilecompile/run/frame_scan.hpp"
#include "tilecompile/run/run_contexts.hpp"
#include "tilecompile/run/simulate.hpp"
#include "tilecompile/run/star_pass.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

inline void expect_same_bits(const Plane<float>& a, const Plane<float>& b, const std::string& what) {
  ASSERT_EQ(a.width(), b.width()) << what;
  ASSERT_EQ(a.height(), b.height()) << what;
  for (int y = 0; y < a.height(); ++y)
    for (int x = 0; x < a.width(); ++x)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(a.at(x, y)), std::bit_cast<std::uint32_t>(b.at(x, y)))
          << what << " x " << x << " y " << y << ": " << a.at(x, y) << " " << b.at(x, y);
}

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

/// A simulated night in a temporary folder with everything a worker needs on a file store.
class SmallNight {
 public:
  explicit SmallNight(
      int channels = 1, int frames = 7,
      const std::function<void(MethodConfig&)>& change = [](MethodConfig&) {}) {
    SimulateOptions options;
    options.frames = frames;
    options.width = 131;
    options.height = 97;
    options.channels = channels;
    options.stars = 25;
    options.drift_px = 20;
    options.threads = 1;
    simulate(options, folder_ / "night");
    method.tile.min_size = 32;
    method.tile.size_factor = 8;
    change(method);
    manifest = std::make_shared<Manifest>(
        scan_frames(frames_dir(), list_frames(frames_dir(), "").paths, 1, {method.data}, verified, [](int) {
        }).manifest);
    const FrameSource frames_of_night = source();
    analysis = analyse_frames(frames_of_night, method, 1, [](int) {});
    measure_seeing(analysis, frames_of_night, method, 1, [](int) {});
    grid = build_grid(manifest->width(), manifest->height(), analysis.metrics.seeing_px, method.tile);
    std::filesystem::create_directory(folder_ / "store");
    store = open_file_store(folder_ / "store");
    const std::string config = canonical_method_json(method), entries = encode_manifest(*manifest),
                      metrics = encode_frame_metrics(analysis.metrics);
    store->put(config_key(run_id), config);
    store->put(manifest_key(run_id), entries);
    store->put(frame_metrics_key(run_id), metrics);
    job.task_template.run_id = run_id;
    job.task_template.correlation_id = "11111111-2222-4333-8444-555555555555";
    job.task_template.config_hash = sha256_hex(config);
    job.task_template.frames_manifest_id = sha256_hex(entries);
    job.task_template.last_frame = frames - 1;
    job.task_template.metrics = {frame_metrics_key(run_id), sha256_hex(metrics)};
    job.grid = &grid;
    job.planes = channels;
  }
  SmallNight(const SmallNight&) = delete;
  SmallNight& operator=(const SmallNight&) = delete;

  std::filesystem::path frames_dir() const { return folder_ / "night/frames"; }
  std::filesystem::path folder() const { return folder_.path(); }
  FrameSource source() const { return {frames_dir(), manifest, ZeroIsNodata::kAuto, verified}; }
  RunContexts contexts(std::size_t memory_limit_bytes = std::size_t{1} << 30) const {
    return {*store, frames_dir(), memory_limit_bytes, 2, verified};
  }

  const std::string run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  MethodConfig method;
  std::shared_ptr<VerifiedFiles> verified = std::make_shared<VerifiedFiles>();
  std::shared_ptr<Manifest> manifest;
  Analysis analysis;
  Grid grid;
  std::unique_ptr<ObjectStore> store;
  TileRound job;  ///< all tiles of the night

 private:
  TempDir folder_;
};

}  // namespace tilecompile

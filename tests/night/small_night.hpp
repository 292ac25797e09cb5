#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "same_bits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/passes/star_pass.hpp"
#include "tilecompile/simulate/simulate.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// A simulated night in a temporary folder with everything a worker needs on a file store.
class SmallNight {
 public:
  explicit SmallNight(
      int channels = 1, int frames = 7,
      const std::function<void(MethodConfig&)>& change = [](MethodConfig&) {},
      const std::function<void(SimulateOptions&)>& sky = [](SimulateOptions&) {}) {
    SimulateOptions options;
    options.frames = frames;
    options.width = 131;
    options.height = 97;
    options.channels = channels;
    options.stars = 25;
    options.drift_px = 20;
    options.threads = 1;
    sky(options);
    simulate(options, folder_ / "night");
    method.tile.min_size = 32;
    method.tile.size_factor = 8;
    change(method);
    manifest = std::make_shared<Manifest>(
        scan_frames(frames_dir(), list_frames(frames_dir(), "").paths, 1, {method.data}, verified).manifest);
    const FrameSource frames_of_night = source();
    analysis = analyse_frames(frames_of_night, method, 1);
    measure_seeing(analysis, frames_of_night, method, 1);
    grid = build_grid(manifest->width(), manifest->height(), analysis.metrics.seeing_px, method.tile);
    std::filesystem::create_directory(folder_ / "store");
    store = open_file_store(folder_ / "store");
    const std::string config = canonical_method_json(method), entries = encode_manifest(*manifest),
                      metrics = encode_frame_metrics(analysis.metrics);
    store->put(config_key(run_id), config);
    store->put(manifest_key(run_id), entries);
    store->put(frame_metrics_key(run_id), metrics);
    task_template.run_id = run_id;
    task_template.correlation_id = "11111111-2222-4333-8444-555555555555";
    task_template.config_hash = sha256_hex(config);
    task_template.frames_manifest_id = sha256_hex(entries);
    task_template.last_frame = frames - 1;
    task_template.metrics = {frame_metrics_key(run_id), sha256_hex(metrics)};
  }
  SmallNight(const SmallNight&) = delete;
  SmallNight& operator=(const SmallNight&) = delete;

  std::filesystem::path frames_dir() const { return folder_ / "night/frames"; }
  std::filesystem::path folder() const { return folder_.path(); }
  FrameSource source() const { return {frames_dir(), manifest, ZeroIsNodata::kAuto, verified}; }

  const std::string run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  MethodConfig method;
  std::shared_ptr<VerifiedFiles> verified = std::make_shared<VerifiedFiles>();
  std::shared_ptr<Manifest> manifest;
  Analysis analysis;
  Grid grid;
  std::unique_ptr<ObjectStore> store;
  TileTask task_template;  ///< of this night, without tiles

 private:
  TempDir folder_;
};

}  // namespace tilecompile

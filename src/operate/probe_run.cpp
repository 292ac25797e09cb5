#include "probe_run.hpp"

#include <algorithm>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/passes/star_pass.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

TileTask share_task(ObjectStore& store, const MethodConfig& method, const Manifest& manifest,
                    const FrameMetrics& metrics) {
  TileTask task;
  task.run_id = new_uuid();
  task.correlation_id = new_uuid();
  const auto share = [&](const std::string& key, const std::string& bytes) {
    store.put(key, bytes);
    return sha256_hex(bytes);
  };
  task.config_hash = share(config_key(task.run_id), canonical_method_json(method));
  task.frames_manifest_id = share(manifest_key(task.run_id), encode_manifest(manifest));
  task.metrics = {frame_metrics_key(task.run_id),
                  share(frame_metrics_key(task.run_id), encode_frame_metrics(metrics))};
  task.last_frame = static_cast<int>(manifest.frames.size()) - 1;
  return task;
}

SmallTask make_small_task(const RunConfig& config, const FrameOrigin& frames,
                          const std::shared_ptr<Manifest>& manifest,
                          const std::shared_ptr<VerifiedFiles>& verified, ObjectStore& store) {
  SmallTask small;
  small.manifest = manifest;
  small.planes = manifest->channels();
  const FrameSource source(frames, manifest, config.method.data.zero_is_nodata, verified);
  const int threads =
      std::min(thread_count(config.parallel.threads), static_cast<int>(manifest->frames.size()));
  Analysis analysis = analyse_frames(source, config.method, threads);
  measure_seeing(analysis, source, config.method, threads);
  small.metrics = std::move(analysis.metrics);
  const Grid grid =
      build_grid(manifest->width(), manifest->height(), small.metrics.seeing_px, config.method.tile);
  small.task = share_task(store, config.method, *manifest, small.metrics);
  small.task.tiles = {{0, grid.tiles[grid.tiles.size() / 2], tile_seed(small.task.run_id, 0), "", ""}};
  return small;
}

}  // namespace tilecompile

#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "tilecompile/config/load_config.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/night/frame_bands.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/survey/pass_state.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// What a worker holds of a run while it serves its tasks.
struct RunContext {
  MethodConfig method;
  std::shared_ptr<const Manifest> manifest;
  FrameMetrics metrics;
  std::shared_ptr<const PassState> pass;  ///< of frame tasks only, which have no metrics
  Clusters clusters;                      ///< second round only
  std::shared_ptr<const FrameSource> frames;
  std::shared_ptr<BandCache> bands;  ///< of all runs together
};

/// Fetches and checks configuration, manifest and frame metrics of the runs that tasks name, and keeps those
/// of the latest runs. Safe from several threads.
class RunContexts {
 public:
  /// `slots`: tasks computed at once. The samples of all runs together stay within the memory limit, in bands
  /// of at most `largest_band_bytes` (BandCache).
  RunContexts(ObjectStore& store, FrameOrigin frames, std::size_t memory_limit_bytes, int slots,
              std::shared_ptr<VerifiedFiles> verified,
              std::size_t largest_band_bytes = BandCache::kLargestBandBytes);
  /// Throws InputError when a hash differs, a shape is wrong or the stage is not served; TransientError when
  /// an object cannot be fetched.
  std::shared_ptr<RunContext> get(const TileTask& task);
  /// Looks anew whether what the task needs can be had: its objects in the storage, and its first frame.
  /// Throws what get throws, and what opening the frame throws.
  void check(const TileTask& task) const;
  /// Lets go what is held of all runs; what tasks under way still use goes with them.
  void forget();

 private:
  std::shared_ptr<RunContext> fetch(const TileTask& task) const;
  void learn_sums(const FrameMetrics& metrics, const Manifest& manifest) const;

  ObjectStore& store_;
  FrameOrigin frames_;
  std::shared_ptr<BandCache> bands_;
  std::shared_ptr<VerifiedFiles> verified_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<RunContext>>> latest_;
  std::string kept_for_;  ///< the run whose frames are kept in memory
};

}  // namespace tilecompile

#pragma once
#include "tilecompile/base/observer.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// What was brought, and what was there already.
struct FrameUpload {
  int brought = 0, known = 0;
  std::uint64_t bytes = 0;  ///< of those that were brought
};

/// Brings every frame into `store` under frame_object_key, so by its content: one that an earlier run
/// brought, in the same length, stays as it is. Frames are checked against the manifest before. A frame a
/// thread is in memory. Throws what reading frames and the storage throw.
FrameUpload upload_frames(const FrameSource& frames, ObjectStore& store, int threads,
                          Observer& observer = nobody());

}  // namespace tilecompile

#include "tilecompile/night/frame_upload.hpp"

#include <gtest/gtest.h>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/memory_store.hpp"

namespace tilecompile {
namespace {

TEST(FrameUpload, BringsEveryFrameOnceByItsContent) {
  const SmallNight night(1, 5);
  const auto store = open_memory_store();
  const auto& entries = night.manifest->frames;
  FrameUpload upload = upload_frames(night.source(), *store, 2);
  EXPECT_EQ(upload.brought, 5);
  EXPECT_EQ(upload.known, 0);
  std::uint64_t bytes = 0;
  for (const ManifestEntry& entry : entries) {
    EXPECT_EQ(sha256_hex(store->get("frames/" + entry.sha256)), entry.sha256);
    bytes += entry.size_bytes;
  }
  EXPECT_EQ(upload.bytes, bytes);
  store->put(frame_object_key(entries[2].sha256), "half a frame");
  store->remove(frame_object_key(entries[4].sha256));
  upload = upload_frames(night.source(), *store, 2);
  EXPECT_EQ(upload.brought, 2);
  EXPECT_EQ(upload.known, 3);
  EXPECT_EQ(sha256_hex(store->get("frames/" + entries[2].sha256)), entries[2].sha256);
  EXPECT_EQ(upload_frames(night.source(), *store, 2).brought, 0);
}

TEST(FrameUpload, AFrameThatIsNotTheManifestsIsNotBrought) {
  SmallNight night(1, 5);
  const auto store = open_memory_store();
  std::ofstream(night.frames_dir() / night.manifest->frames[1].path, std::ios::app) << "more";
  night.verified = std::make_shared<VerifiedFiles>();
  EXPECT_THROW(upload_frames(night.source(), *store, 1), InputError);
  EXPECT_FALSE(store->exists(frame_object_key(night.manifest->frames[1].sha256)));
}

}  // namespace
}  // namespace tilecompile

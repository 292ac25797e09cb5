#include "tilecompile/night/frame_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// A night that is read through a cache.
class CachedFrames : public testing::Test {
 protected:
  CachedFrames() : origin_(night_.frames_dir()) {
    origin_.cache = std::make_shared<FileCache>(night_.folder() / "cache", 0);
  }
  ScannedFrames scan() {
    return scan_frames(origin_, list_frames(origin_, "").paths, 2, {night_.method.data}, night_.verified);
  }
  FrameSource source() {
    return {origin_, night_.manifest, ZeroIsNodata::kAuto, std::make_shared<VerifiedFiles>()};
  }
  SmallNight night_;
  FrameOrigin origin_;
};

TEST_F(CachedFrames, AScanGivesTheManifestOfTheFolderAndFillsTheCache) {
  EXPECT_EQ(encode_manifest(scan().manifest), encode_manifest(*night_.manifest));
  const FrameSource in_place = night_.source(), cached = source();
  std::vector<Image> expected;
  for (int f = 0; f < 7; ++f) expected.push_back(in_place.open(f).read_all());
  fs::rename(night_.frames_dir(), night_.folder() / "away");
  for (int f = 0; f < 7; ++f)
    expect_same_bits(cached.open(f).read_all()[0], expected[static_cast<std::size_t>(f)][0], "frame");
}

TEST_F(CachedFrames, AFrameThatIsNotInTheCacheIsFetchedOnce) {
  const FrameSource cached = source();
  const fs::path copy = cached.file(2).path;
  EXPECT_NE(copy, night_.frames_dir() / night_.manifest->frames[2].path);
  fs::rename(night_.frames_dir(), night_.folder() / "away");
  EXPECT_EQ(cached.file(2).path, copy);
  EXPECT_THROW(cached.file(3), TransientError);
}

TEST_F(CachedFrames, AFrameOtherThanTheManifestSaysIsRefusedByItsName) {
  const std::string path = night_.manifest->frames[1].path;
  std::ofstream(night_.frames_dir() / path, std::ios::binary | std::ios::app) << "x";
  try {
    source().open(1);
    FAIL() << "nothing was thrown";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr(path), testing::HasSubstr("the manifest says")));
  }
}

TEST_F(CachedFrames, ATornCopyIsFetchedAgain) {
  fs::path copy;
  {
    const FrameSource cached = source();
    copy = cached.file(0).path;
  }
  fs::resize_file(copy, fs::file_size(copy) / 2);
  expect_same_bits(source().open(0).read_all()[0], night_.source().open(0).read_all()[0], "frame");
  EXPECT_EQ(fs::file_size(copy), night_.manifest->frames[0].size_bytes);
}

TEST_F(CachedFrames, ADamagedFrameIsNamedAsInTheFolder) {
  const fs::path bad = night_.frames_dir() / "zz_bad.fits";
  std::ofstream(bad) << std::string(2880, 'x');
  const ScannedFrames found = scan();
  EXPECT_EQ(encode_manifest(found.manifest), encode_manifest(*night_.manifest));
  ASSERT_EQ(found.bad.size(), 1u);
  EXPECT_EQ(found.bad[0].path, "zz_bad.fits");
  EXPECT_THAT(found.bad[0].reason, testing::HasSubstr("not a FITS file"));
}

}  // namespace
}  // namespace tilecompile

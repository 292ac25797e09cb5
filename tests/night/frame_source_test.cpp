#include "tilecompile/night/frame_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/process_usage.hpp"

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

// A worker that hashes a frame will want it again.
TEST_F(CachedFrames, WhatIsHashedIsInTheCache) {
  const FrameSource cached = source();
  const FileContent content = cached.content(2);
  EXPECT_EQ(content.sha256, night_.manifest->frames[2].sha256);
  EXPECT_EQ(content.sums, *night_.verified->sums_of(night_.manifest->frames[2]));
  fs::rename(night_.frames_dir(), night_.folder() / "away");
  EXPECT_EQ(cached.file(2).copy.sha256(), content.sha256);
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

TEST(BandSamples, TellPackedFilesByTheirNameAndSize) {
  struct Case {
    double bytes_a_sample;
    bool codes, packed;
    const char* name = "light.FIT";
  };
  for (const Case& c : {Case{1, false, false}, Case{0.9, false, true}, Case{1.7, false, true},
                        Case{2, true, false}, Case{2.7, false, false}, Case{4, false, false},
                        Case{3.7, false, false}, Case{8, false, false}, Case{2, true, true, "light.tif"},
                        Case{2, false, true, "light.fits.gz"}, Case{2, false, true, "light.fits.fz"}}) {
    Manifest manifest;
    ManifestEntry& frame = manifest.frames.emplace_back();
    frame.path = c.name;
    frame.facts.width = 2000;
    frame.facts.height = 1000;
    frame.facts.channels = 1;
    frame.size_bytes = static_cast<std::uint64_t>(2e6 * c.bytes_a_sample) + 2 * 2880;
    const BandSamples samples = BandSamples::of(manifest, nullptr);
    EXPECT_EQ(samples.codes, c.codes) << c.name << " " << c.bytes_a_sample;
    EXPECT_EQ(samples.packed, c.packed) << c.name << " " << c.bytes_a_sample;
  }
}

// Workers, and the tasks of a run of one process, have the manifest as it was sent.
TEST(BandSamples, AreTheSameOfAManifestThatWasSent) {
  for (const int bitpix : {16, -32}) {
    const SmallNight night(
        1, 3, [](MethodConfig&) {}, [&](SimulateOptions& sky) { sky.bitpix = bitpix; });
    const BandSamples here = BandSamples::of(*night.manifest, nullptr),
                      there = BandSamples::of(decode_manifest(encode_manifest(*night.manifest)), nullptr);
    EXPECT_EQ(here.codes, bitpix == 16);
    EXPECT_EQ(there.codes, here.codes);
    EXPECT_FALSE(here.packed);
    EXPECT_FALSE(there.packed);
    EXPECT_EQ(there.planes, here.planes);
  }
}

/// A night of gzipped frames.
class PackedFrames : public testing::Test {
 protected:
  PackedFrames() {
    for (int f = 0; f < 7; ++f) expected_.push_back(night_.source().open(f).read_all());
    if (std::system(("gzip -f '" + night_.frames_dir().string() + "'/*").c_str()) != 0)
      throw std::runtime_error("gzip failed");
    manifest_ = std::make_shared<Manifest>(scan_frames(night_.frames_dir(),
                                                       list_frames(night_.frames_dir(), "").paths, 1,
                                                       {night_.method.data}, verified_)
                                               .manifest);
  }
  FrameSource source(std::size_t kept_bytes) {
    FrameOrigin origin(night_.frames_dir());
    origin.kept = kept_ = std::make_shared<KeptFrames>(kept_bytes);
    return {origin, manifest_, ZeroIsNodata::kAuto, verified_};
  }
  static Plane<float> box_of(OpenFrame frame, const Box& box) {
    Plane<float> part(box.w, box.h);
    frame.read_box(box, {part.data()});
    return part;
  }
  void expect_boxes(const FrameSource& frames, const Box& box) const {
    for (int f = 0; f < 7; ++f) {
      Plane<float> part(box.w, box.h);
      for (int y = 0; y < box.h; ++y)
        std::copy_n(expected_[static_cast<std::size_t>(f)][0].row(box.y0 + y) + box.x0, box.w, part.row(y));
      expect_same_bits(box_of(frames.open(f), box), part, "frame " + std::to_string(f));
    }
  }

  SmallNight night_;
  std::shared_ptr<VerifiedFiles> verified_ = std::make_shared<VerifiedFiles>();
  std::shared_ptr<Manifest> manifest_;
  std::shared_ptr<KeptFrames> kept_;
  std::vector<Image> expected_;
};

TEST_F(PackedFrames, AreUnpackedOnceWhereTheyFit) {
  const FrameSource frames = source(std::size_t{1} << 24);
  EXPECT_EQ(frames.reserved_bytes(), std::size_t{1} << 24);
  const std::int64_t before = process_bytes_read();
  expect_boxes(frames, {3, 40, 60, 20});
  EXPECT_EQ(kept_->size_bytes(), 7u * 131 * 97 * 2);
  const std::int64_t once = process_bytes_read();
  expect_boxes(frames, {30, 1, 90, 50});
  Plane<float> rows(131, 5);
  frames.open(6).read_rows(0, 90, 5, rows.data());
  EXPECT_EQ(rows.at(100, 4), expected_[6][0].at(100, 94));
  const std::int64_t again = process_bytes_read() - once;
  EXPECT_GT(once - before, 7 * 10000);
  EXPECT_LT(again, 10000) << "less than the smallest of the files";
}

TEST_F(PackedFrames, AreReadFromTheirFilesWhereTheyDoNotFit) {
  const FrameSource frames = source(3 * 131 * 97 * 2);
  expect_boxes(frames, {3, 40, 60, 20});
  EXPECT_EQ(kept_->size_bytes(), 3u * 131 * 97 * 2);
  expect_boxes(frames, {3, 40, 60, 20});
  EXPECT_EQ(night_.source().reserved_bytes(), 0u) << "plain files are not kept";
}

TEST_F(PackedFrames, CountAgainstTheMemoryOfOneReaderOnly) {
  FrameOrigin origin(night_.frames_dir());
  origin.kept = std::make_shared<KeptFrames>(1000);
  EXPECT_EQ(FrameSource(origin, manifest_, ZeroIsNodata::kAuto, verified_).reserved_bytes(), 1000u);
  origin.kept_by_others = true;
  EXPECT_EQ(FrameSource(origin, manifest_, ZeroIsNodata::kAuto, verified_).reserved_bytes(), 0u);
}

TEST_F(PackedFrames, TheSearchForTwinsKeepsNone) {
  FrameOrigin origin(night_.frames_dir());
  origin.kept = std::make_shared<KeptFrames>(std::size_t{1} << 24);
  const fs::path packed = night_.frames_dir() / manifest_->frames[0].path;
  ASSERT_EQ(std::system(("gzip -dk '" + packed.string() + "'").c_str()), 0);  // one exposure, twice
  const ScannedFrames found =
      scan_frames(origin, list_frames(origin, "").paths, 1, {night_.method.data}, verified_);
  EXPECT_EQ(found.left_out.size(), 1u);
  EXPECT_EQ(origin.kept->size_bytes(), 0u);
}

// A small cache makes room for another frame by removing those that nobody holds.
TEST_F(PackedFrames, StayInTheCacheUntilTheyAreRead) {
  FrameOrigin origin(night_.frames_dir());
  origin.cache = std::make_shared<FileCache>(night_.frames_dir().parent_path() / "cache",
                                             manifest_->frames[0].size_bytes * 3 / 2);
  const FrameSource frames(origin, manifest_, ZeroIsNodata::kAuto, verified_);
  const Box box{3, 40, 60, 20};
  box_of(frames.open(0), box);
  OpenFrame first = frames.open(0);  // whose header is known: it is opened when it is read
  expect_boxes(frames, box);
  Plane<float> part(box.w, box.h);
  first.read_box(box, {part.data()});
  EXPECT_EQ(part.at(0, 0), expected_[0][0].at(box.x0, box.y0));
}

// The second time it is opened, nothing is read before a sample is wanted.
TEST_F(PackedFrames, AFileThatIsGoneIsNamedWhenItIsRead) {
  const FrameSource frames = source(0);
  expect_boxes(frames, {0, 0, 10, 10});
  OpenFrame frame = frames.open(2);
  fs::remove(night_.frames_dir() / manifest_->frames[2].path);
  Plane<float> part(4, 4);
  try {
    frame.read_box({0, 0, 4, 4}, {part.data()});
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(manifest_->frames[2].path + " failed: No such file"));
  }
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/night/frame_bands.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <thread>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/process_usage.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

// Of the night's frames, which hold 16-bit codes, in bands that tiles of 32 px are cut from.
BandShape shape_of(int channels, int frames) { return {{channels, true}, {0, 0, 32, 32}, frames}; }

// Samples of one cut-out against the frame read on its own.
void expect_cutout(const FrameCutout& cutout, const Image& frame, int channel, int index, const Box& box) {
  ASSERT_EQ(cutout.samples.width, box.w);
  ASSERT_EQ(cutout.samples.height, box.h);
  for (int y = 0; y < box.h; ++y)
    for (int x = 0; x < box.w; ++x)
      ASSERT_EQ(
          std::bit_cast<std::uint32_t>(cutout.samples.at(x, y)),
          std::bit_cast<std::uint32_t>(frame[static_cast<std::size_t>(channel)].at(box.x0 + x, box.y0 + y)))
          << "frame " << index << " channel " << channel << " x " << x << " y " << y;
}

TEST(BandCache, SameCutoutsWithAnyMemoryLimitAndSeveralThreads) {
  const SmallNight night(3, 4);
  std::vector<Image> frames;
  for (int f = 0; f < 4; ++f) frames.push_back(night.source().open(f).read_all());
  const std::size_t column = shape_of(3, 3).column_bytes({0, 0, 32, 32});
  for (const std::size_t limit : {std::size_t{0}, column, 80 * column, 140 * column, 400 * column}) {
    BandCache cache(limit, limit == 0 ? 1 : 3);
    const auto source = std::make_shared<FrameSource>(night.source());
    for (const int threads : {1, 4}) {
      parallel_for(static_cast<int>(night.grid.tiles.size()) * 2, threads, [&](int i) {
        const Box& box = night.grid.tiles[static_cast<std::size_t>(i) % night.grid.tiles.size()];
        const auto band = cache.get(source, box, 1, 3);
        ASSERT_TRUE(band->region().contains(box));
        const BoxCutouts cut = band->cutouts(box);
        for (int f = 1; f <= 3; ++f)
          for (int c = 0; c < 3; ++c)
            expect_cutout(cut.cutouts[static_cast<std::size_t>(c)][static_cast<std::size_t>(f - 1)],
                          frames[static_cast<std::size_t>(f)], c, f, box);
      });
    }
  }
}

// Which is what a file of 2 bytes a sample with BSCALE 0.5 gives, and a compressed one of that size.
TEST(FrameBand, SamplesThatAreNoCodesStayFloats) {
  const SmallNight night(
      1, 4, [](MethodConfig&) {}, [](SimulateOptions& sky) { sky.bitpix = -32; });
  const FrameSource source = night.source();
  EXPECT_FALSE(source.band_samples().codes);
  const Box region{0, 0, 131, 40}, box{20, 4, 32, 32};
  for (const bool packed : {false, true}) {
    const FrameBand band(source, region, 0, BandShape({1, packed}, box, 4));
    const BoxCutouts cut = band.cutouts(box);
    for (int f = 0; f < 4; ++f)
      expect_cutout(cut.cutouts[0][static_cast<std::size_t>(f)], source.open(f).read_all(), 0, f, box);
  }
}

/// Frames of three planes with one odd sample in each third of 45 rows; the largest code stands for what is
/// not valid where there is such.
class SharedRows : public testing::Test {
 protected:
  static constexpr float kNone = std::numeric_limits<float>::quiet_NaN(), kLargest = 65535;
  struct Odd {
    float top, middle, bottom;
  };
  SharedRows() {
    std::vector<std::string> paths;
    for (const Odd& odd : odd_) {
      Image image(3, Plane<float>(40, 45, 100.0F));
      image[1].at(3, 2) = odd.top;
      image[1].at(4, 22) = odd.middle;
      image[1].at(5, 42) = odd.bottom;
      paths.push_back(std::to_string(paths.size()) + ".fits");
      write_image(folder_.path() / paths.back(), image, {});
    }
    const auto verified = std::make_shared<VerifiedFiles>();
    const auto manifest =
        std::make_shared<Manifest>(scan_frames(folder_.path(), paths, 1, {method_.data}, verified).manifest);
    source_.emplace(folder_.path(), manifest, ZeroIsNodata::kNever, verified);
  }
  int frames() const { return static_cast<int>(odd_.size()); }
  FrameBand band(int y0, bool packed, int shared) const {
    return {*source_, {0, y0, 40, 25}, 0, BandShape({3, packed}, {0, 0, 20, 20}, frames()), shared};
  }
  void expect_samples(const FrameBand& band) const {
    const BoxCutouts cut = band.cutouts(band.region());
    for (int f = 0; f < frames(); ++f)
      for (int c = 0; c < 3; ++c)
        expect_cutout(cut.cutouts[static_cast<std::size_t>(c)][static_cast<std::size_t>(f)],
                      source_->open(f).read_all(), c, f, band.region());
  }

  TempDir folder_;
  const MethodConfig method_;
  std::optional<FrameSource> source_;
  const std::vector<Odd> odd_ = {
      {7, 8, 9},         {kNone, 8, 9},        {kNone, 8, kLargest},    {kLargest, 8, kNone},
      {kNone, kNone, 9}, {7, kNone, kLargest}, {7, kLargest, kNone},    {0.5F, 8, 9},
      {7, 0.5F, 9},      {7, 8, 0.5F},         {kNone, 0.5F, kLargest}, {kNone, kLargest, 9}};
};

TEST_F(SharedRows, AreCopiedAsTheyAre) {
  for (const bool packed : {false, true}) {
    SCOPED_TRACE(packed);
    const FrameBand above = band(0, packed, 0);
    expect_samples(above);
    FrameBand middle = band(10, packed, 15);
    middle.copy_shared_rows(above);
    expect_samples(middle);
    FrameBand below = band(20, packed, 15);
    below.copy_shared_rows(middle);
    expect_samples(below);
  }
}

TEST_F(SharedRows, AreReadWhereThereIsNoBandAbove) {
  for (const bool packed : {false, true}) {
    FrameBand lower = band(20, packed, 15);
    lower.read_shared_rows(*source_);
    expect_samples(lower);
  }
}

// What a band holds is told by its own rows: a frame that was no codes further up is codes again.
TEST_F(SharedRows, DecideAloneWhatIsKeptAsCodes) {
  FrameBand alone = band(20, true, 0), below = band(20, true, 15);
  below.copy_shared_rows(band(10, true, 0));
  EXPECT_GT(alone.bytes_beside_codes(), 0u);
  EXPECT_LT(alone.bytes_beside_codes(), frames() * alone.region().area() * sizeof(float));
  EXPECT_EQ(below.bytes_beside_codes(), alone.bytes_beside_codes());
}

// Very large tiles would take more memory unpacked than their bands save.
TEST(FrameBand, OnlyTilesOfSomeSizeAreUnpacked) {
  EXPECT_TRUE(BandShape({1, true}, {0, 0, 93, 93}, 200).packed);
  EXPECT_TRUE(BandShape({1, true}, {0, 0, 187, 187}, 200).packed);
  EXPECT_FALSE(BandShape({1, true}, {0, 0, 187, 187}, 800).packed);
  EXPECT_FALSE(BandShape({1, false}, {0, 0, 93, 93}, 200).packed);
  EXPECT_TRUE(BandShape({3, true}, {0, 0, 140, 140}, 200).packed);
  EXPECT_FALSE(BandShape({3, true}, {0, 0, 187, 187}, 200).packed) << "of all planes at once";
}

TEST(FrameBand, LeavesRoomForTheTileThatIsCutFromIt) {
  constexpr std::size_t kPlenty = std::size_t{4} << 30;
  const Box tile{0, 0, 187, 187};
  const BandShape shape({1, true}, tile, 200);
  const Box region = BandCache::region(tile, 1920, shape, kPlenty, 2);
  EXPECT_GE(region.w, 4 * tile.w);
  EXPECT_LE(shape.size_bytes(region) + shape.block_bytes, BandCache::kLargestBandBytes);
  EXPECT_EQ(BandShape({3, true}, {0, 0, 140, 140}, 200).block_bytes, 0u)
      << "what stays in a cache is not counted";
}

TEST(FrameBand, SaysHowManySamplesOfACopyAreValid) {
  const SmallNight night;
  const FrameSource source = night.source();
  ASSERT_TRUE(source.band_samples().codes);
  const Box whole{0, 0, 131, 97};
  const FrameBand band(source, whole, 0, BandShape(source.band_samples(), {0, 0, 32, 32}, 7));
  std::int64_t missing = 0;
  for (const Box& box : night.grid.tiles) {
    const BoxCutouts cut = band.cutouts(box);
    for (const FrameCutout& c : cut.cutouts[0]) {
      std::int64_t valid = 0;
      for (int y = 0; y < box.h; ++y)
        for (int x = 0; x < box.w; ++x) valid += std::isnan(c.samples.at(x, y)) ? 0 : 1;
      EXPECT_EQ(c.valid, valid);
      EXPECT_EQ(c.whole(), valid == static_cast<std::int64_t>(box.area()));
      missing += static_cast<std::int64_t>(box.area()) - valid;
    }
  }
  EXPECT_GT(missing, 0) << "the drift leaves borders";
}

TEST(BandCache, NeighboursInARowShareOneBandWhenMemoryAllows) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 4);
  const auto first = cache.get(source, night.grid.tiles[0], 0, 6);
  EXPECT_EQ(first->region(), (Box{0, 0, 131, night.grid.size}));
  EXPECT_EQ(cache.get(source, night.grid.tiles[1], 0, 6), first);
  EXPECT_NE(cache.get(source, night.grid.tiles[1], 0, 5), first);
  EXPECT_EQ(cache.get(source, night.grid.tiles[2], 0, 6), first);
}

TEST(BandCache, RowsThatTwoRowsOfTilesShareAreReadOnce) {
  const SmallNight night;
  std::int64_t size = 0;
  for (const ManifestEntry& frame : night.manifest->frames)
    size += static_cast<std::int64_t>(frame.size_bytes);
  const std::size_t row = 131 * shape_of(1, 7).column_bytes(night.grid.tiles[0]);
  for (const std::size_t bands : {1u, 2u, 4u}) {
    BandCache cache(std::max<std::size_t>(2, bands) * row, bands);
    const auto source = std::make_shared<FrameSource>(night.source());
    const std::int64_t before = process_bytes_read();
    for (const Box& tile : night.grid.tiles) cache.get(source, tile, 0, 6);
    const std::int64_t read = process_bytes_read() - before;
    EXPECT_GE(read, size * 8 / 10) << bands;
    EXPECT_LE(read, size) << bands;
  }
}

TEST(BandCache, ASingleThreadKeepsItsLastBandOnlyForTheNextOne) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 1);
  const Box &top = night.grid.tiles.front(), &bottom = night.grid.tiles.back();
  const Box& second = *std::find_if(night.grid.tiles.begin(), night.grid.tiles.end(),
                                    [](const Box& tile) { return tile.y0 > 0; });
  ASSERT_LT(second.y1(), bottom.y0);
  const std::weak_ptr<const FrameBand> first = cache.get(source, top, 0, 6),
                                       below = cache.get(source, second, 0, 6);
  EXPECT_FALSE(first.expired());
  const std::weak_ptr<const FrameBand> last = cache.get(source, bottom, 0, 6);
  EXPECT_TRUE(first.expired());
  EXPECT_TRUE(below.expired());
  EXPECT_FALSE(last.expired());
}

// A night of other samples beside it, and other frames of it, give nothing.
TEST(BandCache, RowsAreTakenFromBandsOfTheSameFramesAlone) {
  const SmallNight night, other(
                              1, 7, [](MethodConfig&) {}, [](SimulateOptions&sky) { sky.seed = 77; });
  const auto source = std::make_shared<FrameSource>(night.source());
  const auto stranger = std::make_shared<FrameSource>(other.source());
  BandCache cache(std::size_t{1} << 30, 8);
  cache.get(stranger, night.grid.tiles[0], 0, 3);
  cache.get(source, night.grid.tiles[0], 2, 5);
  const Box& below = *std::find_if(night.grid.tiles.begin(), night.grid.tiles.end(),
                                   [](const Box& tile) { return tile.y0 > 0; });
  const BoxCutouts cut = cache.get(source, below, 0, 3)->cutouts(below);
  for (int f = 0; f < 4; ++f)
    expect_cutout(cut.cutouts[0][static_cast<std::size_t>(f)], source->open(f).read_all(), 0, f, below);
}

TEST(BandCache, WhatIsClearedIsReadAgain) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 4);
  const std::weak_ptr<const FrameBand> first = cache.get(source, night.grid.tiles[0], 0, 6);
  ASSERT_FALSE(first.expired());
  cache.clear();
  EXPECT_TRUE(first.expired());
  EXPECT_NE(cache.get(source, night.grid.tiles[0], 0, 6), nullptr);
}

TEST(BandCache, SmallLimitsMakeNarrowBandsAndForgetOldOnes) {
  const SmallNight night;
  const std::size_t column = shape_of(1, 7).column_bytes(night.grid.tiles.front());
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(20 * column, 1000);
  std::weak_ptr<const FrameBand> first = cache.get(source, night.grid.tiles.front(), 0, 6);
  for (const Box& tile : night.grid.tiles)
    EXPECT_EQ(cache.get(source, tile, 0, 6)->region(), tile)
        << "too little memory for two tiles side by side";
  EXPECT_TRUE(first.expired());
}

TEST(BandCache, BandsThatAreAllInUseFitInTheLimitUnlessSingleTilesDoNot) {
  const Box tile{60, 10, 30, 40};
  const int width = 700;
  const BandShape shape({3, false}, tile, 9);
  for (const std::size_t bands : {2u, 3u, 5u})
    for (std::size_t columns = 1; columns < 800; ++columns) {
      const std::size_t limit = shape.column_bytes(tile) * columns * bands;
      const Box region = BandCache::region(tile, width, shape, limit, bands);
      ASSERT_TRUE(region.contains(tile)) << columns;
      if (columns >= 60) {
        ASSERT_LE(shape.size_bytes(region) * bands, limit) << columns;
      } else {
        ASSERT_EQ(region, tile) << columns;
      }
    }
}

TEST(BandCache, NoBandIsLargerThanAskedForUnlessTwoTilesAre) {
  const Box tile{60, 10, 30, 40};
  const BandShape shape({3, false}, tile, 9);
  const std::size_t column = shape.column_bytes(tile), much = std::size_t{1} << 40;
  EXPECT_EQ(BandCache::region(tile, 700, shape, much, 2, 700 * column), (Box{0, 10, 700, 40}));
  EXPECT_LE(shape.size_bytes(BandCache::region(tile, 700, shape, much, 2, 100 * column)), 100 * column);
  EXPECT_EQ(BandCache::region(tile, 700, shape, much, 2, 59 * column), tile);
}

TEST(BandCache, RunsAndRoundsShareOneLimit) {
  const SmallNight night;
  const auto first_round = std::make_shared<FrameSource>(night.source());
  const auto second_round = std::make_shared<FrameSource>(night.source());
  const std::size_t row = shape_of(1, 7).size_bytes({0, 0, 131, night.grid.size});
  BandCache cache(2 * row, 2);
  const Box &top = night.grid.tiles.front(), &bottom = night.grid.tiles.back();
  const std::weak_ptr<const FrameBand> a = cache.get(first_round, top, 0, 6),
                                       b = cache.get(first_round, bottom, 0, 6);
  EXPECT_FALSE(a.expired());
  cache.get(second_round, top, 0, 6);
  EXPECT_TRUE(a.expired());
  cache.get(second_round, bottom, 0, 6);
  EXPECT_TRUE(b.expired());
}

TEST(BandCache, ALimitTooSmallForSingleTilesIsToldOnce) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache enough(2 * shape_of(1, 7).size_bytes(night.grid.tiles[0]), 2), little(1000, 2);
  testing::internal::CaptureStderr();
  enough.get(source, night.grid.tiles[0], 0, 6);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  little.get(source, night.grid.tiles[0], 0, 6);
  little.get(source, night.grid.tiles[1], 0, 6);
  const std::string told = testing::internal::GetCapturedStderr();
  const std::size_t at = told.find("parallel.memory_limit_mb");
  ASSERT_NE(at, std::string::npos) << told;
  EXPECT_EQ(told.find("parallel.memory_limit_mb", at + 1), std::string::npos) << told;
}

TEST(BandCache, KeepsAtMostAsManyBandsAsToldTheLatestUsed) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 2);
  const Box& tile = night.grid.tiles[0];
  const std::weak_ptr<const FrameBand> first = cache.get(source, tile, 0, 1),
                                       second = cache.get(source, tile, 0, 2);
  EXPECT_FALSE(first.expired());
  cache.get(source, tile, 0, 1);
  cache.get(source, tile, 0, 3);
  EXPECT_FALSE(first.expired());
  EXPECT_TRUE(second.expired());
}

// Two threads in two bands: the one that goes on takes its own band with it, also when it was used later.
TEST(BandCache, ABandThatItsThreadHasLeftGoesBeforeOthers) {
  const SmallNight night;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 2);
  const Box& tile = night.grid.tiles[0];
  std::weak_ptr<const FrameBand> others;
  std::thread([&] { others = cache.get(source, tile, 0, 1); }).join();
  const std::weak_ptr<const FrameBand> own = cache.get(source, tile, 0, 2);
  cache.get(source, tile, 0, 3);
  EXPECT_FALSE(others.expired());
  EXPECT_TRUE(own.expired());
}

TEST(BandCache, AFrameThatCannotBeReadFailsEveryAskerAndHealsWithTheFrame) {
  const SmallNight night;
  const auto frame = night.frames_dir() / night.manifest->frames[2].path;
  const auto source = std::make_shared<FrameSource>(night.source());
  BandCache cache(std::size_t{1} << 30, 4);
  std::filesystem::rename(frame, night.folder() / "away");
  std::atomic<int> failures{0};
  parallel_for(8, 4, [&](int) {
    try {
      cache.get(source, night.grid.tiles[0], 0, 6);
    } catch (const TransientError& e) {
      failures += std::string(e.what()).find(frame.filename().string()) != std::string::npos ? 1 : 0;
    }
  });
  EXPECT_EQ(failures, 8);
  std::filesystem::rename(night.folder() / "away", frame);
  EXPECT_NO_THROW(cache.get(source, night.grid.tiles[0], 0, 6));
}

TEST(FrameSource, AReplacedFrameIsRefused) {
  const SmallNight night;
  const auto frame = night.frames_dir() / night.manifest->frames[3].path;
  const auto other = night.frames_dir() / night.manifest->frames[4].path;
  std::filesystem::copy_file(other, frame, std::filesystem::copy_options::overwrite_existing);
  try {
    night.source().open(3);
    FAIL() << "no error";
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find(frame.filename().string()), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("SHA-256"), std::string::npos);
  }
  std::filesystem::resize_file(frame, 100);
  EXPECT_THROW(night.source().open(3), InputError);
}

}  // namespace
}  // namespace tilecompile

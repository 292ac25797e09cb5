#include "tilecompile/run/frame_bands.hpp"

#include <atomic>
#include <set>
#include <thread>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

// Samples of one cut-out against the frame read on its own.
void expect_cutout(const FrameBand& band, const Image& frame, int channel, int index, const Box& box) {
  const FrameCutout cutout = band.cutout(channel, index, box);
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
  const std::size_t column = FrameBand::size_bytes({0, 0, 1, 32}, 3, 3);
  for (const std::size_t limit : {std::size_t{0}, column, 80 * column, 140 * column, 400 * column}) {
    BandCache cache(std::make_shared<FrameSource>(night.source()), limit, limit == 0 ? 1 : 3);
    for (const int threads : {1, 4}) {
      parallel_for(static_cast<int>(night.grid.tiles.size()) * 2, threads, [&](int i) {
        const Box& box = night.grid.tiles[static_cast<std::size_t>(i) % night.grid.tiles.size()];
        const auto band = cache.get(box, 1, 3);
        ASSERT_TRUE(band->region().contains(box));
        for (int f = 1; f <= 3; ++f)
          for (int c = 0; c < 3; ++c) expect_cutout(*band, frames[static_cast<std::size_t>(f)], c, f, box);
      });
    }
  }
}

TEST(BandCache, NeighboursInARowShareOneBandWhenMemoryAllows) {
  const SmallNight night;
  BandCache cache(std::make_shared<FrameSource>(night.source()), std::size_t{1} << 30, 4);
  const auto first = cache.get(night.grid.tiles[0], 0, 6);
  EXPECT_EQ(first->region(), (Box{0, 0, 131, night.grid.size}));
  EXPECT_EQ(cache.get(night.grid.tiles[1], 0, 6), first);
  EXPECT_NE(cache.get(night.grid.tiles[1], 0, 5), first);
  EXPECT_EQ(cache.get(night.grid.tiles[2], 0, 6), first);
}

TEST(BandCache, SmallLimitsMakeNarrowBandsAndForgetOldOnes) {
  const SmallNight night;
  const std::size_t column = FrameBand::size_bytes({0, 0, 1, night.grid.size}, 1, 7);
  BandCache cache(std::make_shared<FrameSource>(night.source()), 20 * column, 1000);
  std::weak_ptr<const FrameBand> first = cache.get(night.grid.tiles.front(), 0, 6);
  for (const Box& tile : night.grid.tiles) EXPECT_LE(cache.get(tile, 0, 6)->region().w, 2 * night.grid.size);
  EXPECT_TRUE(first.expired());
}

TEST(BandCache, KeepsAtMostAsManyBandsAsToldTheLatestUsed) {
  const SmallNight night;
  BandCache cache(std::make_shared<FrameSource>(night.source()), std::size_t{1} << 30, 2);
  const Box& tile = night.grid.tiles[0];
  const std::weak_ptr<const FrameBand> first = cache.get(tile, 0, 1), second = cache.get(tile, 0, 2);
  EXPECT_FALSE(first.expired());
  cache.get(tile, 0, 1);
  cache.get(tile, 0, 3);
  EXPECT_FALSE(first.expired());
  EXPECT_TRUE(second.expired());
}

TEST(BandCache, AFrameThatCannotBeReadFailsEveryAskerAndHealsWithTheFrame) {
  const SmallNight night;
  const auto frame = night.frames_dir() / night.manifest->frames[2].path;
  BandCache cache(std::make_shared<FrameSource>(night.source()), std::size_t{1} << 30, 4);
  std::filesystem::rename(frame, night.folder() / "away");
  std::atomic<int> failures{0};
  parallel_for(8, 4, [&](int) {
    try {
      cache.get(night.grid.tiles[0], 0, 6);
    } catch (const TransientError& e) {
      failures += std::string(e.what()).find(frame.filename().string()) != std::string::npos ? 1 : 0;
    }
  });
  EXPECT_EQ(failures, 8);
  std::filesystem::rename(night.folder() / "away", frame);
  EXPECT_NO_THROW(cache.get(night.grid.tiles[0], 0, 6));
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

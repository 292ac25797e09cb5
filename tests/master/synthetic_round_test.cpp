#include "tilecompile/master/synthetic_round.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "tilecompile/master/tile_joiner.hpp"

namespace tilecompile {
namespace {

constexpr int kClusters = 5, kChannels = 2, kHole = 3;

Grid small_grid() {
  GridParams params;
  params.min_size = 16;
  params.size_factor = 0.1;
  params.overlap_fraction = 0.3;
  return build_grid(70, 45, 1, params);
}

TileFile random_tile(const Grid& grid, int id) {
  std::mt19937 random(static_cast<unsigned>(id));
  std::uniform_real_distribution<float> any(0.5f, 1.5f);
  TileFile file;
  file.tile_id = id;
  file.box = grid.tiles[static_cast<std::size_t>(id)];
  for (int p = 0; p < kClusters * kChannels; ++p) {
    for (Image* map : {&file.pixels, &file.weight, &file.variance, &file.effective_frames}) {
      auto& plane = map->emplace_back(file.box.w, file.box.h);
      for (float& v : plane.samples()) v = any(random);
    }
    for (float& v : file.pixels.back().samples())
      if (random() % 9 == 0) v = std::nanf("");
    file.coverage.emplace_back(file.box.w, file.box.h, 1 + id + p);
  }
  return file;
}

std::vector<std::uint32_t> bits_of(const CoaddChannel& channel) {
  std::vector<std::uint32_t> bits;
  for (const Plane<float>* map :
       {&channel.pixels, &channel.weight, &channel.variance, &channel.effective_frames})
    for (const float v : map->samples()) bits.push_back(std::bit_cast<std::uint32_t>(v));
  for (const std::int32_t frames : channel.coverage.samples())
    bits.push_back(static_cast<std::uint32_t>(frames));
  return bits;
}

template <class T>
void put_rows(const Plane<T>& rows, int y0, Plane<T>& image) {
  std::copy(rows.samples().begin(), rows.samples().end(), image.row(y0));
}

/// Whole synthetic frames, [cluster][channel], put together from the rows in which they come.
struct JoinedFrames {
  JoinedFrames(const Grid& grid, const SyntheticJoin& join)
      : frames(kClusters,
               std::vector<CoaddChannel>(kChannels, empty_channel(grid.image_width, grid.image_height))) {
    join_synthetic_frames([&](const ResultMessage& r) { return random_tile(grid, r.tile_id); }, join,
                          [&](int first, int y0, const auto& rows) {
                            passes += y0 == 0 ? 1 : 0;
                            for (std::size_t k = 0; k < rows.size(); ++k)
                              take(rows[k], y0, frames[static_cast<std::size_t>(first) + k]);
                          });
  }
  void take(const std::vector<CoaddChannel>& rows, int y0, std::vector<CoaddChannel>& frame) {
    for (std::size_t c = 0; c < rows.size(); ++c) {
      put_rows(rows[c].pixels, y0, frame[c].pixels);
      put_rows(rows[c].coverage, y0, frame[c].coverage);
      put_rows(rows[c].weight, y0, frame[c].weight);
      put_rows(rows[c].variance, y0, frame[c].variance);
      put_rows(rows[c].effective_frames, y0, frame[c].effective_frames);
    }
  }
  std::vector<std::vector<CoaddChannel>> frames;
  int passes = 0;
};

// Against one overlap-add of whole images a plane.
TEST(SyntheticRound, FramesAreTheSameInAnyNumberOfPassesAndThreads) {
  const Grid grid = small_grid();
  std::vector<ResultMessage> results(grid.tiles.size());
  std::vector<OverlapAdd> expected(kClusters * kChannels, OverlapAdd(grid));
  for (int t = 0; t < static_cast<int>(results.size()); ++t) {
    if (t == kHole) continue;
    results[static_cast<std::size_t>(t)].tile_id = t;
    results[static_cast<std::size_t>(t)].data_checksum = "there";
    const TileFile file = random_tile(grid, t);
    for (std::size_t p = 0; p < expected.size(); ++p) expected[p].add(t, coadd_tile(file, p), {});
  }
  std::vector<std::vector<std::uint32_t>> bits;
  for (OverlapAdd& sum : expected) bits.push_back(bits_of(sum.finish()));
  const std::size_t a_frame = joining_bytes(grid, kChannels);
  for (const int threads : {1, 3})
    for (const auto& [memory, passes] :
         {std::pair{a_frame * 100, 1}, {a_frame * 3, 2}, {a_frame * 2, 3}, {a_frame / 2, kClusters}}) {
      SyntheticJoin join{&grid, &results, kClusters, kChannels};
      join.memory_limit_bytes = memory;
      join.threads = threads;
      const JoinedFrames joined(grid, join);
      EXPECT_EQ(joined.passes, passes);
      for (std::size_t p = 0; p < bits.size(); ++p)
        ASSERT_EQ(bits_of(joined.frames[p / kChannels][p % kChannels]), bits[p])
            << "plane " << p << ", " << passes << " passes, " << threads << " threads";
    }
}

}  // namespace
}  // namespace tilecompile

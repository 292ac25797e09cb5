#include "tilecompile/master/tile_joiner.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "same_bits.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using Rescale = ReconstructionParams::TileRescale;

Grid grid_of(int width, int height) {
  GridParams params;
  params.min_size = 16;
  params.size_factor = 0.1;
  params.overlap_fraction = 0.3;
  return build_grid(width, height, 1, params);
}

TileFile random_tile(const Grid& grid, int id, int channels) {
  std::mt19937 rng(static_cast<unsigned>(id));
  std::uniform_real_distribution<float> any(0.5f, 1.5f);
  TileFile file;
  file.tile_id = id;
  file.box = grid.tiles[static_cast<std::size_t>(id)];
  for (int c = 0; c < channels; ++c) {
    Plane<float> p(file.box.w, file.box.h);
    for (float& v : p.samples()) v = any(rng);
    file.pixels.push_back(p);
    file.weight.push_back(p);
    file.variance.push_back(p);
    file.effective_frames.push_back(p);
    file.coverage.emplace_back(file.box.w, file.box.h, id);
    file.quality.push_back({0.5 * id, -1});
    file.frame_weight.push_back({1.0 + id, 2});
    file.rejected_low.push_back({0, 1});
    file.rejected_high.push_back({1.0 * id, 0});
  }
  return file;
}

ResultMessage result_of(int id, int channels) {
  ResultMessage r;
  r.tile_id = id;
  r.tile_median.assign(static_cast<std::size_t>(channels), 0.01 * (1 + id % 7));
  r.tile_background.assign(static_cast<std::size_t>(channels), 1 + 0.001 * id);
  return r;
}

std::vector<CoaddChannel> join(const Grid& grid, int channels, Rescale rescale, const std::vector<int>& order,
                               int* reloads, std::size_t most_held_bytes = TileJoiner::kMostHeldBytes) {
  const Image reference(static_cast<std::size_t>(channels),
                        Plane<float>(grid.image_width, grid.image_height, 1.25F));
  TileJoiner joiner(
      grid, reference, rescale,
      [&](const ResultMessage& r) {
        ++*reloads;
        return random_tile(grid, r.tile_id, channels);
      },
      most_held_bytes);
  for (const int id : order) joiner.accept(result_of(id, channels), random_tile(grid, id, channels));
  auto joined = joiner.finish();
  for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
    EXPECT_EQ(joiner.quality()[0][t], (std::vector<double>{0.5 * static_cast<double>(t), -1}));
    EXPECT_EQ(joiner.frame_weight()[0][t], (std::vector<double>{1.0 + static_cast<double>(t), 2}));
    EXPECT_EQ(joiner.results()[t].tile_id, static_cast<int>(t));
  }
  const double tiles = static_cast<double>(grid.tiles.size());
  EXPECT_EQ(joiner.rejected_low()[0], (std::vector<double>{0, tiles}));
  EXPECT_EQ(joiner.rejected_high()[0], (std::vector<double>{tiles * (tiles - 1) / 2, 0}));
  return joined;
}

TEST(TileJoiner, OrderOfArrivalNeverReachesAPixel) {
  const Grid grid = grid_of(61, 43);
  std::vector<int> ascending(grid.tiles.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  for (const Rescale rescale :
       {Rescale::kNone, Rescale::kMedianAfterBackgroundSubtraction, Rescale::kReference})
    for (const int channels : {1, 3}) {
      int reloads = 0;
      const auto expected = join(grid, channels, rescale, ascending, &reloads);
      std::mt19937 rng(4);
      for (int i = 0; i < 6; ++i) {
        std::vector<int> order = ascending;
        if (i == 0) {
          std::reverse(order.begin(), order.end());
        } else {
          std::shuffle(order.begin(), order.end(), rng);
        }
        const auto joined = join(grid, channels, rescale, order, &reloads);
        ASSERT_EQ(joined.size(), static_cast<std::size_t>(channels));
        for (std::size_t c = 0; c < joined.size(); ++c) {
          expect_same_bits(joined[c].pixels, expected[c].pixels, "pixels");
          expect_same_bits(joined[c].weight, expected[c].weight, "weight");
          expect_same_bits(joined[c].variance, expected[c].variance, "variance");
          expect_same_bits(joined[c].effective_frames, expected[c].effective_frames, "effective frames");
          EXPECT_EQ(joined[c].coverage.samples(), expected[c].coverage.samples());
        }
      }
    }
}

TEST(TileJoiner, ATileThatCannotBeLoadedNowIsAddedLater) {
  const Grid grid = grid_of(61, 43);
  std::vector<int> descending(grid.tiles.size());
  std::iota(descending.rbegin(), descending.rend(), 0);
  int reloads = 0;
  const auto expected = join(grid, 1, Rescale::kReference, descending, &reloads);
  const Image reference(1, Plane<float>(grid.image_width, grid.image_height, 1.25F));
  bool away = true;
  TileJoiner joiner(
      grid, reference, Rescale::kReference,
      [&](const ResultMessage& r) {
        if (away && r.tile_id == 2) throw InputError("another object lies there");
        return random_tile(grid, r.tile_id, 1);
      },
      0);
  for (const int id : descending) joiner.accept(result_of(id, 1), random_tile(grid, id, 1));
  EXPECT_THROW(joiner.finish(), InputError);
  away = false;
  expect_same_bits(joiner.finish()[0].pixels, expected[0].pixels, "pixels");
}

TEST(TileJoiner, ARevokedTileLeavesNothingBehind) {
  const Grid grid = grid_of(61, 43);
  const int tiles = static_cast<int>(grid.tiles.size());
  std::vector<int> ascending(grid.tiles.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  int reloads = 0;
  const auto expected = join(grid, 1, Rescale::kReference, ascending, &reloads);
  const Image reference(1, Plane<float>(grid.image_width, grid.image_height, 1.25F));
  TileJoiner joiner(grid, reference, Rescale::kReference,
                    [&](const ResultMessage& r) { return random_tile(grid, r.tile_id, 1); });
  // One was added to the sums already, the other waits for its turn.
  for (const int id : {0, 1, 2, 3, 6}) {
    TileFile file = random_tile(grid, id, 1);
    if (id == 2 || id == 6) {
      for (float& v : file.pixels[0].samples()) v *= 1.05F;
      file.rejected_low[0] = {7, 7};
    }
    joiner.accept(result_of(id, 1), std::move(file));
  }
  joiner.revoke(2);
  joiner.revoke(6);
  EXPECT_TRUE(joiner.results()[2].data_checksum.empty());
  for (int id = 2; id < tiles; ++id)
    if (id != 3) joiner.accept(result_of(id, 1), random_tile(grid, id, 1));
  const auto joined = joiner.finish();
  expect_same_bits(joined[0].pixels, expected[0].pixels, "pixels");
  expect_same_bits(joined[0].variance, expected[0].variance, "variance");
  EXPECT_EQ(joiner.rejected_low()[0], (std::vector<double>{0, static_cast<double>(tiles)}));
}

TEST(TileJoiner, TilesBeyondTheHoldAreLoadedAgainWithTheSameBits) {
  const Grid grid = grid_of(131, 111);
  const int tiles = static_cast<int>(grid.tiles.size());
  ASSERT_GT(tiles, 30);
  std::vector<int> ascending(grid.tiles.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  const std::vector<int> descending(ascending.rbegin(), ascending.rend());
  for (const int channels : {1, 3}) {
    const std::size_t tile_bytes = planes_bytes(random_tile(grid, 0, channels));
    EXPECT_EQ(tile_bytes, grid.tiles[0].area() * static_cast<std::size_t>(channels) * 20);
    int none = 0;
    const auto expected = join(grid, channels, Rescale::kNone, ascending, &none);
    EXPECT_EQ(none, 0);
    for (const int held : {0, 1, 10}) {
      int some = 0;
      const auto joined = join(grid, channels, Rescale::kNone, descending, &some,
                               static_cast<std::size_t>(held) * tile_bytes + tile_bytes / 2);
      EXPECT_EQ(some, tiles - held - 1) << "all but those held and the one that was waited for";
      expect_same_bits(joined[0].pixels, expected[0].pixels, "pixels");
    }
  }
}

TEST(TileJoiner, AMissingTileIsNotJoinedOver) {
  const Grid grid = grid_of(40, 23);
  const Image reference(1, Plane<float>(40, 23));
  TileJoiner joiner(grid, reference, Rescale::kNone, [&](const ResultMessage&) { return TileFile{}; });
  for (int id = 1; id < static_cast<int>(grid.tiles.size()); ++id)
    joiner.accept(result_of(id, 1), random_tile(grid, id, 1));
  EXPECT_THROW(joiner.finish(), ContractError);
}

TEST(TileJoiner, ASkippedTileIsAHoleAndTheOthersKeepTheirBits) {
  const Grid grid = grid_of(61, 43);
  std::vector<int> ascending(grid.tiles.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  for (const Rescale rescale : {Rescale::kNone, Rescale::kMedianAfterBackgroundSubtraction}) {
    int reloads = 0;
    const auto whole = join(grid, 1, rescale, ascending, &reloads);
    const Image reference(1, Plane<float>(61, 43));
    TileJoiner joiner(grid, reference, rescale,
                      [&](const ResultMessage& r) { return random_tile(grid, r.tile_id, 1); });
    for (const int id : ascending)
      if (id != 0) joiner.accept(result_of(id, 1), random_tile(grid, id, 1));
    joiner.skip(0);
    const auto joined = joiner.finish();
    EXPECT_TRUE(std::isnan(joined[0].pixels.at(0, 0)));
    EXPECT_EQ(joined[0].coverage.at(0, 0), 0);
    if (rescale != Rescale::kNone) continue;
    const Box& hole = grid.tiles[0];
    for (int y = 0; y < 43; ++y)
      for (int x = 0; x < 61; ++x) {
        if (x < hole.x1() && y < hole.y1()) continue;
        ASSERT_EQ(joined[0].pixels.at(x, y), whole[0].pixels.at(x, y)) << x << " " << y;
      }
  }
}

}  // namespace
}  // namespace tilecompile

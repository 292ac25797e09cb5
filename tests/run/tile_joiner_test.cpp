#include "tilecompile/run/tile_joiner.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "small_night.hpp"
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

TEST(MedianScales, BringEveryTileToTheMedianOfMedians) {
  const auto scales = median_scales({0.2, 0.1, 0.4, 1e-7, -0.2}, {1, 2, 3, 4, 5});
  EXPECT_DOUBLE_EQ(scales[0].scale, 0.5);
  EXPECT_DOUBLE_EQ(scales[1].scale, 1);
  EXPECT_DOUBLE_EQ(scales[2].scale, 0.25);
  EXPECT_EQ(scales[3].scale, 1);
  EXPECT_DOUBLE_EQ(scales[4].scale, -0.5);
  EXPECT_EQ(scales[2].background, 3);
}

// Noise of 1 around a level, on `share` of the plane `bright` above it.
Plane<float> noisy(double level, double share, double bright, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> noise(static_cast<float>(level), 1);
  Plane<float> p(60, 50);
  for (int y = 0; y < 50; ++y)
    for (int x = 0; x < 60; ++x)
      p.at(x, y) = noise(rng) + (y < 50 * share ? static_cast<float>(bright) : 0.0F);
  return p;
}

TEST(ReferenceScale, BringsATileToTheLevelOfTheReferenceWithoutScalingIt) {
  Plane<float> tile = noisy(100, 0, 0, 1), reference = noisy(103, 0, 0, 2);
  for (int x = 0; x < 20; ++x) tile.at(x, 3) = reference.at(x, 4) = std::nanf("");
  tile.at(30, 30) += 5000;  // a star of another brightness must not pull the level
  const TileScale scale = reference_scale(tile.view(), reference.view());
  EXPECT_EQ(scale.scale, 1);
  EXPECT_NEAR(scale.offset, 3, 0.1);
}

TEST(ReferenceScale, DoesNotScaleATileWhoseMedianIsItsSky) {
  // 40 % of the tile lie far above the rest, brighter in the reference.
  const Plane<float> tile = noisy(100, 0.4, 100, 1), reference = noisy(100, 0.4, 110, 2);
  EXPECT_EQ(reference_scale(tile.view(), reference.view()).scale, 1) << "the medians are those of the sky";
}

// Half sky, half a nebula that fades from 1000 to 0 in the tile: the level is the sky's, the median lies in
// the nebula.
Plane<float> nebula(double brightness, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> noise(100, 1);
  Plane<float> p(60, 50);
  for (int y = 0; y < 50; ++y)
    for (int x = 0; x < 60; ++x)
      p.at(x, y) = noise(rng) + static_cast<float>(y < 22 ? 0 : brightness * 1000 * (y - 21) / 28);
  return p;
}

TEST(ReferenceScale, ScalesATileToTheReferenceWithinItsLimits) {
  const Plane<float> tile = nebula(1, 1);
  const auto scale = [&](double brightness) {
    return reference_scale(tile.view(), nebula(brightness, 2).view()).scale;
  };
  for (const double between : {0.82, 0.9, 1.1, 1.23}) EXPECT_NEAR(scale(between), between, 0.015);
  EXPECT_EQ(scale(1.4), 1.25);
  EXPECT_EQ(scale(3), 1.25);
  EXPECT_EQ(scale(0.7), 0.8);
  EXPECT_EQ(scale(0.2), 0.8);
}

TEST(ReferenceScale, ScalesNothingThatDoesNotStandOutOfItsNoise) {
  const double faint = 8.0 / 250;  // the median of the nebula at some sigma
  EXPECT_EQ(reference_scale(nebula(faint, 1).view(), nebula(1.1 * faint, 2).view()).scale, 1);
  EXPECT_EQ(reference_scale(nebula(1, 1).view(), nebula(faint, 2).view()).scale, 1);
  EXPECT_EQ(reference_scale(nebula(faint, 1).view(), nebula(1, 2).view()).scale, 1);
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/coadd/overlap_add.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

std::uint32_t pixel_bits(float v) { return std::bit_cast<std::uint32_t>(v); }

Grid grid_of(int width, int height, int size, double overlap) {
  GridParams params;
  params.min_size = size;
  params.size_factor = 0.1;
  params.overlap_fraction = overlap;
  return build_grid(width, height, 1, params);
}

struct Tile {
  Plane<float> pixels, weight;
  Plane<std::int32_t> coverage;
  Plane<float> variance, effective_frames;
  CoaddTile view() const { return {&pixels, &coverage, &weight, &variance, &effective_frames}; }
};

Tile flat(const Box& box, float value) {
  return {Plane<float>(box.w, box.h, value), Plane<float>(box.w, box.h, 2.0f),
          Plane<std::int32_t>(box.w, box.h, 7), Plane<float>(box.w, box.h, 0.5f),
          Plane<float>(box.w, box.h, 3.0f)};
}

std::vector<Tile> random_tiles(const Grid& grid) {
  std::mt19937 rng(11);
  std::uniform_real_distribution<float> any(0.5f, 2.0f);
  std::vector<Tile> tiles;
  for (const Box& box : grid.tiles) {
    Tile t = flat(box, 0);
    for (float& v : t.pixels.samples()) v = rng() % 6 == 0 ? std::nanf("") : any(rng);
    for (Plane<float>* map : {&t.weight, &t.variance, &t.effective_frames})
      for (float& v : map->samples()) v = any(rng);
    for (auto& v : t.coverage.samples()) v = static_cast<std::int32_t>(rng() % 30);
    tiles.push_back(std::move(t));
  }
  return tiles;
}

// Windows written down once more, from the text of the method.
double naive_window(int i, int size, bool at_start, bool at_end) {
  const double half = size / 2.0;
  if ((at_start && i + 0.5 < half) || (at_end && i + 0.5 > half)) return 1;
  return 0.5 * (1 - exact_cos_turns((i + 0.5) / size));
}

TEST(AxisWindow, HannWithOuterHalvesOne) {
  for (const int size : {1, 2, 16, 17, 64})
    for (const bool start : {false, true})
      for (const bool end : {false, true}) {
        const auto window = axis_window(size, start, end);
        ASSERT_EQ(window.size(), static_cast<std::size_t>(size));
        for (int i = 0; i < size; ++i)
          EXPECT_NEAR(window[static_cast<std::size_t>(i)], naive_window(i, size, start, end), 1e-15)
              << size << " " << i << start << end;
      }
}

void compare_with_obvious_loops() {
  for (const auto& [w, h] : {std::pair{40, 23}, {23, 40}, {41, 17}}) {
    const Grid grid = grid_of(w, h, 16, 0.3);
    ASSERT_GT(grid.tiles.size(), 2u);
    const auto tiles = random_tiles(grid);
    std::vector<TileScale> scales;
    for (std::size_t t = 0; t < tiles.size(); ++t)
      scales.push_back({1 + 0.01 * static_cast<double>(t), 0.5 + 0.1 * static_cast<double>(t),
                        0.003 * static_cast<double>(t)});
    OverlapAdd sum(grid);
    for (std::size_t t = 0; t < tiles.size(); ++t) sum.add(static_cast<int>(t), tiles[t].view(), scales[t]);
    const CoaddChannel result = sum.finish();
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < w; ++x) {
        double value = 0, window_sum = 0, weight = 0, weight_sum = 0, variance = 0, frames = 0;
        std::int32_t coverage = 0;
        for (std::size_t t = 0; t < tiles.size(); ++t) {
          const Box& b = grid.tiles[t];
          if (x < b.x0 || x >= b.x1() || y < b.y0 || y >= b.y1()) continue;
          const auto across = axis_window(b.w, b.x0 == 0, b.x1() == w);
          const auto down = axis_window(b.h, b.y0 == 0, b.y1() == h);
          const double window =
              down[static_cast<std::size_t>(y - b.y0)] * across[static_cast<std::size_t>(x - b.x0)];
          weight += window * tiles[t].weight.at(x - b.x0, y - b.y0);
          weight_sum += window;
          frames += window * tiles[t].effective_frames.at(x - b.x0, y - b.y0);
          coverage = tiles[t].coverage.at(x - b.x0, y - b.y0);
          const float v = tiles[t].pixels.at(x - b.x0, y - b.y0);
          if (std::isnan(v)) continue;
          const TileScale& s = scales[t];
          value += window * ((v - s.background) * s.scale + s.background + s.offset);
          variance += window * s.scale * s.scale * tiles[t].variance.at(x - b.x0, y - b.y0);
          window_sum += window;
        }
        ASSERT_GT(weight_sum, 0) << x << " " << y;
        ASSERT_EQ(pixel_bits(result.weight.at(x, y)), pixel_bits(static_cast<float>(weight / weight_sum)));
        ASSERT_EQ(pixel_bits(result.effective_frames.at(x, y)),
                  pixel_bits(static_cast<float>(frames / weight_sum)));
        ASSERT_EQ(result.coverage.at(x, y), coverage);
        if (window_sum > 0) {
          ASSERT_EQ(pixel_bits(result.variance.at(x, y)),
                    pixel_bits(static_cast<float>(variance / window_sum)));
          ASSERT_EQ(pixel_bits(result.pixels.at(x, y)), pixel_bits(static_cast<float>(value / window_sum)));
        } else {
          ASSERT_TRUE(std::isnan(result.pixels.at(x, y)));
        }
      }
  }
}

TEST(OverlapAdd, AgreesWithObviousLoopsBitByBitOnASmallGrid) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    compare_with_obvious_loops();
  }
  set_vector_level(widest_vector_level());
}

TEST(OverlapAdd, ConstantTilesGiveAConstantImageWhereverCovered) {
  for (const double overlap : {0.0, 0.1, 0.25, 0.5})
    for (const auto& [w, h] : {std::pair{97, 61}, {61, 97}, {16, 16}, {9, 40}, {128, 64}}) {
      const Grid grid = grid_of(w, h, 16, overlap);
      OverlapAdd sum(grid);
      for (std::size_t t = 0; t < grid.tiles.size(); ++t)
        sum.add(static_cast<int>(t), flat(grid.tiles[t], 1.7f).view(), {});
      const CoaddChannel result = sum.finish();
      for (int y = 0; y < h; ++y)
        for (int x = 0; x < w; ++x) {
          ASSERT_EQ(result.pixels.at(x, y), 1.7f)
              << w << "x" << h << " overlap " << overlap << " " << x << " " << y;
          ASSERT_EQ(result.weight.at(x, y), 2.0f);
          ASSERT_EQ(result.coverage.at(x, y), 7);
        }
    }
}

TEST(OverlapAdd, RejectedLightIsJoinedByTheSameWindows) {
  const Grid grid = grid_of(61, 47, 16, 0.25);
  OverlapAdd sum(grid);
  for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
    const Tile tile = flat(grid.tiles[t], 1);
    const Plane<float> low(16, 16, -4.0F), high(16, 16, static_cast<float>(t));
    CoaddTile view = tile.view();
    view.light_low = &low;
    view.light_high = &high;
    sum.add(static_cast<int>(t), view, {});
  }
  const CoaddChannel joined = sum.finish();
  for (const float v : joined.light_low.samples()) EXPECT_NEAR(v, -4, 1e-6);
  EXPECT_EQ(joined.light_high.at(3, 3), 0) << "the first tile alone";
  EXPECT_EQ(joined.light_high.at(60, 46), static_cast<float>(grid.tiles.size() - 1)) << "the last one";
  const float between = joined.light_high.at(14, 3);
  EXPECT_GT(between, 0);
  EXPECT_LT(between, 1);
}

TEST(OverlapAdd, EveryValueLiesBetweenThoseOfItsTiles) {
  const Grid grid = grid_of(61, 43, 16, 0.5);
  OverlapAdd sum(grid);
  for (std::size_t t = 0; t < grid.tiles.size(); ++t)
    sum.add(static_cast<int>(t), flat(grid.tiles[t], static_cast<float>(t)).view(), {});
  const CoaddChannel result = sum.finish();
  for (int y = 0; y < 43; ++y)
    for (int x = 0; x < 61; ++x) {
      float low = 1e9f, high = -1;
      for (std::size_t t = 0; t < grid.tiles.size(); ++t)
        if (grid.tiles[t].contains({x, y, 1, 1})) {
          low = std::min(low, static_cast<float>(t));
          high = std::max(high, static_cast<float>(t));
        }
      ASSERT_GE(result.pixels.at(x, y), low);
      ASSERT_LE(result.pixels.at(x, y), high);
    }
}

TEST(OverlapAdd, OrderIsEnforcedAndHolesStayEmpty) {
  const Grid grid = grid_of(40, 23, 16, 0);
  OverlapAdd sum(grid);
  sum.add(1, flat(grid.tiles[1], 1).view(), {});
  EXPECT_THROW(sum.add(1, flat(grid.tiles[1], 1).view(), {}), ContractError);
  EXPECT_THROW(sum.add(0, flat(grid.tiles[0], 1).view(), {}), ContractError);
  EXPECT_THROW(sum.add(static_cast<int>(grid.tiles.size()), flat(grid.tiles[0], 1).view(), {}),
               ContractError);
  const CoaddChannel result = sum.finish();
  EXPECT_TRUE(std::isnan(result.pixels.at(0, 0)));
  EXPECT_EQ(result.coverage.at(0, 0), 0);
  EXPECT_EQ(result.weight.at(0, 0), 0);
  EXPECT_EQ(result.pixels.at(grid.tiles[1].x0 + 3, 3), 1);
}

}  // namespace
}  // namespace tilecompile

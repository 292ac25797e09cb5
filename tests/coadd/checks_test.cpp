#include "tilecompile/coadd/checks.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

const double kNan = std::nan("");

Manifest frames_of(int count, double exposure_s = 60) {
  Manifest manifest;
  for (int i = 0; i < count; ++i) {
    ManifestEntry entry;
    entry.facts.width = 90;
    entry.facts.height = 70;
    entry.facts.channels = 1;
    entry.facts.exposure_s = exposure_s;
    manifest.frames.push_back(entry);
  }
  return manifest;
}

// Names of the header checks that do not hold.
std::vector<std::string> broken(const Manifest& manifest, const DataParams& data) {
  std::vector<std::string> names;
  for (const NamedCheck& check : header_checks(manifest, data))
    if (!check.passed) names.push_back(check.name);
  return names;
}

TEST(Checks, Headers) {
  DataParams data;
  data.frames_min = 3;
  const std::vector<std::string> none, few = {"frames_min"}, shape = {"one_shape"},
                                       exposure = {"exposure_tolerance"};
  EXPECT_EQ(broken(frames_of(3), data), none);
  EXPECT_EQ(broken(frames_of(2), data), few);
  Manifest manifest = frames_of(3);
  manifest.frames[1].facts.width = 91;
  EXPECT_EQ(broken(manifest, data), shape);
  manifest = frames_of(3);
  manifest.frames[1].facts.exposure_s = 63.1;
  EXPECT_EQ(broken(manifest, data), exposure);
  manifest.frames[1].facts.exposure_s = kNan;
  EXPECT_EQ(broken(manifest, data), none);
  EXPECT_EQ(broken(frames_of(3, kNan), data), none);
}

TEST(Checks, WeightsSumToOne) {
  GlobalMetricsParams params;
  EXPECT_TRUE(check_weights_sum(params).passed);
  params.weight_noise += 2e-9;
  EXPECT_FALSE(check_weights_sum(params).passed);
}

TEST(Checks, BackgroundIsPositive) {
  FrameMetrics metrics;
  metrics.channels.assign(3, std::vector<FrameChannel>(4));
  for (auto& channel : metrics.channels)
    for (auto& frame : channel) frame.background = 400;
  EXPECT_TRUE(check_background_positive(metrics, {}).passed);
  for (const double bad : {0.0, -1.0, 1e-6, kNan}) {
    metrics.channels[2][3].background = bad;
    EXPECT_FALSE(check_background_positive(metrics, {}).passed) << bad;
  }
  NormalizationParams subtracting;
  subtracting.mode = NormalizationParams::Mode::kPhotometric;
  metrics.channels[2][3].background = -500;
  EXPECT_TRUE(check_background_positive(metrics, subtracting).passed);
}

TEST(Checks, GridsOfAllSizesCoverTheirImageWithPositiveWindows) {
  for (const auto& [w, h] : {std::pair{131, 97}, {640, 480}, {1999, 13}, {16, 16}, {67, 301}})
    for (const double overlap : {0.0, 0.25, 0.5}) {
      GridParams params;
      params.min_size = 16;
      params.overlap_fraction = overlap;
      const Grid grid = build_grid(w, h, 1.5, params);
      EXPECT_TRUE(check_grid_covers_image(grid).passed) << w << " " << h << " " << overlap;
      EXPECT_TRUE(check_window_sum_positive(grid).passed)
          << w << " " << h << " " << overlap << ": " << check_window_sum_positive(grid).text;
    }
}

TEST(Checks, HolesInAGridAreFound) {
  GridParams params;
  params.min_size = 16;
  const Grid good = build_grid(131, 97, 1, params);
  ASSERT_GT(good.tiles.size(), 4u);
  Grid grid = good;
  grid.tiles.pop_back();
  EXPECT_FALSE(check_grid_covers_image(grid).passed);
  EXPECT_FALSE(check_window_sum_positive(grid).passed);
  grid = good;
  grid.tiles[1] = grid.tiles[0];
  EXPECT_FALSE(check_grid_covers_image(grid).passed);
  grid = good;
  ++grid.image_width;
  EXPECT_FALSE(check_grid_covers_image(grid).passed);
  grid = good;
  for (Box& tile : grid.tiles) ++tile.x0;
  EXPECT_FALSE(check_grid_covers_image(grid).passed);
}

TEST(Checks, EveryTileAndEveryFrameTakesPart) {
  EXPECT_TRUE(check_tiles_complete(5, 0, 5).passed);
  EXPECT_TRUE(check_tiles_complete(3, 2, 5).passed);
  EXPECT_FALSE(check_tiles_complete(4, 0, 5).passed);
  std::vector<std::vector<std::vector<double>>> weights(2, {{1, 2, 3}, {0.1, 1e-9, 7}});
  EXPECT_TRUE(check_every_frame_weighted(weights, 3, 0).passed);
  EXPECT_FALSE(check_every_frame_weighted(weights, 4, 0).passed);
  for (const double bad : {0.0, -1.0, kNan, HUGE_VAL}) {
    weights[1][1][2] = bad;
    const NamedCheck check = check_every_frame_weighted(weights, 3, 0);
    EXPECT_FALSE(check.passed) << bad;
    EXPECT_NE(check.text.find("1 of 12"), std::string::npos) << check.text;
  }
}

TEST(Checks, ClustersHaveFramesAndFramesHaveClusters) {
  EXPECT_TRUE(check_clusters_not_empty({2, {0, 1, 0}}, 3).passed);
  EXPECT_FALSE(check_clusters_not_empty({3, {0, 1, 0}}, 3).passed);
  EXPECT_FALSE(check_clusters_not_empty({2, {0, 1, 2}}, 3).passed);
  EXPECT_FALSE(check_clusters_not_empty({2, {0, 1}}, 3).passed);
  EXPECT_FALSE(check_clusters_not_empty({0, {}}, 3).passed);
}

TEST(Checks, CoveredPixelsAreFinite) {
  CoaddChannel channel{
      Plane<float>(5, 3, 1.0F), Plane<std::int32_t>(5, 3, 2), Plane<float>(5, 3, 1.0F), {}, {}};
  EXPECT_TRUE(check_finite_where_covered("a", "b", {channel, channel}).passed);
  channel.pixels.at(4, 2) = std::nanf("");
  EXPECT_FALSE(check_finite_where_covered("a", "b", {channel}).passed);
  channel.coverage.at(4, 2) = 0;
  EXPECT_TRUE(check_finite_where_covered("a", "b", {channel}).passed);
}

}  // namespace
}  // namespace tilecompile

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "simulate/simulated_scene.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/simulate/simulate.hpp"

namespace tilecompile {
namespace {

SimulateOptions empty_field() {
  SimulateOptions options;
  options.frames = 10;
  options.width = 320;
  options.height = 240;
  options.stars = 0;
  options.nebula = false;
  options.hot_pixel_fraction = options.trail_probability = options.cosmic_rays = options.clouds = 0;
  options.threads = 1;
  return options;
}

Plane<float> rendered(const SimulateOptions& options, int frame) {
  const auto conditions = make_conditions(options);
  return render_frame(make_scene(options), conditions[static_cast<std::size_t>(frame)], options, frame, 0);
}

double mean_around(const Plane<float>& plane, int x0, int y0) {
  double sum = 0;
  for (int y = y0 - 8; y < y0 + 8; ++y)
    for (int x = x0 - 8; x < x0 + 8; ++x) sum += plane.at(x, y) / 256.0;
  return sum;
}

TEST(SimulateSky, FramesHaveTheSkyThatTheTruthSays) {
  SimulateOptions options = empty_field();
  options.night_sky = {.gradient = 1, .vignetting = 0.4, .second_session = 0.5};
  const auto conditions = make_conditions(options);
  double least = 1e9, most = 0;
  for (const int f : {0, 4, 5, 9}) {
    const Plane<float> plane = rendered(options, f);
    for (const int x : {60, 160, 250})
      for (const int y : {60, 180}) {
        const double sky = true_sky(conditions[static_cast<std::size_t>(f)], options, x, y);
        if (plane.at(x - 8, y - 8) == 0 || plane.at(x + 7, y + 7) == 0 || plane.at(x - 8, y + 7) == 0)
          continue;
        EXPECT_NEAR(mean_around(plane, x, y), sky, 0.03 * sky + 5) << f << " " << x << " " << y;
        least = std::min(least, sky);
        most = std::max(most, sky);
      }
  }
  EXPECT_GT(most, 2 * least);
}

TEST(SimulateSky, MoonlightTurnsAndDawnComesLast) {
  SimulateOptions options = empty_field();
  options.night_sky.gradient = 1;
  const auto conditions = make_conditions(options);
  const auto& first = conditions.front().light.gradient;
  const auto& middle = conditions[7].light.gradient;
  const double along = (first[0] * middle[0] + first[1] * middle[1]) /
                       std::sqrt((first[0] * first[0] + first[1] * first[1]) *
                                 (middle[0] * middle[0] + middle[1] * middle[1]));
  EXPECT_LT(along, -0.2);  // 0.4 turns a night
  EXPECT_GT(conditions.back().sky_adu, 1.5 * conditions[7].sky_adu);
}

TEST(SimulateSky, VignettingStaysOnTheDetector) {
  SimulateOptions options = empty_field();
  options.night_sky.vignetting = 0.5;
  options.drift_px = 60;
  const auto conditions = make_conditions(options);
  const auto flat = [&](std::size_t f, double x, double y) {
    const SimulatedConditions& c = conditions[f];
    return true_sky(c, options, x + c.dx, y + c.dy) /
           (c.sky_adu + c.sky_slope_x * (2 * (x + c.dx) / 320 - 1) +
            c.sky_slope_y * (2 * (y + c.dy) / 240 - 1));
  };
  ASSERT_GT(conditions.back().dx - conditions.front().dx, 30);
  EXPECT_NEAR(flat(0, 159.5, 119.5), 1, 1e-9);
  EXPECT_NEAR(flat(0, -0.5, -0.5), 0.5, 1e-9);
  EXPECT_NEAR(flat(0, 40, 200), flat(9, 40, 200), 1e-9);
}

TEST(SimulateSky, TheSecondSessionCoversAboutHalfOfTheField) {
  SimulateOptions options = empty_field();
  options.drift_px = 0;
  options.night_sky.second_session = 0.3;
  const auto covered = [](const Plane<float>& plane) {
    const auto zeros = std::count(plane.samples().begin(), plane.samples().end(), 0.0F);
    return 1 - static_cast<double>(zeros) / static_cast<double>(plane.size());
  };
  const auto conditions = make_conditions(options);
  for (int f = 0; f < 10; ++f)
    EXPECT_EQ(conditions[static_cast<std::size_t>(f)].light.second_session, f >= 7);
  EXPECT_EQ(covered(rendered(options, 6)), 1);
  EXPECT_NEAR(covered(rendered(options, 7)), 0.45, 0.1);
}

TEST(SimulateSky, TheTrueSkyIsWrittenWhereThereIsOne) {
  TempDir folder;
  SimulateOptions options = empty_field();
  options.frames = 2;
  simulate(options, folder / "plain");
  EXPECT_FALSE(std::filesystem::exists(folder / "plain" / "sky_field.fits"));
  options.night_sky.gradient = 0.5;
  simulate(options, folder / "moon");
  EXPECT_TRUE(std::filesystem::exists(folder / "moon" / "sky_field.fits"));
  options.night_sky.vignetting = 1;
  EXPECT_THROW(simulate(options, folder / "none"), UsageError);
}

}  // namespace
}  // namespace tilecompile

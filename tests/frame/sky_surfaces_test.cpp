#include "tilecompile/frame/sky_surfaces.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace tilecompile {
namespace {

constexpr int kSkyWidth = 640, kSkyHeight = 480;

// Skies of frames as functions of the place, seen by their samples alone.
struct SampledNight {
  SkyMesh mesh = sky_mesh(kSkyWidth, kSkyHeight);
  std::vector<std::function<double(double, double)>> sky;
  std::vector<std::function<bool(double, double)>> covers;

  void add(std::function<double(double, double)> of_frame) {
    add(std::move(of_frame), [](double, double) { return true; });
  }
  void add(std::function<double(double, double)> of_frame, std::function<bool(double, double)> where) {
    sky.push_back(std::move(of_frame));
    covers.push_back(std::move(where));
  }
  std::vector<std::vector<double>> fitted() const {
    std::vector<std::vector<SkySample>> samples(sky.size());
    const int across = 3 * mesh.across, down = 3 * mesh.down;
    for (int j = 0; j < down; ++j)
      for (int i = 0; i < across; ++i) {
        const double x = (i + 0.5) * kSkyWidth / across - 0.5, y = (j + 0.5) * kSkyHeight / down - 0.5;
        // what all frames of a cell share may be anything
        const double common = 100 * std::sin(i + 2.0 * j);
        for (std::size_t f = 0; f < sky.size(); ++f) {
          const bool whole = covers[f](x - 14, y - 14) && covers[f](x + 14, y + 14);
          samples[f].push_back(whole ? SkySample{sky[f](x, y) + common, x, y, 300} : SkySample{});
        }
      }
    return fit_skies(samples, mesh, 1e-4);
  }
  // The mean with these weights of the levelled skies; NaN where no frame is.
  double level(const std::vector<std::vector<double>>& surfaces, const std::vector<double>& weight, int x,
               int y) const {
    double sum = 0, all = 0;
    for (std::size_t f = 0; f < sky.size(); ++f)
      if (covers[f](x, y)) {
        sum += weight[f] * (sky[f](x, y) - surface_in(surfaces[f], mesh, {x, y, 1, 1}).at(0, 0));
        all += weight[f];
      }
    return sum / all;
  }
};

double mean_sky(const SampledNight& night, double x, double y) {
  double sum = 0;
  for (const auto& sky : night.sky) sum += sky(x, y) / static_cast<double>(night.sky.size());
  return sum;
}

std::vector<double> unequal(std::size_t frames) {
  std::vector<double> weight;
  for (std::size_t f = 0; f < frames; ++f) weight.push_back(1 + static_cast<double>(f * f % 7));
  return weight;
}

// A gradient with some bend whose direction turns with the frames.
std::function<double(double, double)> moon(double turns, double strength) {
  return [=](double x, double y) {
    const double a = 2 * M_PI * turns;
    const double s = std::cos(a) * (2 * x / kSkyWidth - 1) + std::sin(a) * (2 * y / kSkyHeight - 1);
    return strength * (0.7 * s + 0.3 * s * s);
  };
}

TEST(SkySurfaces, AConstantSkyIsLeftAlone) {
  SampledNight night;
  for (int f = 0; f < 5; ++f) night.add([](double, double) { return 4.0; });
  for (const auto& surface : night.fitted())
    for (const double c : surface) EXPECT_NEAR(c, 0, 1e-6);
}

TEST(SkySurfaces, AGradientThatTurnsLeavesTheSkyOfThePlainMean) {
  SampledNight night;
  for (int f = 0; f < 12; ++f) night.add(moon(f / 15.0, 100 - 5 * f));
  const auto surfaces = night.fitted();
  for (std::size_t i = 0; i < night.mesh.size(); ++i) {
    double sum = 0;
    for (const auto& s : surfaces) sum += s[i];
    EXPECT_NEAR(sum, 0, 1e-9);
  }
  const auto weight = unequal(12);
  for (int y = 0; y < kSkyHeight; y += 37)
    for (int x = 0; x < kSkyWidth; x += 41)
      EXPECT_NEAR(night.level(surfaces, weight, x, y), mean_sky(night, x, y), 0.3) << x << " " << y;
}

// What is left of the level along a row after a line through its neighbours 8 px away.
double largest_step(const SampledNight& night, const std::vector<double>& weight, int y) {
  const auto surfaces = night.fitted();
  double largest = 0;
  for (int x = 8; x + 8 < kSkyWidth; x += 1) {
    const double before = night.level(surfaces, weight, x - 1, y),
                 after = night.level(surfaces, weight, x, y);
    const double slope =
        (night.level(surfaces, weight, x + 7, y) - night.level(surfaces, weight, x - 8, y)) / 15;
    largest = std::max(largest, std::abs(after - before - slope));
  }
  return largest;
}

TEST(SkySurfaces, NoStepWhereASessionBeginsNorAtTheBorderOfTheImage) {
  SampledNight night;
  for (int f = 0; f < 10; ++f) {
    const double dx = 3.0 * f - 12;
    if (f < 5)
      night.add(moon(0.05 * f, 100));
    else  // another sky, 60 brighter, in the right half
      night.add([f](double x, double y) { return 60 + moon(0.4 - 0.05 * f, 80)(x, y); },
                [dx](double x, double) { return x >= 320 + dx; });
  }
  // 160 is the range of the skies
  for (const int y : {2, 240, 470}) EXPECT_LT(largest_step(night, unequal(10), y), 0.6) << y;
}

TEST(SkySurfaces, FramesThatDriftOverTheBorderLeaveNoStepThere) {
  SampledNight night;
  for (int f = 0; f < 10; ++f) {
    const double dx = 8.0 * f - 36;
    night.add(moon(0.05 * f, 100), [dx](double x, double) { return x >= dx && x < kSkyWidth + dx; });
  }
  for (const int y : {2, 240, 470}) EXPECT_LT(largest_step(night, unequal(10), y), 0.6) << y;
}

TEST(SkySurfaces, AFrameWithoutSamplesStaysAsItIs) {
  SampledNight night;
  for (int f = 0; f < 6; ++f) night.add(moon(0.1 * f, 50));
  night.add([](double, double) { return 500.0; }, [](double, double) { return false; });
  const auto fitted = night.fitted();
  for (const double c : fitted.back()) EXPECT_NEAR(c, 0, 1e-6);
  night.covers.assign(7, [](double, double) { return false; });
  for (const auto& surface : night.fitted()) EXPECT_EQ(surface, std::vector<double>(night.mesh.size()));
}

TEST(SkySurfaces, AreKeptInShareOfTheNoise) {
  FrameChannel frame;
  frame.noise = 3;
  keep_sky(frame, {0, 1, -2.0001, 1e4});
  EXPECT_EQ(frame.sky_surface, (std::vector<double>{0, 341, -683, 3413333}));
  const std::vector<double> kept = kept_sky(frame);
  EXPECT_NEAR(kept[2], -2.0001, 3.0 / 2048);
  frame.noise = 0;
  keep_sky(frame, {1, 2});
  EXPECT_TRUE(frame.sky_surface.empty());
  EXPECT_TRUE(kept_sky(frame).empty());
}

}  // namespace
}  // namespace tilecompile

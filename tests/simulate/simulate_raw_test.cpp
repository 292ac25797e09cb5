#include "tilecompile/simulate/simulate_raw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "file_tree.hpp"
#include "simulate/raw_night.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/star_shape.hpp"

namespace tilecompile {
namespace {

RawNightOptions small_raw_night() {
  RawNightOptions options;
  SimulateOptions& night = options.night;
  night.frames = 4;
  night.width = 331;
  night.height = 200;
  night.stars = 40;
  night.threads = 1;
  night.night_sky.vignetting = 0.3;
  options.camera.darks = options.camera.flats = options.camera.biases = 2;
  return options;
}

// Mean of the samples of a plane that `take` chooses.
template <class Take>
double mean_of(const Plane<float>& plane, Take take) {
  double sum = 0, count = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (take(x, y)) {
        sum += plane.at(x, y);
        ++count;
      }
  return sum / count;
}

double mean_of(const Plane<float>& plane) {
  return mean_of(plane, [](int, int) { return true; });
}

TEST(SimulateRaw, SameBytesWithOneThreadAndTwoAndOthersWithAnotherSeed) {
  const TempDir folder;
  RawNightOptions options = small_raw_night();
  options.camera.cfa = "GRBG";
  options.camera.flat_darks = 1;
  simulate_raw(options, folder / "one");
  options.night.threads = 2;
  simulate_raw(options, folder / "two");
  options.night.seed = 2;
  simulate_raw(options, folder / "other");
  const auto one = tree_of(folder / "one"), two = tree_of(folder / "two"), other = tree_of(folder / "other");
  ASSERT_EQ(one.size(), 4U + 2 + 2 + 2 + 1 + 5 + 1);
  EXPECT_TRUE(one == two);
  for (const auto& [name, bytes] : one)
    if (name != "raw.yaml") {
      EXPECT_FALSE(bytes == other.at(name)) << name;
    }
}

TEST(SimulateRaw, StarsLieWhereTheTruthPutsThem) {
  RawNightOptions options = small_raw_night();
  SimulateOptions& night = options.night;
  night.width = 1200;
  night.height = 800;
  night.stars = 60;
  night.nebula = false;
  night.cosmic_rays = night.trail_probability = 0;
  options.pointing.shift_px = 300;
  options.pointing.rotation_deg = 120;
  options.pointing.refraction = 1e-3;
  options.pointing.distortion_px = 3;
  const RawSky sky = make_raw_sky(options);
  const auto transforms = make_raw_transforms(options);
  const auto conditions = make_conditions(night);
  int measured = 0;
  for (const int frame : {0, 3}) {
    const auto f = static_cast<std::size_t>(frame);
    const Plane<float> light = raw_scene_light(sky, conditions[f], transforms[f], options, frame);
    std::vector<SkyPoint> places;
    for (const SimulatedStar& star : sky.scene.stars)
      places.push_back(
          transforms[f].on_detector(star.x - 0.5 * (sky.width - 1), star.y - 0.5 * (sky.height - 1)));
    for (const SkyPoint& at : places) {
      const bool inside = at.x > 30 && at.y > 30 && at.x < night.width - 31 && at.y < night.height - 31;
      const auto near = std::count_if(places.begin(), places.end(), [&](const SkyPoint& o) {
        return std::hypot(o.x - at.x, o.y - at.y) < 40;
      });
      if (!inside || near > 1) continue;
      const StarShape seen = measure_star(light.view(), at.x, at.y, 9);
      ASSERT_TRUE(seen.measured);
      EXPECT_NEAR(seen.x, at.x, 0.01);
      EXPECT_NEAR(seen.y, at.y, 0.01);
      ++measured;
    }
  }
  EXPECT_GT(measured, 20);
}

TEST(SimulateRaw, TransformsGoBothWaysAndDoWhatWasAskedFor) {
  RawNightOptions options = small_raw_night();
  options.night.frames = 11;
  options.pointing.rotation_deg = 20;
  options.pointing.distortion_px = 2;
  const auto transforms = make_raw_transforms(options);
  for (const RawTransform& t : transforms) {
    const SkyPoint sky = t.on_sky(12.25, 180.5), back = t.on_detector(sky.x, sky.y);
    EXPECT_NEAR(back.x, 12.25, 1e-6);
    EXPECT_NEAR(back.y, 180.5, 1e-6);
    EXPECT_GT(t.a * t.d - t.b * t.c, 0);
  }
  const auto angle = [&](std::size_t i) {
    return std::atan2(transforms[i].c, transforms[i].a) * 57.29577951;
  };
  EXPECT_NEAR(angle(0), -10, 1e-6);
  EXPECT_NEAR(std::abs(angle(10)), 170, 1e-6);  // turned by 10 degrees and flipped
  const double corner = std::hypot(transforms[0].cx, transforms[0].cy);
  EXPECT_NEAR(transforms[0].k * corner * corner * corner, 2, 1e-9);
  options.pointing.mirrored = true;
  const RawTransform mirrored = make_raw_transforms(options)[0];
  EXPECT_LT(mirrored.a * mirrored.d - mirrored.b * mirrored.c, 0);
}

TEST(SimulateRaw, TheSensorAddsBiasDarkCurrentAndFlat) {
  const TempDir folder;
  RawNightOptions options = small_raw_night();
  options.night.hot_pixel_fraction = 0;
  options.camera.dark_e_per_s = 4;
  options.night.exposure_s = 100;
  simulate_raw(options, folder / "night");
  const Plane<float> bias = read_image(folder / "night/biases/bias_0001.fits")[0];
  const Plane<float> dark = read_image(folder / "night/darks/dark_0001.fits")[0];
  const Plane<float> flat = read_image(folder / "night/flats/flat_0001.fits")[0];
  EXPECT_NEAR(mean_of(bias), 500, 1);
  const auto glowless = [](int x, int y) { return x < 150 && y < 150; };
  EXPECT_NEAR(mean_of(dark, glowless), 500 + 400 * 1.046, 5);  // the mean of a log-normal spread of 0.3
  const double centre = mean_of(flat, [](int x, int y) { return std::hypot(x - 165, y - 100) < 20; });
  const double corner = mean_of(flat, [](int x, int y) { return std::hypot(x, y) < 20; });
  EXPECT_NEAR((corner - 500) / (centre - 500), 0.72, 0.03);
}

TEST(SimulateRaw, HotPixelsAreThoseOfTheTable) {
  RawNightOptions options = small_raw_night();
  options.night.hot_pixel_fraction = 1e-3;
  const RawSensor sensor = make_raw_sensor(options);
  ASSERT_EQ(sensor.hot_pixels.size(), 66U);
  for (const HotPixel& pixel : sensor.hot_pixels) {
    EXPECT_GE(pixel.level_adu, 20);
    EXPECT_LE(pixel.level_adu, 400);
    EXPECT_GT(sensor.dark.at(pixel.x, pixel.y), pixel.level_adu);
  }
}

TEST(SimulateRaw, HeadersSayWhatAFrameIs) {
  const TempDir folder;
  RawNightOptions options = small_raw_night();
  options.camera.cfa = "RGGB";
  options.night.exposure_s = 30;
  simulate_raw(options, folder / "night");
  const FrameFacts light = FrameReader(folder / "night/lights/light_0001.fits").facts();
  EXPECT_EQ(light.bayer_pattern, "RGGB");
  EXPECT_EQ(light.exposure_s, 30);
  EXPECT_EQ(light.sensor_celsius, -10);
  EXPECT_TRUE(light.calibration_evidence.empty());
  for (const char* path : {"darks/dark_0001.fits", "flats/flat_0001.fits", "biases/bias_0001.fits"})
    EXPECT_FALSE(FrameReader(folder / "night" / path).facts().calibration_evidence.empty()) << path;
}

TEST(SimulateRaw, EachFilterSeesItsColour) {
  EXPECT_EQ(filter_at("", 1, 1), 0);
  EXPECT_EQ(filter_at("GRBG", 0, 0), 1);
  EXPECT_EQ(filter_at("GRBG", 1, 0), 0);
  EXPECT_EQ(filter_at("GRBG", 2, 3), 2);
  EXPECT_EQ(filter_at("GRBG", 3, 3), 1);
  const TempDir folder;
  RawNightOptions options = small_raw_night();
  options.camera.cfa = "GRBG";
  simulate_raw(options, folder / "night");
  const Plane<float> flat = read_image(folder / "night/flats/flat_0001.fits")[0];
  const auto level = [&](int filter) {
    return mean_of(flat, [&](int x, int y) { return filter_at("GRBG", x, y) == filter; }) - 500;
  };
  EXPECT_NEAR(level(0) / level(1), 0.6, 0.005);
  EXPECT_NEAR(level(2) / level(1), 0.7, 0.005);
}

TEST(SimulateRaw, RefusesWhatItCannotDo) {
  const TempDir folder;
  RawNightOptions options = small_raw_night();
  options.camera.cfa = "RGBG";
  EXPECT_THROW(simulate_raw(options, folder / "night"), UsageError);
  options = small_raw_night();
  options.pointing.distortion_px = 50;
  EXPECT_THROW(simulate_raw(options, folder / "night"), UsageError);
  options = small_raw_night();
  simulate_raw(options, folder / "night");
  EXPECT_THROW(simulate_raw(options, folder / "night"), UsageError);
}

}  // namespace
}  // namespace tilecompile

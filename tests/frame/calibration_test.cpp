#include "tilecompile/frame/calibration.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr float kBlank = std::numeric_limits<float>::quiet_NaN();

Plane<float> random_plane(int width, int height, std::uint64_t stream, double level, double spread) {
  const CounterRandom random(7, stream);
  Plane<float> plane(width, height);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane.samples()[i] = static_cast<float>(level + spread * random.gaussian(i));
  return plane;
}

CalibrationMasters masters_of(int width, int height) {
  CalibrationMasters masters{random_plane(width, height, 1, 500, 4), random_plane(width, height, 2, 1, 0.1)};
  masters.dark.at(3, 5) = kBlank;
  masters.flat.at(8, 2) = kBlank;
  return masters;
}

TEST(Calibration, IsRawMinusDarkOverFlat) {
  const CalibrationMasters masters = masters_of(31, 17);
  const Plane<float> raw = random_plane(31, 17, 3, 900, 20);
  Plane<float> light = raw;
  light.at(0, 0) = kBlank;
  calibrate(masters, {0, 0, 31, 17}, light.data());
  for (int y = 0; y < 17; ++y)
    for (int x = 0; x < 31; ++x) {
      const bool invalid = (x == 0 && y == 0) || (x == 3 && y == 5) || (x == 8 && y == 2);
      if (invalid) {
        EXPECT_TRUE(std::isnan(light.at(x, y))) << x << " " << y;
        continue;
      }
      const double dark = masters.dark.at(x, y), flat = masters.flat.at(x, y);
      EXPECT_EQ(light.at(x, y), static_cast<float>((raw.at(x, y) - dark) / flat)) << x << " " << y;
    }
}

TEST(Calibration, DoesNotDependOnHowTheSensorIsCut) {
  const CalibrationMasters masters = masters_of(31, 17);
  const Plane<float> raw = random_plane(31, 17, 3, 900, 20);
  Plane<float> whole = raw;
  calibrate(masters, {0, 0, 31, 17}, whole.data());
  for (const Box& box : {Box{0, 0, 7, 17}, Box{7, 3, 24, 1}, Box{2, 1, 9, 11}}) {
    Plane<float> part(box.w, box.h);
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x) part.at(x, y) = raw.at(box.x0 + x, box.y0 + y);
    calibrate(masters, box, part.data());
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x)
        EXPECT_TRUE(std::bit_cast<std::uint32_t>(part.at(x, y)) ==
                    std::bit_cast<std::uint32_t>(whole.at(box.x0 + x, box.y0 + y)));
  }
}

TEST(Calibration, EveryMasterCanBeMissing) {
  const CalibrationMasters all = masters_of(12, 9);
  const Plane<float> raw = random_plane(12, 9, 3, 900, 20);
  Plane<float> light = raw;
  calibrate({}, {0, 0, 12, 9}, light.data());
  EXPECT_EQ(light.samples(), raw.samples());
  calibrate({all.dark, {}}, {0, 0, 12, 9}, light.data());
  EXPECT_EQ(light.at(4, 5), static_cast<float>(static_cast<double>(raw.at(4, 5)) - all.dark.at(4, 5)));
  light = raw;
  calibrate({{}, all.flat}, {0, 0, 12, 9}, light.data());
  EXPECT_EQ(light.at(4, 5), static_cast<float>(static_cast<double>(raw.at(4, 5)) / all.flat.at(4, 5)));
}

TEST(Calibration, ADarkIsScaledAboveTheBias) {
  Plane<float> bias(2, 1, 500), dark(2, 1, 540);
  dark.at(1, 0) = 900;
  const Plane<float> scaled = scaled_dark(dark, bias, 0.25);
  EXPECT_EQ(scaled.at(0, 0), 510);
  EXPECT_EQ(scaled.at(1, 0), 600);
  EXPECT_EQ(dark_with_bias(dark, bias).at(1, 0), 1400);
}

}  // namespace
}  // namespace tilecompile

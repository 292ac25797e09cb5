#include "tilecompile/frame/master_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

double plain_median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double plain_sd(const std::vector<double>& values, double middle) {
  std::vector<double> off;
  for (const double v : values) off.push_back(std::abs(v - middle));
  return 1.4826 * plain_median(off);
}

// The rule of the header file, in obvious loops.
std::vector<float> plain_row(const std::vector<std::vector<float>>& frames, double code_step) {
  const std::size_t width = frames[0].size();
  std::vector<std::vector<double>> samples(width);
  std::vector<double> scales;
  for (std::size_t x = 0; x < width; ++x) {
    for (const auto& frame : frames)
      if (frame[x] == frame[x]) samples[x].push_back(frame[x]);
    if (samples[x].size() > 1) scales.push_back(plain_sd(samples[x], plain_median(samples[x])));
  }
  const double least = std::max(scales.empty() ? 0 : plain_median(scales), code_step);
  std::vector<float> means;
  for (std::size_t x = 0; x < width; ++x) {
    std::vector<double> kept = samples[x];
    for (int round = 0; round < 3 && !kept.empty(); ++round) {
      const double middle = plain_median(kept), reach = 3 * std::max(plain_sd(kept, middle), least);
      std::erase_if(kept, [&](double v) { return std::abs(v - middle) > reach; });
    }
    if (2 * kept.size() < samples[x].size()) kept = samples[x];
    double sum = 0;
    for (std::size_t first = 0; first < frames.size(); first += 64) {
      double part = 0;
      for (std::size_t f = first; f < std::min(frames.size(), first + 64); ++f) {
        const double v = frames[f][x];
        if (std::find(kept.begin(), kept.end(), v) != kept.end()) part += v;
      }
      sum += part;
    }
    means.push_back(kept.empty() ? kNan : static_cast<float>(sum / static_cast<double>(kept.size())));
  }
  return means;
}

std::vector<std::vector<float>> random_frames(std::size_t count, std::size_t width, bool codes) {
  std::vector<std::vector<float>> frames(count, std::vector<float>(width));
  const CounterRandom random(3, count);
  std::uint64_t n = 0;
  for (auto& frame : frames)
    for (float& s : frame) {
      double v = 500 + 3 * random.gaussian(n++);
      if (random.uniform(n++) < 0.03) v += 200;  // a cosmic ray
      s = static_cast<float>(codes ? std::floor(v) : v);
      if (random.uniform(n++) < 0.02) s = kNan;
    }
  return frames;
}

std::vector<const float*> rows_of(const std::vector<std::vector<float>>& frames) {
  std::vector<const float*> rows;
  for (const auto& frame : frames) rows.push_back(frame.data());
  return rows;
}

TEST(MasterFrame, RowsAreThoseOfObviousLoops) {
  for (const std::size_t count : {1U, 2U, 3U, 4U, 9U, 20U, 131U})
    for (const bool codes : {false, true}) {
      auto frames = random_frames(count, 53, codes);
      for (auto& frame : frames) frame[7] = kNan;
      const auto expected = plain_row(frames, codes ? 1 : 0),
                 found = master_row(rows_of(frames), 53, codes ? 1 : 0);
      ASSERT_EQ(found.size(), 53U);
      EXPECT_TRUE(std::isnan(found[7]));
      for (std::size_t x = 0; x < 53; ++x) {
        EXPECT_EQ(std::isnan(found[x]), std::isnan(expected[x])) << count << " frames, column " << x;
        if (!std::isnan(expected[x])) {
          EXPECT_EQ(found[x], expected[x]) << count << " frames, column " << x;
        }
      }
    }
}

TEST(MasterFrame, RowsLeaveOutCosmicRays) {
  const auto frames = random_frames(20, 64, true);
  for (const float mean : master_row(rows_of(frames), 64, 1)) EXPECT_NEAR(mean, 499.5, 4);
}

TEST(MasterFrame, FlatsAreNormalisedColourByColour) {
  Plane<float> flat(6, 4), bias(6, 4, 100);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x) {
      const int colour = cfa_colour("RGGB", x, y);
      flat.at(x, y) = static_cast<float>(100 + 1000 * (colour + 1) + x);
    }
  const auto levels = flat_levels(flat.view(), bias, "RGGB");
  EXPECT_EQ(levels[0], 1002);    // of 1000, 1002, 1004
  EXPECT_EQ(levels[1], 2002.5);  // of both greens
  EXPECT_EQ(levels[2], levels[1]);
  EXPECT_EQ(levels[3], 3003);
  normalise_flat_row(flat.row(1), 1, 6, bias, levels);
  EXPECT_EQ(flat.at(0, 1), static_cast<float>(2000 / 2002.5));
  EXPECT_EQ(flat.at(5, 1), static_cast<float>(3005.0 / 3003.0));
  const auto grey = flat_levels(flat.view(), {}, "");
  EXPECT_EQ(grey[0], grey[3]);
}

TEST(MasterFrame, EveryColourOfAFlatIsOneOnAverage) {
  Plane<float> flat(6, 4);
  for (std::size_t i = 0; i < flat.size(); ++i) flat.samples()[i] = static_cast<float>(1 + i % 7);
  flat.at(2, 2) = kNan;
  finish_flat(flat, "GBRG");
  for (int colour = 0; colour < 3; ++colour) {
    double sum = 0, count = 0;
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 6; ++x)
        if (cfa_colour("GBRG", x, y) == colour && flat.at(x, y) == flat.at(x, y)) {
          sum += flat.at(x, y);
          count += 1;
        }
    EXPECT_NEAR(sum / count, 1, 1e-6);
  }
  EXPECT_TRUE(std::isnan(flat.at(2, 2)));
}

TEST(MasterFrame, ShadedPixelsOfAFlatAreLeftOut) {
  Plane<float> flat(10, 10, 1.0F);
  flat.at(3, 3) = 0.09F;
  flat.at(4, 3) = 0.11F;
  finish_flat(flat, "");
  EXPECT_TRUE(std::isnan(flat.at(3, 3)));
  EXPECT_NEAR(flat.at(4, 3), 0.112, 0.001);
  EXPECT_EQ(std::count_if(flat.samples().begin(), flat.samples().end(), [](float f) { return f != f; }), 1);
}

Plane<float> dark_with_hot_pixels(const std::string& cfa) {
  Plane<float> dark(40, 30);
  const CounterRandom random(11, 4);
  for (int y = 0; y < 30; ++y)
    for (int x = 0; x < 40; ++x)
      dark.at(x, y) = static_cast<float>(500 + 100 * cfa_colour(cfa, x, y) +
                                         random.gaussian(static_cast<std::uint64_t>(40 * y + x)));
  dark.at(0, 0) += 60;
  dark.at(17, 12) += 60;
  dark.at(18, 12) += 60;  // neighbours of another colour
  dark.at(39, 29) -= 60;
  return dark;
}

std::vector<std::pair<int, int>> defects_of(const Plane<float>& dark, const std::string& cfa) {
  const Plane<float> residuals = neighbour_residuals(dark, cfa, 0, dark.height());
  const double limit = defect_limit(residuals, 8);
  std::vector<std::pair<int, int>> places;
  for (int y = 0; y < dark.height(); ++y)
    for (int x = 0; x < dark.width(); ++x)
      if (std::abs(residuals.at(x, y)) > limit) places.emplace_back(x, y);
  return places;
}

TEST(MasterFrame, DefectsStandOutOfTheirNeighboursOfTheSameColour) {
  const std::vector<std::pair<int, int>> expected = {{0, 0}, {17, 12}, {18, 12}, {39, 29}};
  for (const std::string cfa : {"", "RGGB"})
    EXPECT_EQ(defects_of(dark_with_hot_pixels(cfa), cfa), expected) << cfa;
}

TEST(MasterFrame, ResidualsDoNotDependOnTheRowsAskedFor) {
  const Plane<float> dark = dark_with_hot_pixels("GRBG");
  const Plane<float> whole = neighbour_residuals(dark, "GRBG", 0, 30),
                     part = neighbour_residuals(dark, "GRBG", 9, 5);
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 40; ++x) EXPECT_EQ(part.at(x, y), whole.at(x, y + 9));
}

TEST(MasterFrame, ADefectAmongEqualPixelsIsFoundToo) {
  Plane<float> dark(12, 12, 500);
  dark.at(5, 5) = 501;
  EXPECT_EQ(defects_of(dark, ""), (std::vector<std::pair<int, int>>{{5, 5}}));
}

}  // namespace
}  // namespace tilecompile

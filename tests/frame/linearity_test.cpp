#include "tilecompile/frame/linearity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

using Strength = LinearityEvidence::Strength;
constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

LinearityEvidence evidence_of(const Plane<float>& plane, double code_step = 0,
                              double largest_code = kNoValue) {
  Distribution scratch;
  const FrameChannel channel = measure_frame_channel(plane.view(), code_step, {}, scratch);
  return examine_linearity(scratch, channel, largest_code);
}

/// Sky, shot and read noise, and stars on a power law that saturate at 65535.
Plane<float> star_field(double sky, double brightest, unsigned seed = 1, int stars = 60) {
  std::mt19937 rng(seed);
  Plane<double> light(300, 200, sky);
  std::uniform_real_distribution<double> unit(0.01, 1);
  for (int s = 0; s < stars; ++s) {
    const double x = 300 * unit(rng), y = 200 * unit(rng), peak = brightest * 0.01 / unit(rng);
    for (int v = 0; v < 200; ++v)
      for (int u = 0; u < 300; ++u)
        light.at(u, v) += peak * std::exp(-((u - x) * (u - x) + (v - y) * (v - y)) / 3.2);
  }
  Plane<float> frame(300, 200);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const double e = light.samples()[i];
    std::normal_distribution<double> noise(e, std::sqrt(e + 25));
    frame.samples()[i] = static_cast<float>(std::clamp(noise(rng), 1.0, 65535.0));
  }
  return frame;
}

// Black point 2.8 sigma below the sky, then `curve` on [0, 1].
template <class Curve>
Plane<float> stretched(Plane<float> frame, Curve curve) {
  Distribution samples;
  samples.assign(frame.view(), 0);
  const Clipped sky = clip(samples, 0);
  const double black = sky.location - 2.8 * sky.scale, white = 65535 - black;
  for (float& v : frame.samples())
    if (v == v)
      v = static_cast<float>(curve(std::clamp((v - black) / white, 0.0, 1.0), 2.8 * sky.scale / white));
  return frame;
}

// Midtones transfer that brings the sky to a quarter of white.
Plane<float> mtf_stretched(const Plane<float>& frame) {
  return stretched(frame, [](double x, double sky) {
    const auto mtf = [](double m, double v) { return (m - 1) * v / ((2 * m - 1) * v - m); };
    return mtf(mtf(0.25, sky), x);
  });
}

Plane<float> asinh_stretched(const Plane<float>& frame) {
  return stretched(frame, [](double x, double sky) { return std::asinh(3 * x / sky) / std::asinh(3 / sky); });
}

TEST(Linearity, LinearSkiesOfAnyBrightnessPass) {
  for (const double sky : {30.0, 400.0, 4000.0, 20000.0, 40000.0})
    for (const double brightest : {1.0, 300.0, 60000.0}) {
      const LinearityEvidence e = evidence_of(star_field(sky, brightest));
      EXPECT_NE(e.strength, Strength::kStrong) << sky << " " << brightest << ": " << linearity_text(e);
      if (sky >= 400) {
        EXPECT_EQ(e.strength, Strength::kNone) << sky << ": " << linearity_text(e);
      }
    }
}

TEST(Linearity, AutostretchedVersionsAreSeen) {
  for (const double sky : {100.0, 400.0, 4000.0})
    for (const auto& version :
         {mtf_stretched(star_field(sky, 60000)), asinh_stretched(star_field(sky, 60000))}) {
      const LinearityEvidence e = evidence_of(version);
      EXPECT_EQ(e.strength, Strength::kStrong) << sky << ": " << linearity_text(e);
    }
}

TEST(Linearity, AStretchSavedAsIntegersIsSeenToo) {
  Plane<float> codes = mtf_stretched(star_field(400, 60000));
  for (float& v : codes.samples()) v = std::round(65535 * v);
  EXPECT_EQ(evidence_of(codes, 1, 65535).strength, Strength::kStrong);
}

TEST(Linearity, WithoutFullScaleTheEvidenceIsWeak) {
  Plane<float> dim = mtf_stretched(star_field(400, 60000));
  for (float& v : dim.samples()) v *= 0.5F;
  EXPECT_EQ(evidence_of(dim).strength, Strength::kWeak);
}

TEST(Linearity, ConstantAndEmptyPlanesSayNothing) {
  EXPECT_EQ(evidence_of(Plane<float>(20, 10, 5)).strength, Strength::kNone);
  EXPECT_EQ(evidence_of(Plane<float>(20, 10, std::nanf(""))).strength, Strength::kNone);
}

TEST(Linearity, TheErrorNamesFramesAndFigures) {
  LinearityEvidence bad{0.25, 4.2, 12.6, 1, Strength::kStrong}, weak = bad;
  weak.strength = Strength::kWeak;
  const std::vector<BadFrame> stretched = stretched_frames({{{}, bad}, {{}, {}}}, {"a.fits", "b.fits"});
  ASSERT_EQ(stretched.size(), 1u);
  EXPECT_EQ(stretched[0].path, "b.fits");
  EXPECT_EQ(stretched[0].reason,
            "looks stretched, which data.linear_required forbids: channel 0: sky at 25 % of the largest "
            "sample and only 4.2 sigma above zero, largest sample only 12.6 sigma above the sky and at 100 % "
            "of full scale; use the frame from before the stretch, or set data.linear_required to false if "
            "it is linear after all");
  const auto warnings = linearity_warnings({{weak, {}}}, {"a.fits", "b.fits"});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("a.fits: sky at 25 %"), std::string::npos);
  EXPECT_TRUE(linearity_warnings({{{}, {}}}, {"a.fits", "b.fits"}).empty());
}

TEST(Linearity, AWarningNamesTwentyFramesAndCountsTheOthers) {
  LinearityEvidence weak{0.25, 4.2, 12.6, 1, Strength::kWeak};
  std::vector<std::string> paths;
  for (int i = 0; i < 29; ++i) paths.push_back("f" + std::to_string(i) + ".fits");
  const auto warnings = linearity_warnings({std::vector<LinearityEvidence>(29, weak)}, paths);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("f19.fits"), std::string::npos);
  EXPECT_EQ(warnings[0].find("f20.fits"), std::string::npos);
  EXPECT_NE(warnings[0].find("and 9 more"), std::string::npos);
}

TEST(Linearity, RealFramesPassAndTheirStretchedVersionsDoNot) {
  TILECOMPILE_NEEDS_DATA("hatp32");
  for (const char* folder : {"hatp32", "akb64", "seestar_rgb"}) {
    std::vector<std::filesystem::path> paths;
    for (const auto& item : std::filesystem::directory_iterator(test_data() / folder))
      paths.push_back(item.path());
    std::sort(paths.begin(), paths.end());
    for (std::size_t i = 0; i < paths.size(); i += std::max<std::size_t>(1, paths.size() / 8)) {
      FrameReader reader(paths[i], ZeroIsNodata::kAlways);
      for (const Plane<float>& plane : reader.read_all()) {
        const LinearityEvidence e = evidence_of(plane, reader.facts().code_step, reader.facts().largest_code);
        EXPECT_EQ(e.strength, Strength::kNone) << paths[i] << " " << linearity_text(e);
        for (const auto& version : {mtf_stretched(plane), asinh_stretched(plane)}) {
          const LinearityEvidence s = evidence_of(version);
          EXPECT_EQ(s.strength, Strength::kStrong) << paths[i] << " " << linearity_text(s);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tilecompile

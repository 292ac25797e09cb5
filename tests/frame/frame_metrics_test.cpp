#include "tilecompile/frame/frame_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/gradient.hpp"
#include "tilecompile/image/sky_mesh.hpp"

namespace tilecompile {
namespace {

std::uint64_t bits(double v) { return std::bit_cast<std::uint64_t>(v); }

FrameMetrics sample(int frames, int channels, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> any(0.1, 2);
  FrameMetrics m;
  m.channels.resize(static_cast<std::size_t>(channels));
  for (auto& list : m.channels)
    for (int f = 0; f < frames; ++f) {
      FrameChannel c;
      c.background = 400 * any(rng);
      c.noise = 0.01 * any(rng);
      c.gradient_energy = 1e-5 * any(rng);
      c.normalization = {any(rng), 1 / c.background, 0};
      c.valid_fraction = any(rng) / 2;
      c.fwhm_surface = {any(rng), any(rng) / 3, any(rng)};
      c.footprint = {{any(rng), any(rng), -any(rng)}};
      list.push_back(c);
    }
  m.stars = {{1.0 / 1024, 2.5}, {100 + 1.0 / 3, 7}};
  m.seeing_px = 3.1;
  m.star_radius_px = 9;
  return m;
}

double naive_median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 == 1 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

std::vector<double> naive_z(const std::vector<double>& x) {
  const double m = naive_median(x);
  std::vector<double> d, z;
  for (double v : x) d.push_back(std::abs(v - m));
  const double sd = std::max(1.4826 * naive_median(d), 1e-6);
  for (double v : x) z.push_back((v - m) / sd);
  return z;
}

TEST(WeighFrames, AgreesWithTheFormula) {
  for (const int frames : {1, 2, 7, 10}) {
    FrameMetrics m = sample(frames, 2, static_cast<unsigned>(frames));
    const FrameMetrics before = m;
    GlobalMetricsParams params;
    params.weight_background = 0.5;
    params.weight_noise = 0.2;
    params.weight_gradient = 0.3;
    params.clamp = {-1.5, 1.0};
    weigh_frames(m, params);
    set_output_scale(m, {});
    for (std::size_t c = 0; c < 2; ++c) {
      std::vector<double> b, s, e;
      for (const auto& f : before.channels[c]) {
        b.push_back(f.background);
        s.push_back(f.noise);
        e.push_back(f.gradient_energy);
      }
      const auto zb = naive_z(b), zs = naive_z(s), ze = naive_z(e);
      for (std::size_t f = 0; f < b.size(); ++f) {
        const double q = std::min(1.0, std::max(-1.5, -0.5 * zb[f] - 0.2 * zs[f] + 0.3 * ze[f]));
        EXPECT_EQ(bits(m.channels[c][f].z_background), bits(zb[f]));
        EXPECT_EQ(bits(m.channels[c][f].z_noise), bits(zs[f]));
        EXPECT_EQ(bits(m.channels[c][f].z_gradient), bits(ze[f]));
        EXPECT_NEAR(m.channels[c][f].quality, q, 1e-12);
        EXPECT_NEAR(m.channels[c][f].weight, std::exp(q), 1e-12);
      }
      EXPECT_EQ(m.output_scale[c], naive_median(b));
    }
    EXPECT_EQ(m.output_scale.size(), 2u);
  }
}

TEST(WeighFrames, InverseVarianceIsRelativeToTheMedianNoiseAndBounded) {
  FrameMetrics m = sample(5, 1);
  const double noise[] = {2, 4, 1, 2, 0.0001};
  for (std::size_t f = 0; f < 5; ++f) m.channels[0][f].noise = noise[f];
  GlobalMetricsParams params;
  params.mode = GlobalMetricsParams::Mode::kInverseVariance;
  weigh_frames(m, params);
  const double expected[] = {1, 0.25, 4, 1, 100};
  for (std::size_t f = 0; f < 5; ++f) {
    EXPECT_DOUBLE_EQ(m.channels[0][f].weight, expected[f]);
    EXPECT_DOUBLE_EQ(m.channels[0][f].inverse_variance, expected[f]);
  }
  for (auto& f : m.channels[0]) f.noise = 0;
  weigh_frames(m, params);
  for (const auto& f : m.channels[0]) EXPECT_EQ(f.weight, 1) << "frames without noise count alike";
}

TEST(AdaptiveWeights, FollowTheSpreadOfTheScoresWithinLimits) {
  const GlobalMetricsParams params;
  const auto equal = adaptive_weights({-1, 1}, {-1, 1}, {-1, 1}, params);
  for (const double w : equal) EXPECT_NEAR(w, 1.0 / 3, 1e-12);
  const auto steep = adaptive_weights({-9, 9}, {-1, 1}, {0, 0}, params);
  // shares 81/82, 1/82 and 0 become 0.7, 0.1, 0.1 and are scaled to sum 1
  EXPECT_NEAR(steep[0], 0.7 / 0.9, 1e-12);
  EXPECT_NEAR(steep[1], 0.1 / 0.9, 1e-12);
  EXPECT_NEAR(steep[2], 0.1 / 0.9, 1e-12);
  const auto none = adaptive_weights({2, 2}, {0, 0}, {1, 1}, params);
  EXPECT_EQ(none, (std::array<double, 3>{0.4, 0.3, 0.3}));
}

TEST(ApplyFluxScale, BringsSkyAndStarsToOneScale) {
  FrameChannel f;
  f.background = 350;
  f.noise = 4;
  f.gradient_energy = 8;
  apply_flux_scale(f, 0.5, 300);
  EXPECT_EQ(f.normalization(350), 300);
  EXPECT_EQ(f.normalization(350 + 50), 300 + 100) << "half the light is scaled up";
  EXPECT_EQ(f.noise, 8);
  EXPECT_EQ(f.gradient_energy, 32);
}

TEST(WeighFrames, LowSkyLowNoiseMuchDetailWeighMore) {
  for (int which = 0; which < 3; ++which) {
    FrameMetrics m = sample(5, 1);
    for (auto& f : m.channels[0]) f.background = 400, f.noise = 0.01, f.gradient_energy = 1e-5;
    FrameChannel& good = m.channels[0][2];
    if (which == 0) good.background = 300;
    if (which == 1) good.noise = 0.005;
    if (which == 2) good.gradient_energy = 2e-5;
    weigh_frames(m, {});
    for (std::size_t f = 0; f < 5; ++f) {
      if (f != 2) {
        EXPECT_GT(m.channels[0][2].weight, m.channels[0][f].weight) << which;
      }
    }
  }
}

TEST(MeasureFrame, AgreesWithItsPartsAndScalesWithTheData) {
  std::mt19937 rng(3);
  Plane<float> p(40, 23);
  for (float& v : p.samples()) v = static_cast<float>(400 + static_cast<int>(rng() % 9));
  p.at(3, 4) = std::nanf("");
  Distribution scratch;
  const FrameChannel c = measure_frame_channel(p.view(), 1, {}, scratch);
  Distribution d;
  d.assign(p.view(), 1);
  const Clipped clipped = clip(d, 1);
  EXPECT_EQ(bits(c.background), bits(clipped.location));
  EXPECT_NEAR(c.noise, clipped.scale / clipped.location, 1e-15);
  EXPECT_NEAR(c.gradient_energy, gradient_energy(p.view()).mean / c.background / c.background, 1e-15);
  EXPECT_EQ(c.valid_fraction, (40 * 23 - 1) / (40.0 * 23));
  EXPECT_NEAR(c.normalization(clipped.location), 1, 1e-15);
  EXPECT_FALSE(c.constant);
  NormalizationParams median;
  median.mode = NormalizationParams::Mode::kMedian;
  EXPECT_EQ(measure_frame_channel(p.view(), 1, median, scratch).background, d.median());

  Plane<float> twice = p;
  for (float& v : twice.samples()) v *= 2;
  const FrameChannel t = measure_frame_channel(twice.view(), 2, {}, scratch);
  EXPECT_NEAR(t.background, 2 * c.background, 1e-9);
  EXPECT_NEAR(t.noise, c.noise, 1e-12);
  EXPECT_NEAR(t.gradient_energy, c.gradient_energy, 1e-12);
}

TEST(MeasureFrame, NothingValidAndConstant) {
  Distribution scratch;
  const FrameChannel none = measure_frame_channel(Plane<float>(9, 7, std::nanf("")).view(), 0, {}, scratch);
  EXPECT_EQ(none.valid_fraction, 0);
  EXPECT_EQ(none.background, 0);
  const FrameChannel flat = measure_frame_channel(Plane<float>(9, 7, 5.0f).view(), 0, {}, scratch);
  EXPECT_TRUE(flat.constant);
  EXPECT_EQ(flat.background, 5);
  EXPECT_EQ(flat.noise, 0);
  EXPECT_EQ(flat.gradient_energy, 0);
}

TEST(CheckFrames, NamesEveryBadFrameAndChannel) {
  auto m = sample(5, 3).channels;
  const std::vector<std::string> paths = {"a", "b", "c", "d", "e"};
  EXPECT_TRUE(unusable_frames(m, paths).empty());
  m[0][1].valid_fraction = 0;
  m[2][3].background = -5;
  m[1][4].constant = true;
  m[2][4].valid_fraction = 0;
  const std::vector<BadFrame> bad = unusable_frames(m, paths);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"b", "channel 0: has no valid pixel"},
      {"e", "channel 1: is constant"},
      {"d", "channel 2: its background is -5"}};
  ASSERT_EQ(bad.size(), expected.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(bad[i].path, expected[i].first);
    EXPECT_TRUE(bad[i].reason.starts_with(expected[i].second)) << bad[i].reason;
  }
  EXPECT_NE(bad[1].reason.find("; also: channel 2: has no valid pixel"), std::string::npos);
}

TEST(CheckFrames, AllConstantIsAllowedAndNaNBackgroundIsNot) {
  auto m = sample(3, 1).channels;
  for (auto& f : m[0]) f.constant = true;
  EXPECT_TRUE(unusable_frames(m, {"a", "b", "c"}).empty());
  m[0][1].background = std::nan("");
  EXPECT_EQ(unusable_frames(m, {"a", "b", "c"}).size(), 1u);
}

TEST(CheckFrames, AnEmptyFrameDoesNotMakeConstantOnesOdd) {
  auto m = sample(3, 1).channels;
  for (auto& f : m[0]) f.constant = true;
  m[0][2] = {};
  const std::vector<BadFrame> bad = unusable_frames(m, {"a", "b", "c"});
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].path, "c");
}

TEST(FrameMetricsJson, RoundTripToTheBit) {
  FrameMetrics m = sample(4, 3);
  weigh_frames(m, {});
  m.channels[1][2].fwhm_px = 2.7182818284590451;
  m.channels[0][0].noise = 5e-324;
  m.channels[0][2].spread_px = 13.7;
  m.channels[0][1].background = 0.1 + 0.2;
  m.image_width = 300;
  m.image_height = 70;
  m.channels[2][3].sky_surface = std::vector<double>(sky_mesh(300, 70).size(), -3);
  m.channels[2][3].sky_surface[4] = 123456789;
  const std::string bytes = encode_frame_metrics(m);
  const FrameMetrics back = decode_frame_metrics(bytes);
  EXPECT_EQ(encode_frame_metrics(back), bytes);
  ASSERT_EQ(back.channel_count(), 3);
  ASSERT_EQ(back.frame_count(), 4);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t f = 0; f < 4; ++f) {
      const FrameChannel &a = m.channels[c][f], &b = back.channels[c][f];
      for (auto member : {&FrameChannel::background, &FrameChannel::noise, &FrameChannel::gradient_energy,
                          &FrameChannel::z_background, &FrameChannel::z_noise, &FrameChannel::z_gradient,
                          &FrameChannel::quality, &FrameChannel::weight, &FrameChannel::flux_scale,
                          &FrameChannel::valid_fraction})
        EXPECT_EQ(bits(a.*member), bits(b.*member));
      EXPECT_TRUE(bits(a.fwhm_px) == bits(b.fwhm_px) || (std::isnan(a.fwhm_px) && std::isnan(b.fwhm_px)));
      EXPECT_EQ(bits(a.normalization.offset), bits(b.normalization.offset));
      EXPECT_EQ(bits(a.normalization.gain), bits(b.normalization.gain));
      EXPECT_EQ(bits(a.normalization.pedestal), bits(b.normalization.pedestal));
      EXPECT_EQ(bits(a.inverse_variance), bits(b.inverse_variance));
      EXPECT_EQ(bits(a.spread_px), bits(b.spread_px));
      EXPECT_EQ(a.fwhm_surface, b.fwhm_surface);
      EXPECT_EQ(a.sky_surface, b.sky_surface);
      ASSERT_EQ(a.footprint.size(), b.footprint.size());
      for (std::size_t e = 0; e < a.footprint.size(); ++e) {
        EXPECT_EQ(bits(a.footprint[e].a), bits(b.footprint[e].a));
        EXPECT_EQ(bits(a.footprint[e].c), bits(b.footprint[e].c));
      }
    }
  EXPECT_EQ(back.stars.size(), 2u);
  EXPECT_EQ(bits(back.stars[1].x), bits(m.stars[1].x));
  EXPECT_EQ(back.star_radius_px, 9);
  EXPECT_EQ(back.seeing_px, 3.1);
  EXPECT_EQ(back.output_scale, m.output_scale);
  EXPECT_TRUE(back.frame_tables);
  m.frame_tables = false;
  EXPECT_FALSE(decode_frame_metrics(encode_frame_metrics(m)).frame_tables);
}

TEST(FrameMetricsJson, DamageIsRefused) {
  FrameMetrics m = sample(2, 1);
  weigh_frames(m, {});
  const std::string bytes = encode_frame_metrics(m);
  for (std::size_t n = 0; n + 2 < bytes.size(); n += 7)
    EXPECT_THROW(decode_frame_metrics(std::string_view(bytes).substr(0, n)), InputError) << n;
  const auto good = nlohmann::json::parse(bytes);
  const auto refused = [&](auto change) {
    auto bad = good;
    change(bad);
    EXPECT_THROW(decode_frame_metrics(bad.dump()), InputError) << bad.dump();
  };
  refused([](auto& j) { j["schema"] = 2; });
  refused([](auto& j) { j["channels"][0][0]["weight"] = 0; });
  refused([](auto& j) { j["channels"][0][0]["weight"] = nullptr; });
  for (const double wrong : {-1.0, 1e300})
    refused([&](auto& j) { j["channels"][0][0]["spread_px"] = wrong; });
  refused([](auto& j) { j["channels"][0][0].erase("noise"); });
  refused([](auto& j) { j["channels"][0][0]["normalization"] = {1, 2}; });
  refused([](auto& j) { j["channels"].push_back(nlohmann::json::array()); });
  refused([](auto& j) { j["star_radius_px"] = 0; });
  refused([](auto& j) { j["channels"][0][0]["inverse_variance"] = -1; });
  refused([](auto& j) { j["channels"][0][0]["fwhm_surface"] = std::vector<double>(7); });
  refused([](auto& j) { j["channels"][0][0]["footprint"] = {{1, 2}}; });
  refused([](auto& j) { j["channels"][0][0]["sky_surface"] = std::vector<double>(9); });
  for (const double wrong : {0.5, 1e300})
    refused([&](auto& j) {
      j["image_width"] = j["image_height"] = 64;
      j["channels"][0][0]["sky_surface"] = std::vector<double>(sky_mesh(64, 64).size(), wrong);
    });
  refused([](auto& j) { j["image_width"] = -1; });
  refused([](auto& j) { j["seeing_px"] = 0; });
  refused([](auto& j) { j["star_radius_px"] = 1 << 20; });
  refused([](auto& j) { j["stars"][0] = {1}; });
  refused([](auto& j) { j["stars"][0] = {1e300, 5}; });
  refused([](auto& j) { j["stars"][0] = {5, -1e12}; });
}

TEST(FrameMetricsJson, DepthNumbersAndKeysHaveTheLimitsOfMessages) {
  FrameMetrics m = sample(2, 1);
  weigh_frames(m, {});
  const std::string good = encode_frame_metrics(m);
  const auto refused = [&](const std::string& what, const std::string& by) {
    std::string bytes = good;
    const std::size_t at = bytes.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    bytes.replace(at, what.size(), by);
    try {
      decode_frame_metrics(bytes);
      FAIL() << by.substr(0, 80);
    } catch (const InputError& e) {
      EXPECT_EQ(std::string(e.what()).rfind("frame metrics", 0), 0u) << e.what();
    }
  };
  refused("\"stars\":[", "\"stars\":[" + std::string(100000, '[') + std::string(100000, ']') + ",");
  for (const char* number : {"4294967304", "1.5", "1e999", "null", "99999999999999999999"})
    refused("\"star_radius_px\":" + std::to_string(m.star_radius_px),
            std::string("\"star_radius_px\":") + number);
  refused("\"sky\":[", "\"sky\":[1,1,1,");
  refused("\"schema\":1", "\"schema\":1,\"schema\":1");
  refused("\"schema\":1", "\"schema\":1,\"scheme\":1");
}

TEST(FrameMetricsCsv, OneRowAFrameAndChannel) {
  FrameMetrics m = sample(2, 2);
  weigh_frames(m, {});
  m.channels[1][1].fwhm_px = 2.5;
  const std::string csv = frame_metrics_csv(m, {"plain.fits", "odd,\"name\".fits"}, {4, 5});
  std::vector<std::string> lines;
  std::istringstream text(csv);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0],
            "frame_index,path,channel,background,noise,gradient_energy,z_background,z_noise,z_gradient,"
            "quality,weight,flux_scale,valid_fraction,fwhm_px,cluster");
  EXPECT_EQ(lines[1].substr(0, 15), "0,plain.fits,0,");
  EXPECT_EQ(std::count(lines[1].begin(), lines[1].end(), ','), 14);
  EXPECT_NE(lines[1].find(",,4"), std::string::npos) << "no FWHM: an empty field";
  EXPECT_EQ(lines[4].substr(0, 24), "1,\"odd,\"\"name\"\".fits\",1,");
  EXPECT_NE(lines[4].find(",2.5,5"), std::string::npos);
  const std::string unclustered = frame_metrics_csv(m, {"a", "b"}, {});
  EXPECT_EQ(unclustered[unclustered.find('\n', 170) - 1], ',');
}

}  // namespace
}  // namespace tilecompile

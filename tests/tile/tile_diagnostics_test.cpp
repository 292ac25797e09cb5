#include "tilecompile/tile/tile_diagnostics.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

/// Four frames in a tile of 5 x 2 px; the first column is covered by no frame, the second by two.
struct SmallTile {
  FrameMetrics metrics;
  TileInput input;
  TileResult result;

  SmallTile() {
    input.box = {10, 20, 5, 2};
    input.frame_index = {0, 1, 2, 3};
    input.local.clamp = {-3, 3};
    TileChannel c;
    c.pixels = Plane<float>(5, 2, 1.0f);
    c.coverage = Plane<std::int32_t>(5, 2, 4);
    for (int y = 0; y < 2; ++y) {
      c.coverage.at(0, y) = 0;
      c.coverage.at(1, y) = 2;
      c.pixels.at(0, y) = std::numeric_limits<float>::quiet_NaN();
    }
    c.quality = {-3, 3, 0.1, -7};
    c.frame_weight = {4, 1, 3, 2};
    c.measured_frames = 3;
    c.background = 1;
    c.median = -0.25;
    c.fallback_used = true;
    result.kind = TileKind::kStar;
    result.star_count = 5;
    result.channels = {c};
  }
};

TileDiagnostics filled(std::size_t channels) {
  const SmallTile tile;
  TileDiagnostics d = diagnose_tile(tile.input, tile.result);
  d.run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  d.worker_id = "barn-4711";
  d.attempt = 2;
  d.tile_id = 17;
  d.channels.resize(channels, d.channels.front());
  return d;
}

TEST(TileDiagnostics, SumsUpWhatTheTileHolds) {
  const SmallTile tile;
  const TileDiagnostics d = diagnose_tile(tile.input, tile.result);
  EXPECT_EQ(d.box, tile.input.box);
  EXPECT_EQ(d.kind, TileKind::kStar);
  EXPECT_EQ(d.stars, 5);
  EXPECT_EQ(d.frames, 4);
  ASSERT_EQ(d.channels.size(), 1u);
  const ChannelDiagnostics& c = d.channels.front();
  EXPECT_EQ(c.quality.low, -3);
  EXPECT_EQ(c.quality.high, 3);
  std::vector<std::int64_t> bins(24);
  bins[0] = 2;   // -3, and -7 from outside
  bins[12] = 1;  // 0.1 in bins of 0.25
  bins[23] = 1;  // 3, the upper edge
  EXPECT_EQ(c.quality.counts, bins);
  EXPECT_EQ(c.weight_quantiles, (std::vector<double>{1, 1, 2, 3, 3, 4, 4}));
  EXPECT_DOUBLE_EQ(c.n_eff, 100.0 / 30.0);
  EXPECT_EQ(c.measured_frames, 3);
  EXPECT_DOUBLE_EQ(c.valid_fraction, (2 * 2 + 6 * 4) / 40.0);
  EXPECT_DOUBLE_EQ(c.uncovered_fraction, 0.2);
  EXPECT_EQ(c.background, 1);
  EXPECT_EQ(c.median, -0.25);
  EXPECT_EQ(c.noise, 0);
  EXPECT_TRUE(c.fallback_used);
}

TEST(TileDiagnostics, NoiseIsTheScatterOfTheReconstruction) {
  SmallTile tile;
  tile.result.channels.front().pixels = Plane<float>(60, 60);
  tile.result.channels.front().coverage = Plane<std::int32_t>(60, 60, 4);
  for (int y = 0; y < 60; ++y)
    for (int x = 0; x < 60; ++x)  // evenly spread over 0..1: standard deviation 1/sqrt(12)
      tile.result.channels.front().pixels.at(x, y) = static_cast<float>((y * 60 + x) * 7 % 3600) / 3600.0f;
  EXPECT_NEAR(diagnose_tile(tile.input, tile.result).channels.front().noise, 0.2887, 0.01);
}

TEST(TileDiagnostics, ATileWithoutDataIsFiniteToo) {
  SmallTile tile;
  TileChannel& c = tile.result.channels.front();
  c.pixels = Plane<float>(5, 2, std::numeric_limits<float>::quiet_NaN());
  c.coverage = Plane<std::int32_t>(5, 2, 0);
  c.frame_weight = {0, 0, 0, 0};
  TileDiagnostics d = diagnose_tile(tile.input, tile.result);
  EXPECT_EQ(d.channels.front().uncovered_fraction, 1);
  EXPECT_EQ(d.channels.front().n_eff, 0);
  d.run_id = filled(1).run_id;
  EXPECT_EQ(encode_diagnostics(decode_diagnostics(encode_diagnostics(d))), encode_diagnostics(d));
}

TEST(DiagnosticsMessage, RoundTripWithTheFieldsOfTheProtocol) {
  for (const std::size_t channels : {1u, 3u}) {
    const std::string bytes = encode_diagnostics(filled(channels));
    EXPECT_EQ(encode_diagnostics(decode_diagnostics(bytes)), bytes);
    EXPECT_EQ(bytes.find('\n'), std::string::npos);
    std::vector<std::string> keys;
    const json j = json::parse(bytes);
    for (const auto& [key, value] : j.items()) keys.push_back(key);
    EXPECT_EQ(keys, (std::vector<std::string>{"attempt", "channels", "frames", "kind", "run_id", "schema",
                                              "stars", "tile_bbox", "tile_id", "worker_id"}));
    EXPECT_EQ(j["tile_bbox"], (json{10, 20, 5, 2}));
    EXPECT_EQ(j["channels"].size(), channels);
  }
}

TEST(DiagnosticsMessage, StaysBelowItsBound) {
  TileDiagnostics d = filled(3);
  d.worker_id = std::string(255, 'w');
  d.tile_id = d.frames = d.stars = 1 << 24;
  for (ChannelDiagnostics& c : d.channels) {
    const double longest = -1.2345678901234567e-300;
    std::fill(c.quality.counts.begin(), c.quality.counts.end(), 1 << 24);
    std::fill(c.weight_quantiles.begin(), c.weight_quantiles.end(), longest);
    c.n_eff = c.valid_fraction = c.uncovered_fraction = c.background = c.median = c.noise = longest;
    c.quality.low = c.quality.high = longest;
  }
  EXPECT_LE(encode_diagnostics(d).size(), kMostDiagnosticsBytes);
  EXPECT_NO_THROW(decode_diagnostics(encode_diagnostics(d)));
  d.worker_id = std::string(kMostDiagnosticsBytes, 'w');
  EXPECT_THROW(decode_diagnostics(encode_diagnostics(d)), InputError);
}

TEST(DiagnosticsMessage, EveryTruncationAndWrongFieldIsRefused) {
  const std::string good = encode_diagnostics(filled(1));
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_THROW(decode_diagnostics(good.substr(0, n)), InputError) << n;
  const auto refused = [&](auto change) {
    json j = json::parse(good);
    change(j);
    EXPECT_THROW(decode_diagnostics(j.dump()), InputError) << j.dump();
  };
  const json whole = json::parse(good), channel = whole["channels"][0];
  for (const auto& [key, value] : whole.items()) {
    refused([&, k = key](json& j) { j.erase(k); });
    refused([&, k = key](json& j) { j[k] = nullptr; });
  }
  for (const auto& [key, value] : channel.items()) {
    refused([&, k = key](json& j) { j["channels"][0].erase(k); });
    refused([&, k = key](json& j) { j["channels"][0][k] = "text"; });
  }
  refused([](json& j) { j["more"] = 1; });
  refused([](json& j) { j["channels"][0]["more"] = 1; });
  refused([](json& j) { j["channels"] = json::array(); });
  refused([](json& j) { j["kind"] = "COMET"; });
  refused([](json& j) { j["channels"][0]["weight_quantiles"].push_back(1); });
  refused([](json& j) { j["channels"][0]["quality_histogram"]["counts"][0] = -1; });
}

}  // namespace
}  // namespace tilecompile

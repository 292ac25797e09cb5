#include "tilecompile/protocol/diagnostics_message.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "coadd/small_tile.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

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

TEST(DiagnosticsMessage, OfATileWithoutData) {
  SmallTile tile;
  TileChannel& c = tile.result.channels.front();
  c.pixels = Plane<float>(5, 2, std::numeric_limits<float>::quiet_NaN());
  c.coverage = Plane<std::int32_t>(5, 2, 0);
  c.frame_weight = {0, 0, 0, 0};
  TileDiagnostics d = diagnose_tile(tile.input, tile.result);
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

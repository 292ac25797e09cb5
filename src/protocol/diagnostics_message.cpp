#include "tilecompile/protocol/diagnostics_message.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr std::size_t kMostTileChannels = 16;
constexpr std::size_t kMostBins = 256;
constexpr int kLargestCount = 1 << 24;

json encode_channel(const ChannelDiagnostics& c) {
  return {
      {"quality_histogram", {{"low", c.quality.low}, {"high", c.quality.high}, {"counts", c.quality.counts}}},
      {"measured_frames", c.measured_frames},
      {"weight_quantiles", c.weight_quantiles},
      {"n_eff", c.n_eff},
      {"valid_fraction", c.valid_fraction},
      {"uncovered_fraction", c.uncovered_fraction},
      {"background", c.background},
      {"median", c.median},
      {"noise", c.noise},
      {"fallback_used", c.fallback_used}};
}

std::vector<double> decode_quantiles(StrictObject& o) {
  const json& list = o.get("weight_quantiles");
  if (!list.is_array() || list.size() != std::size(kWeightShares))
    o.fail("weight_quantiles", "is not a list of " + std::to_string(std::size(kWeightShares)) + " numbers");
  std::vector<double> values;
  for (const json& item : list) {
    if (!item.is_number() || !std::isfinite(item.get<double>()))
      o.fail("weight_quantiles", "holds something that is not a finite number");
    values.push_back(item.get<double>());
  }
  return values;
}

ChannelDiagnostics decode_channel(const json& item) {
  StrictObject o(item, "diagnostics channel");
  ChannelDiagnostics c;
  StrictObject histogram(o.get("quality_histogram"), "diagnostics quality_histogram");
  c.quality.low = histogram.number("low");
  c.quality.high = histogram.number("high");
  for (const int n : histogram.integers("counts", 1, kMostBins, 0, kLargestCount))
    c.quality.counts.push_back(n);
  histogram.done();
  c.measured_frames = static_cast<int>(o.integer("measured_frames", 0, kLargestCount));
  c.weight_quantiles = decode_quantiles(o);
  c.n_eff = o.number("n_eff");
  c.valid_fraction = o.number("valid_fraction");
  c.uncovered_fraction = o.number("uncovered_fraction");
  c.background = o.number("background");
  c.median = o.number("median");
  c.noise = o.number("noise");
  c.fallback_used = o.boolean("fallback_used");
  o.done();
  return c;
}

}  // namespace

std::string encode_diagnostics(const TileDiagnostics& d) {
  json channels = json::array();
  for (const ChannelDiagnostics& c : d.channels) channels.push_back(encode_channel(c));
  const json j{{"schema", 1},
               {"run_id", d.run_id},
               {"tile_id", d.tile_id},
               {"tile_bbox", {d.box.x0, d.box.y0, d.box.w, d.box.h}},
               {"worker_id", d.worker_id},
               {"attempt", d.attempt},
               {"kind", tile_kind_name(d.kind)},
               {"stars", d.stars},
               {"frames", d.frames},
               {"channels", std::move(channels)}};
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

TileDiagnostics decode_diagnostics(std::string_view bytes) {
  if (bytes.size() > kMostDiagnosticsBytes)
    throw InputError("diagnostics of " + std::to_string(bytes.size()) + " bytes; at most " +
                     std::to_string(kMostDiagnosticsBytes) + " are taken");
  const json j = StrictObject::parse(bytes, "diagnostics");
  StrictObject o(j, "diagnostics");
  TileDiagnostics d;
  o.integer("schema", 1, 1);
  d.run_id = o.uuid("run_id");
  d.tile_id = static_cast<int>(o.integer("tile_id", 0, kLargestCount));
  const auto b = o.integers("tile_bbox", 4, 4, 0, kLargestCount);
  d.box = {b[0], b[1], b[2], b[3]};
  d.worker_id = o.text("worker_id");
  d.attempt = static_cast<int>(o.integer("attempt", 1, 1 << 20));
  const std::string kind = o.text("kind");
  if (kind != tile_kind_name(TileKind::kStar) && kind != tile_kind_name(TileKind::kStructure))
    o.fail("kind", "is neither STAR nor STRUCTURE");
  d.kind = kind == tile_kind_name(TileKind::kStar) ? TileKind::kStar : TileKind::kStructure;
  d.stars = static_cast<int>(o.integer("stars", 0, kLargestCount));
  d.frames = static_cast<int>(o.integer("frames", 1, kLargestCount));
  const json& channels = o.get("channels");
  if (!channels.is_array() || channels.empty() || channels.size() > kMostTileChannels)
    o.fail("channels", "is not a list of 1 to " + std::to_string(kMostTileChannels) + " channels");
  for (const json& item : channels) d.channels.push_back(decode_channel(item));
  o.done();
  return d;
}

}  // namespace tilecompile

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/frame/csv.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/sky_mesh.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr double kFarthestStarPx = 1e8, kWidestSpreadPx = 1000;
constexpr std::size_t kMostSurfaceTerms = 6;
constexpr std::size_t kMostSkyTerms = 256;
constexpr double kFarthestSky = 1e15;  // whole numbers up to here are exact
constexpr int kLargestImagePx = 1000000;
constexpr std::size_t kMostChannels = 3;

// Field by field, so that encoder and decoder cannot drift apart.
template <class Visit>
void visit_fields(Visit visit) {
  visit("background", &FrameChannel::background);
  visit("noise", &FrameChannel::noise);
  visit("gradient_energy", &FrameChannel::gradient_energy);
  visit("z_background", &FrameChannel::z_background);
  visit("z_noise", &FrameChannel::z_noise);
  visit("z_gradient", &FrameChannel::z_gradient);
  visit("quality", &FrameChannel::quality);
  visit("weight", &FrameChannel::weight);
  visit("flux_scale", &FrameChannel::flux_scale);
  visit("valid_fraction", &FrameChannel::valid_fraction);
  visit("fwhm_px", &FrameChannel::fwhm_px);
}

json encode_number(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

json encode_channel(const FrameChannel& f) {
  json j;
  visit_fields([&](const char* name, auto member) { j[name] = encode_number(f.*member); });
  j["inverse_variance"] = f.inverse_variance;
  if (f.spread_px > 0) j["spread_px"] = f.spread_px;
  j["normalization"] = {f.normalization.offset, f.normalization.gain, f.normalization.pedestal};
  j["fwhm_surface"] = f.fwhm_surface;
  j["sky_surface"] = json::array();
  for (const double units : f.sky_surface) j["sky_surface"].push_back(static_cast<std::int64_t>(units));
  j["footprint"] = json::array();
  for (const FootprintEdge& e : f.footprint) j["footprint"].push_back({e.a, e.b, e.c});
  return j;
}

FrameChannel decode_channel(const json& j) {
  StrictObject o(j, "frame metrics");
  FrameChannel f;
  visit_fields([&](const char* name, auto member) { f.*member = o.number_or_nan(name); });
  const auto n = o.numbers("normalization", 3, 3);
  f.normalization = {n[0], n[1], n[2]};
  f.inverse_variance = o.number("inverse_variance");
  if (o.has("spread_px")) f.spread_px = o.number("spread_px");
  f.fwhm_surface = o.numbers("fwhm_surface", 0, kMostSurfaceTerms);
  f.sky_surface = o.numbers("sky_surface", 0, kMostSkyTerms);
  for (const auto& e : o.rows("footprint", 3)) f.footprint.push_back({e[0], e[1], e[2]});
  o.done();
  if (!(f.spread_px >= 0 && f.spread_px < kWidestSpreadPx)) o.fail("spread_px", "is no width of a star");
  if (!(f.weight > 0)) o.fail("weight", "is not a positive number");
  if (!(f.inverse_variance > 0)) o.fail("inverse_variance", "is not a positive number");
  return f;
}

std::vector<FrameChannel> decode_frames(const json& list) {
  if (!list.is_array()) throw InputError("frame metrics: a channel is not a list of frames");
  std::vector<FrameChannel> frames;
  for (const json& f : list) frames.push_back(decode_channel(f));
  return frames;
}

std::vector<ReferenceStar> decode_stars(StrictObject& o) {
  std::vector<ReferenceStar> stars;
  for (const auto& s : o.rows("stars", 2)) {
    // Far outside of any image; nearer ones convert to whole pixels safely.
    if (!(std::abs(s[0]) < kFarthestStarPx && std::abs(s[1]) < kFarthestStarPx))
      o.fail("stars", "has a star outside of any image");
    stars.push_back({s[0], s[1]});
  }
  return stars;
}

// Tiles evaluate the surfaces on the mesh of the image.
void check_sky_surfaces(const StrictObject& o, const FrameMetrics& metrics) {
  const bool image = metrics.image_width > 0 && metrics.image_height > 0;
  const std::size_t size = image ? sky_mesh(metrics.image_width, metrics.image_height).size() : 0;
  for (const auto& frames : metrics.channels)
    for (const FrameChannel& f : frames) {
      if (!f.sky_surface.empty() && f.sky_surface.size() != size)
        o.fail("channels", "has a sky surface of another mesh than that of the image");
      for (const double units : f.sky_surface)
        if (!(std::abs(units) <= kFarthestSky) || units != std::floor(units))
          o.fail("channels", "has a sky surface that is not of whole numbers");
    }
}

void append_number(std::string& text, double v) {
  if (std::isfinite(v)) text += json(v).dump();
}

}  // namespace

std::string encode_frame_metrics(const FrameMetrics& metrics) {
  json channels = json::array();
  for (const auto& frames : metrics.channels) {
    json list = json::array();
    for (const FrameChannel& f : frames) list.push_back(encode_channel(f));
    channels.push_back(std::move(list));
  }
  json stars = json::array();
  for (const ReferenceStar& s : metrics.stars) stars.push_back({s.x, s.y});
  json all{{"schema", 1},
           {"channels", std::move(channels)},
           {"stars", std::move(stars)},
           {"star_radius_px", metrics.star_radius_px},
           {"seeing_px", metrics.seeing_px},
           {"image_width", metrics.image_width},
           {"image_height", metrics.image_height},
           {"sky", metrics.sky},
           {"output_scale", metrics.output_scale}};
  if (!metrics.frame_tables) all["frame_tables"] = false;
  if (!metrics.sums_ref.empty())
    all["frame_sums"] = {{"ref", metrics.sums_ref}, {"checksum", metrics.sums_checksum}};
  return all.dump() + "\n";
}

FrameMetrics decode_frame_metrics(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "frame metrics");
  StrictObject o(j, "frame metrics");
  o.integer("schema", 1, 1);
  FrameMetrics metrics;
  if (!o.get("channels").is_array()) o.fail("channels", "is not a list");
  for (const json& list : o.get("channels")) {
    metrics.channels.push_back(decode_frames(list));
    if (metrics.channels.back().size() != metrics.channels.front().size())
      o.fail("channels", "has channels with unequal numbers of frames");
  }
  metrics.stars = decode_stars(o);
  metrics.star_radius_px = static_cast<int>(o.integer("star_radius_px", 1, 1000));
  metrics.seeing_px = o.number("seeing_px");
  if (!(metrics.seeing_px > 0)) o.fail("seeing_px", "is not positive");
  metrics.image_width = static_cast<int>(o.integer("image_width", 0, kLargestImagePx));
  metrics.image_height = static_cast<int>(o.integer("image_height", 0, kLargestImagePx));
  check_sky_surfaces(o, metrics);
  metrics.sky = o.numbers("sky", 0, kMostChannels);
  metrics.output_scale = o.numbers("output_scale", 0, kMostChannels);
  if (o.has("frame_tables")) metrics.frame_tables = o.boolean("frame_tables");
  if (o.has("frame_sums")) {
    StrictObject sums(o.get("frame_sums"), "frame metrics");
    metrics.sums_ref = sums.text("ref");
    metrics.sums_checksum = sums.digest("checksum");
    sums.done();
  }
  o.done();
  return metrics;
}

std::string frame_metrics_csv(const FrameMetrics& metrics, const std::vector<std::string>& frame_paths,
                              const std::vector<int>& cluster_of_frame) {
  std::string text =
      "frame_index,path,channel,background,noise,gradient_energy,z_background,z_noise,z_gradient,quality,"
      "weight,"
      "flux_scale,valid_fraction,fwhm_px,cluster\n";
  for (int f = 0; f < metrics.frame_count(); ++f) {
    const auto i = static_cast<std::size_t>(f);
    for (std::size_t c = 0; c < metrics.channels.size(); ++c) {
      text += std::to_string(f) + "," + csv_field(frame_paths[i]) + "," + std::to_string(c);
      visit_fields([&](const char*, auto member) {
        text += ",";
        append_number(text, metrics.channels[c][i].*member);
      });
      text += ",";
      if (i < cluster_of_frame.size()) text += std::to_string(cluster_of_frame[i]);
      text += "\n";
    }
  }
  return text;
}

}  // namespace tilecompile

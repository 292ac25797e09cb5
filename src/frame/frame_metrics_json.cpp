#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/csv.hpp"
#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr double kFarthestStarPx = 1e8;
constexpr std::size_t kMostSurfaceTerms = 6;
constexpr int kLargestImagePx = 1000000;

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
double decode_number(const json& j) {
  return j.is_null() ? std::numeric_limits<double>::quiet_NaN() : j.get<double>();
}

json encode_channel(const FrameChannel& f) {
  json j;
  visit_fields([&](const char* name, auto member) { j[name] = encode_number(f.*member); });
  j["inverse_variance"] = f.inverse_variance;
  j["normalization"] = {f.normalization.offset, f.normalization.gain, f.normalization.pedestal};
  j["fwhm_surface"] = f.fwhm_surface;
  j["footprint"] = json::array();
  for (const FootprintEdge& e : f.footprint) j["footprint"].push_back({e.a, e.b, e.c});
  return j;
}

FrameChannel decode_channel(const json& j) {
  FrameChannel f;
  visit_fields([&](const char* name, auto member) { f.*member = decode_number(j.at(name)); });
  const json& n = j.at("normalization");
  f.normalization = {n.at(0).get<double>(), n.at(1).get<double>(), n.at(2).get<double>()};
  f.inverse_variance = j.at("inverse_variance").get<double>();
  f.fwhm_surface = j.at("fwhm_surface").get<std::vector<double>>();
  if (f.fwhm_surface.size() > kMostSurfaceTerms)
    throw InputError("frame metrics: a surface has too many terms");
  for (const json& e : j.at("footprint"))
    f.footprint.push_back({e.at(0).get<double>(), e.at(1).get<double>(), e.at(2).get<double>()});
  for (double weight : {f.weight, f.inverse_variance})
    if (!std::isfinite(weight) || !(weight > 0))
      throw InputError("frame metrics: a weight is not a positive number");
  return f;
}

ReferenceStar decode_star(const json& j) {
  const ReferenceStar star{j.at(0).get<double>(), j.at(1).get<double>()};
  // Far outside of any image; nearer ones convert to whole pixels safely.
  if (!(std::abs(star.x) < kFarthestStarPx && std::abs(star.y) < kFarthestStarPx))
    throw InputError("frame metrics: a star lies outside of any image");
  return star;
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
  return json{{"schema", 1},
              {"channels", std::move(channels)},
              {"stars", std::move(stars)},
              {"star_radius_px", metrics.star_radius_px},
              {"seeing_px", metrics.seeing_px},
              {"image_width", metrics.image_width},
              {"image_height", metrics.image_height},
              {"sky", metrics.sky},
              {"output_scale", metrics.output_scale}}
             .dump() +
         "\n";
}

FrameMetrics decode_frame_metrics(std::string_view bytes) {
  try {
    const json j = json::parse(bytes);
    if (j.at("schema").get<int>() != 1) throw InputError("frame metrics: unknown schema");
    FrameMetrics metrics;
    for (const json& list : j.at("channels")) {
      std::vector<FrameChannel> frames;
      for (const json& f : list) frames.push_back(decode_channel(f));
      if (!metrics.channels.empty() && frames.size() != metrics.channels.front().size())
        throw InputError("frame metrics: channels with unequal numbers of frames");
      metrics.channels.push_back(std::move(frames));
    }
    for (const json& s : j.at("stars")) metrics.stars.push_back(decode_star(s));
    metrics.star_radius_px = j.at("star_radius_px").get<int>();
    if (metrics.star_radius_px < 1 || metrics.star_radius_px > 1000)
      throw InputError("frame metrics: star radius out of range");
    metrics.seeing_px = j.at("seeing_px").get<double>();
    if (!(metrics.seeing_px > 0)) throw InputError("frame metrics: the seeing is not positive");
    metrics.image_width = j.at("image_width").get<int>();
    metrics.image_height = j.at("image_height").get<int>();
    for (int side : {metrics.image_width, metrics.image_height})
      if (side < 0 || side > kLargestImagePx) throw InputError("frame metrics: image size out of range");
    metrics.sky = j.at("sky").get<std::vector<double>>();
    metrics.output_scale = j.at("output_scale").get<std::vector<double>>();
    return metrics;
  } catch (const json::exception& e) {
    throw InputError(std::string("frame metrics are damaged: ") + e.what());
  }
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

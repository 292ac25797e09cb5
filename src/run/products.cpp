#include "tilecompile/run/products.hpp"

#include <cmath>

#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/frame/observing_time.hpp"

namespace tilecompile {
namespace {

ProductHeader product_header(const ProductContext& context, const std::vector<std::string>& history) {
  ProductHeader header;
  header.kept_records = product_header_records(context.first_frame);
  std::vector<FrameFacts> facts;
  for (const ManifestEntry& f : context.manifest->frames) facts.push_back(f.facts);
  const auto frames = static_cast<std::int64_t>(facts.size());
  header.cards = {{"STACKCNT", frames, "number of frames in the stack"},
                  {"NCOMBINE", frames, "number of frames combined"},
                  {"PROGRAM", context.program, "software that wrote this file"},
                  {"RUNID", context.run_id, "run"},
                  {"CONFHASH", context.config_hash, "SHA-256 of the configuration"},
                  {"MANIFEST", context.frames_manifest_id, "SHA-256 of the frame manifest"}};
  const ObservingTime time = observing_time(facts);
  if (std::isfinite(time.total_s)) {
    header.cards.push_back({"EXPTIME", time.exposure_s, "[s] exposure of one frame"});
    header.cards.push_back({"LIVETIME", time.total_s, "[s] sum of all exposures"});
    header.cards.push_back({"TOTALEXP", time.total_s, "[s] sum of all exposures"});
  }
  if (!time.begin.empty()) {
    header.cards.push_back({"DATE-OBS", time.begin, "start of the first exposure"});
    header.cards.push_back({"DATE-END", time.end, "end of the last exposure"});
    header.cards.push_back({"DATE-AVG", time.middle, "mean of the exposures' middles"});
  }
  header.history = history;
  return header;
}

// Coverage and weight maps keep the sky, not the units of the picture.
ProductHeader map_header(ProductHeader header, const char* what) {
  header.history.emplace_back(what);
  return header;
}

std::vector<ProductQuality> qualities(const ProductContext& context,
                                      const std::vector<CoaddChannel>& channels, int min_coverage) {
  std::vector<ProductQuality> result;
  for (std::size_t c = 0; c < channels.size(); ++c)
    result.push_back(measure_quality(channels[c].pixels, (*context.classical)[c], *context.metrics,
                                     {&channels[c].coverage, min_coverage}));
  return result;
}

bool any_measured(const std::vector<ProductQuality>& qualities) {
  for (const ProductQuality& q : qualities)
    if (q.background_rms > 0) return true;
  return false;
}

}  // namespace

Image in_output_units(const ProductContext& context, const std::vector<CoaddChannel>& channels) {
  Image image;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    Plane<float> plane = channels[c].pixels;
    if (!context.normalized_units)
      for (float& v : plane.samples()) v = static_cast<float>(v * context.metrics->output_scale[c]);
    image.push_back(std::move(plane));
  }
  return image;
}

ProductRecord write_product(const ProductContext& context, const std::string& name,
                            const std::vector<CoaddChannel>& channels,
                            const std::vector<std::string>& history) {
  ProductRecord record;
  record.name = name;
  record.file = name + ".fits";
  const ProductHeader header = product_header(context, history);
  const Image image = in_output_units(context, channels);
  record.digest = pixel_digest(image);
  write_image(context.directory / record.file, image, header);
  std::vector<Plane<std::int32_t>> coverage;
  Image weight;
  for (const CoaddChannel& channel : channels) {
    coverage.push_back(channel.coverage);
    weight.push_back(channel.weight);
  }
  write_image(context.directory / (name + ".coverage.fits"), coverage,
              map_header(header, "coverage: valid frames per pixel"));
  write_image(context.directory / (name + ".weight.fits"), weight,
              map_header(header, "weight: sum of frame weights per pixel"));
  const int frames = static_cast<int>(context.manifest->frames.size());
  record.common_area = qualities(context, channels, frames);
  if (!any_measured(record.common_area)) record.common_area.clear();
  record.covered_area = qualities(context, channels, 1);
  return record;
}

}  // namespace tilecompile

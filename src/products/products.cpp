#include "tilecompile/products/products.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/observation_cards.hpp"

namespace tilecompile {
namespace {

ProductHeader product_header(const ProductContext& context, const ProductPlan& plan) {
  ProductHeader header;
  header.kept_records = shared_header_records(context.first_frame);
  if (!context.one_sky) drop_sky_records(header.kept_records);
  if (context.on_reference != nullptr)
    move_sky_records(header.kept_records, context.on_reference->x0, context.on_reference->y0,
                     context.on_reference->step);
  std::vector<FrameFacts> facts;
  for (std::size_t f = 0; f < context.manifest->frames.size(); ++f)
    if (plan.frames.empty() ||
        std::binary_search(plan.frames.begin(), plan.frames.end(), static_cast<int>(f)))
      facts.push_back(context.manifest->frames[f].facts);
  header.cards = {{"PROGRAM", context.program, "software that wrote this file"},
                  {"RUNID", context.run_id, "run"},
                  {"CONFHASH", context.config_hash, "SHA-256 of the configuration"},
                  {"MANIFEST", context.frames_manifest_id, "SHA-256 of the frame manifest"}};
  const auto observed = observation_cards(facts);
  header.cards.insert(header.cards.end(), observed.begin(), observed.end());
  header.history = plan.history;
  return header;
}

constexpr const char* kMaps[] = {"coverage", "weight", "variance", "neff"};
constexpr const char* kCoverageText = "coverage: valid frames per pixel";
constexpr const char* kWeightText = "weight: sum of frame weights per pixel";
constexpr const char* kVarianceText = "variance: of a pixel as the background noise of the frames makes it";
constexpr const char* kNeffText = "neff: effective number of frames per pixel";

std::filesystem::path map_path(std::filesystem::path picture, const char* what) {
  return picture.replace_extension(std::string(".") + what + ".fits");
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
    result.push_back(measure_quality(channels[c].pixels, (*context.classical)[c], (*context.sky)[c],
                                     *context.metrics, {&channels[c].coverage, min_coverage}));
  return result;
}

bool any_measured(const std::vector<ProductQuality>& qualities) {
  for (const ProductQuality& q : qualities)
    if (q.sky_cell_count > 0 || q.star_count > 0) return true;
  return false;
}

// Output units a unit of I'.
double output_unit(const ProductContext& context, std::size_t channel) {
  const double input_units = context.metrics->output_scale[channel];
  if (!context.normalized_units) return input_units;
  return input_units / context.metrics->sky[channel];
}

Plane<float> times(Plane<float> plane, double factor) {
  for (float& v : plane.samples()) v = static_cast<float>(v * factor);
  return plane;
}

Image scaled(const ProductContext& context, const std::vector<CoaddChannel>& channels,
             Plane<float> CoaddChannel::*which) {
  Image image;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    image.push_back(times(channels[c].*which, output_unit(context, c)));
  }
  return image;
}

template <class T>
std::vector<Plane<T>> planes_of(const std::vector<CoaddChannel>& channels, Plane<T> CoaddChannel::*which) {
  std::vector<Plane<T>> planes;
  for (const CoaddChannel& channel : channels) planes.push_back(channel.*which);
  return planes;
}

template <class T>
void write_map(const ProductContext& context, const ProductPlan& plan, const char* what,
               const ProductHeader& header, const std::vector<Plane<T>>& planes) {
  write_image(map_path(context.directory / plan.file, what), planes, header);
}

void write_variance(const ProductContext& context, const ProductPlan& plan, const ProductHeader& header,
                    const std::vector<CoaddChannel>& channels) {
  Image variance = planes_of(channels, &CoaddChannel::variance);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const double unit = output_unit(context, c);
    for (float& v : variance[c].samples()) v = static_cast<float>(v * unit * unit);
  }
  write_map(context, plan, "variance", map_header(header, kVarianceText), variance);
}

}  // namespace

void check_output_units(const FrameMetrics& metrics, bool normalized_units) {
  if (!normalized_units) return;
  for (std::size_t c = 0; c < metrics.sky.size(); ++c)
    if (!(metrics.sky[c] > 1e-6))
      throw InputError(
          "'output.units: normalized' divides by the brightness of the sky, whose median over the frames "
          "is " +
          std::to_string(metrics.sky[c]) + " in channel " + std::to_string(c) +
          ": set 'output.units: input', or use frames whose sky was not subtracted");
}

Image in_output_units(const ProductContext& context, const std::vector<CoaddChannel>& channels) {
  return scaled(context, channels, &CoaddChannel::pixels);
}

void write_rejected_light(const ProductContext& context, const std::vector<CoaddChannel>& channels) {
  if (channels.front().light_high.empty()) return;
  const auto write = [&](const char* file, Plane<float> CoaddChannel::*plane, const char* what) {
    const ProductPlan plan{"rejected", file, {what}, {}, false};
    write_image(context.directory / file, scaled(context, channels, plane), product_header(context, plan));
  };
  write("rejected.fits", &CoaddChannel::light_high,
        "tilecompile: light that rejection took above the other frames, summed over frames");
  write("rejected.low.fits", &CoaddChannel::light_low,
        "tilecompile: light that rejection took below the other frames, summed over frames");
}

ProductRecord write_product(const ProductContext& context, const ProductPlan& plan,
                            const std::vector<CoaddChannel>& channels) {
  ProductRecord record;
  record.name = plan.name;
  record.file = plan.file;
  const ProductHeader header = product_header(context, plan);
  std::filesystem::create_directories((context.directory / plan.file).parent_path());
  const int frames = static_cast<int>(context.manifest->frames.size());
  std::vector<std::function<void()>> parts = {
      [&] {
        const Image image = in_output_units(context, channels);
        record.digest = pixel_digest(image);
        write_image(context.directory / plan.file, image, header);
      },
      [&] { write_variance(context, plan, header, channels); },
      [&] {
        write_map(context, plan, "coverage", map_header(header, kCoverageText),
                  planes_of(channels, &CoaddChannel::coverage));
      },
      [&] {
        write_map(context, plan, "weight", map_header(header, kWeightText),
                  planes_of(channels, &CoaddChannel::weight));
      },
      [&] {
        write_map(context, plan, "neff", map_header(header, kNeffText),
                  planes_of(channels, &CoaddChannel::effective_frames));
      }};
  if (plan.measured) {
    parts.emplace_back([&] { record.common_area = qualities(context, channels, frames); });
    parts.emplace_back([&] { record.covered_area = qualities(context, channels, 1); });
    parts.emplace_back([&] {
      for (std::size_t c = 0; c < channels.size(); ++c)
        record.pattern.push_back(tile_pattern(channels[c].pixels, (*context.kept)[c], *context.grid));
    });
  }
  parallel_for(static_cast<int>(parts.size()), context.threads,
               [&](int i) { parts[static_cast<std::size_t>(i)](); });
  if (!any_measured(record.common_area)) record.common_area.clear();
  return record;
}

namespace {

std::vector<double> output_units(const ProductContext& context) {
  std::vector<double> units;
  for (std::size_t c = 0; c < context.classical->size(); ++c) units.push_back(output_unit(context, c));
  return units;
}

// Picture or map of a product that comes in rows; the folder may not be there yet.
ImageRows rows_of_product(const ProductContext& context, const ProductPlan& plan, const char* map,
                          const char* text, const Box& image, ImageSamples samples = ImageSamples::kFloat32) {
  const std::filesystem::path picture = context.directory / plan.file;
  std::filesystem::create_directories(picture.parent_path());
  const ProductHeader header = product_header(context, plan);
  return {map == nullptr ? picture : map_path(picture, map),
          samples,
          image.w,
          image.h,
          static_cast<int>(context.classical->size()),
          map == nullptr ? header : map_header(header, text)};
}

}  // namespace

ProductRows::ProductRows(const ProductContext& context, const ProductPlan& plan, int width, int height)
    : units_(output_units(context)),
      pixels_(rows_of_product(context, plan, nullptr, nullptr, {0, 0, width, height})),
      variance_(rows_of_product(context, plan, "variance", kVarianceText, {0, 0, width, height})),
      coverage_(rows_of_product(context, plan, "coverage", kCoverageText, {0, 0, width, height},
                                ImageSamples::kInt32)),
      weight_(rows_of_product(context, plan, "weight", kWeightText, {0, 0, width, height})),
      effective_frames_(rows_of_product(context, plan, "neff", kNeffText, {0, 0, width, height})) {
  record_.name = plan.name;
  record_.file = plan.file;
}

void ProductRows::add(const std::vector<CoaddChannel>& rows) {
  for (std::size_t c = 0; c < rows.size(); ++c) {
    const int channel = static_cast<int>(c);
    const double unit = units_[c];
    pixels_.add(channel, times(rows[c].pixels, unit));
    Plane<float> variance = rows[c].variance;
    for (float& v : variance.samples()) v = static_cast<float>(v * unit * unit);
    variance_.add(channel, variance);
    coverage_.add(channel, rows[c].coverage);
    weight_.add(channel, rows[c].weight);
    effective_frames_.add(channel, rows[c].effective_frames);
  }
}

ProductRecord ProductRows::finish() {
  record_.digest = pixels_.digest();
  for (ImageRows* image : {&pixels_, &variance_, &coverage_, &weight_, &effective_frames_}) image->finish();
  return record_;
}

ProductRecord link_product(const ProductContext& context, const ProductRecord& product,
                           const ProductPlan& plan) {
  const std::filesystem::path from = context.directory / product.file, to = context.directory / plan.file;
  std::filesystem::create_directories(to.parent_path());
  link_or_copy(from, to);
  for (const char* what : kMaps) link_or_copy(map_path(from, what), map_path(to, what));
  ProductRecord record = product;
  record.name = plan.name;
  record.file = plan.file;
  return record;
}

}  // namespace tilecompile

#include "tilecompile/products/products.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/quality.hpp"
#include "tilecompile/coadd/rejected_light.hpp"
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
                                      const std::vector<PictureFigures>& figures,
                                      const std::vector<ProductPlanes>& channels, int min_coverage) {
  const std::vector<PictureFigures>& plain = context.plain == nullptr ? figures : *context.plain;
  std::vector<ProductQuality> result;
  for (std::size_t c = 0; c < channels.size(); ++c)
    result.push_back(
        compare_figures(figures[c], plain[c], *context.metrics, {channels[c].coverage, min_coverage}));
  return result;
}

// The classical stack has no tiles.
TilePattern pattern_of(const ProductContext& context, const Plane<float>& pixels, std::size_t channel) {
  return context.plain == nullptr ? TilePattern{}
                                  : tile_pattern(pixels, context.yardstick->kept[channel], *context.grid);
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

std::vector<double> output_units(const ProductContext& context) {
  std::vector<double> units;
  for (std::size_t c = 0; c < context.classical->size(); ++c) units.push_back(output_unit(context, c));
  return units;
}

// Picture or map of a product that comes in rows; the folder may not be there yet.
ImageRows rows_of_product(const ProductContext& context, const ProductPlan& plan, const ProductHeader& header,
                          const char* map, const char* text, int width, int height,
                          ImageSamples samples = ImageSamples::kFloat32) {
  const std::filesystem::path picture = context.directory / plan.file;
  std::filesystem::create_directories(picture.parent_path());
  return {map == nullptr ? picture : map_path(picture, map),
          samples,
          width,
          height,
          static_cast<int>(context.classical->size()),
          map == nullptr ? header : map_header(header, text)};
}

auto times(double factor) {
  return [factor](float v) { return static_cast<float>(v * factor); };
}
auto times_squared(double factor) {
  return [factor](float v) { return static_cast<float>(v * factor * factor); };
}
template <class T>
T as_it_is(T v) {
  return v;
}
float as_float(std::int32_t n) { return static_cast<float>(n); }

// The rows of a plane, with what `of` makes of each sample: some at a time, since a picture may be large.
template <class T, class Of>
void add_rows(ImageRows& image, std::size_t channel, const Plane<T>& plane, const Of& of) {
  constexpr int kRowsAtOnce = 64;
  using Out = decltype(of(T{}));
  for (int y0 = 0; y0 < plane.height(); y0 += kRowsAtOnce) {
    Plane<Out> rows(plane.width(), std::min(kRowsAtOnce, plane.height() - y0));
    std::transform(plane.row(y0), plane.row(y0) + rows.size(), rows.data(), of);
    image.add(static_cast<int>(channel), rows);
  }
}

// Sums of weights or effective frames; none: every frame weighs 1.
void add_weights(ImageRows& image, std::size_t channel, const Plane<float>* plane,
                 const Plane<std::int32_t>& coverage) {
  if (plane == nullptr) return add_rows(image, channel, coverage, as_float);
  add_rows(image, channel, *plane, as_it_is<float>);
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
  Image image;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    image.push_back(channels[c].pixels);
    auto& samples = image.back().samples();
    std::transform(samples.begin(), samples.end(), samples.begin(), times(output_unit(context, c)));
  }
  return image;
}

std::vector<Plane<std::uint8_t>> sky_masks(const Image& classical, double seeing_px) {
  std::vector<Plane<std::uint8_t>> masks;
  for (const Plane<float>& plane : classical) masks.push_back(sky_mask(plane, seeing_px));
  return masks;
}

Image without_rejected_light(const Image& classical, const std::vector<CoaddChannel>& reconstruction) {
  Image kept;
  for (std::size_t c = 0; c < reconstruction.size(); ++c)
    kept.push_back(without_rejected_light(classical[c].view(), reconstruction[c].light_low,
                                          reconstruction[c].light_high, reconstruction[c].coverage));
  return kept;
}

std::vector<ProductPlanes> planes_of(const std::vector<CoaddChannel>& channels) {
  std::vector<ProductPlanes> planes;
  for (const CoaddChannel& c : channels)
    planes.push_back({&c.pixels, &c.coverage, &c.variance, &c.weight, &c.effective_frames});
  return planes;
}

namespace {

void give_name(const ProductContext& context, const std::function<void()>& finish) {
  if (context.names == nullptr) return finish();
  context.names->add(finish);
}

}  // namespace

void write_rejected_light(const ProductContext& context, const std::vector<CoaddChannel>& channels) {
  if (channels.front().light_high.empty()) return;
  const auto write = [&](const char* file, Plane<float> CoaddChannel::*plane, const char* what) {
    const Plane<float>& shape = channels.front().pixels;
    const ProductPlan plan{"rejected", file, {what}, {}, false};
    const std::shared_ptr<ImageRows> image(new ImageRows(rows_of_product(
        context, plan, product_header(context, plan), nullptr, nullptr, shape.width(), shape.height())));
    for (std::size_t c = 0; c < channels.size(); ++c)
      add_rows(*image, c, channels[c].*plane, times(output_unit(context, c)));
    give_name(context, [image] { image->finish(); });
  };
  write("rejected.fits", &CoaddChannel::light_high,
        "tilecompile: light that rejection took above the other frames, summed over frames");
  write("rejected.low.fits", &CoaddChannel::light_low,
        "tilecompile: light that rejection took below the other frames, summed over frames");
}

namespace {

void measure(const ProductContext& context, const std::vector<ProductPlanes>& channels,
             ProductRecord& record) {
  const int frames = static_cast<int>(context.manifest->frames.size());
  record.common_area = qualities(context, record.figures, channels, frames);
  record.covered_area = qualities(context, record.figures, channels, 1);
  if (!any_measured(record.common_area)) record.common_area.clear();
}

}  // namespace

ProductRecord write_product(const ProductContext& context, const ProductPlan& plan,
                            const std::vector<ProductPlanes>& channels) {
  const auto product = std::make_shared<ProductRows>(context, plan, channels.front().pixels->width(),
                                                     channels.front().pixels->height());
  std::vector<PictureFigures> figures(channels.size());
  std::vector<TilePattern> pattern(channels.size());
  std::vector<std::function<void()>> parts;  // the longest first
  for (std::size_t c = 0; c < channels.size() && plan.measured; ++c) {
    parts.emplace_back([&, c] { pattern[c] = pattern_of(context, *channels[c].pixels, c); });
    parts.emplace_back([&, c] {
      figures[c] = measure_picture(*channels[c].pixels, context.yardstick->sky[c], *context.metrics);
    });
  }
  for (auto& part : product->parts(channels)) parts.push_back(std::move(part));
  parallel_for(static_cast<int>(parts.size()), context.threads,
               [&](int i) { parts[static_cast<std::size_t>(i)](); });
  ProductRecord record = product->record();
  give_name(context, [product] { product->finish(); });
  if (!plan.measured) return record;
  record.figures = std::move(figures);
  record.pattern = std::move(pattern);
  measure(context, channels, record);
  return record;
}

ProductRows::ProductRows(const ProductContext& context, const ProductPlan& plan, int width, int height)
    : ProductRows(context, plan, product_header(context, plan), width, height) {}

ProductRows::ProductRows(const ProductContext& context, const ProductPlan& plan, const ProductHeader& header,
                         int width, int height)
    : name_(plan.name),
      path_(plan.file),
      units_(output_units(context)),
      pixels_(rows_of_product(context, plan, header, nullptr, nullptr, width, height)),
      variance_(rows_of_product(context, plan, header, "variance", kVarianceText, width, height)),
      coverage_(rows_of_product(context, plan, header, "coverage", kCoverageText, width, height,
                                ImageSamples::kInt32)),
      weight_(rows_of_product(context, plan, header, "weight", kWeightText, width, height)),
      effective_frames_(rows_of_product(context, plan, header, "neff", kNeffText, width, height)) {}

std::vector<std::function<void()>> ProductRows::parts(const std::vector<ProductPlanes>& rows) {
  const auto of_all = [&rows](const auto& add) {
    return [&rows, add] {
      for (std::size_t c = 0; c < rows.size(); ++c) add(c, rows[c]);
    };
  };
  return {of_all([this](std::size_t c, const ProductPlanes& p) {
            add_rows(pixels_, c, *p.pixels, times(units_[c]));
          }),
          of_all([this](std::size_t c, const ProductPlanes& p) {
            add_rows(variance_, c, *p.variance, times_squared(units_[c]));
          }),
          of_all([this](std::size_t c, const ProductPlanes& p) {
            add_rows(coverage_, c, *p.coverage, as_it_is<std::int32_t>);
          }),
          of_all([this](std::size_t c, const ProductPlanes& p) {
            add_weights(weight_, c, p.weight, *p.coverage);
          }),
          of_all([this](std::size_t c, const ProductPlanes& p) {
            add_weights(effective_frames_, c, p.effective_frames, *p.coverage);
          })};
}

void ProductRows::add(const std::vector<CoaddChannel>& rows) {
  const std::vector<ProductPlanes> planes = planes_of(rows);
  for (const auto& part : parts(planes)) part();
}

ProductRecord ProductRows::record() const {
  ProductRecord record;
  record.name = name_;
  record.file = path_;
  record.digest = pixels_.digest();
  return record;
}

void ProductRows::finish() {
  for (ImageRows* image : {&pixels_, &variance_, &coverage_, &weight_, &effective_frames_}) image->finish();
}

void NamesToCome::add(const std::function<void()>& finish) {
  if (under_way_.size() == kMostAtATime) {
    std::future<void> oldest = std::move(under_way_.front());
    under_way_.pop_front();
    oldest.get();
  }
  try {
    under_way_.push_back(std::async(std::launch::async, finish));
  } catch (const std::system_error&) {
    finish();
  }
}

void NamesToCome::wait() {
  for (std::future<void>& names : std::exchange(under_way_, {})) names.get();
}

void NamesToCome::settle() noexcept {
  for (std::future<void>& names : under_way_) try {
      names.get();
    } catch (const std::exception& e) {
      log_warning(std::string("a picture did not get its name: ") + e.what());
    }
  under_way_.clear();
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

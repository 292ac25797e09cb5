#include "tilecompile/passes/frame_passes.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>

#include "frame_stacks.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/floored_sky.hpp"
#include "tilecompile/frame/flux_scale.hpp"
#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/passes/master_making.hpp"
#include "tilecompile/passes/registration_pass.hpp"

namespace tilecompile {
namespace {

constexpr double kMostWidth = 2;  // and its inverse: what beside the stars is theirs, not chance

// The FWHM that makes the weights becomes that of the matched filter.
void take_spread(const StarSpread& spread, FrameChannel& frame) {
  if (!frame.fwhm_surface.empty())
    frame.fwhm_surface[0] += exact_log(std::clamp(spread.width, 1 / kMostWidth, kMostWidth));
}

void measure_stars(const StarPass& pass, const MethodConfig& method, const Plane<float>& plane, std::size_t c,
                   const FrameMetrics& metrics, FrameChannel& frame, StarLook& look) {
  if (method.reconstruction.edge_feather_px > 0) frame.footprint = find_footprint(plane.view());
  const auto stars = star_fwhms(plane.view(), metrics.stars, metrics.star_radius_px);
  std::vector<double> fwhm;
  for (const StarFwhm& s : stars) fwhm.push_back(s.fwhm_px);
  if (!fwhm.empty()) frame.fwhm_px = median(fwhm);
  if (method.local_metrics.mode == LocalMetricsParams::Mode::kSeeing)
    frame.fwhm_surface = fit_fwhm_surface(stars, plane.width(), plane.height());
  if (c == pass.reference)
    for (const StarFwhm& s : stars)
      if (!s.elongated) look.reference_fwhm.push_back(s.fwhm_px);
  if (!is_photometric(method)) return;
  std::optional<double> phi;
  if (!stars.empty()) {
    const StarLight& reference = pass.reference_light[c];
    const StarLight light =
        star_light(plane.view(), metrics.stars, frame.fwhm_px, reference.fwhm_px, pass.ring);
    phi = flux_scale(light.narrow, reference.narrow);
    StarSpread& spread = look.spread[c] = star_spread(light, reference);
    // Of frames whose stars are round none that is elongated is left.
    spread.elongated =
        std::any_of(stars.begin(), stars.end(), [](const StarFwhm& star) { return star.elongated; });
    if (pass.some_spread && is_spread(spread)) {
      take_spread(spread, frame);
      frame.spread_px = wide_radius_px(frame.fwhm_px, reference.fwhm_px);
      if (is_doubled(spread) && phi) phi = spread.light;
    }
  }
  frame.flux_measured = phi.has_value();
  apply_flux_scale(frame, phi.value_or(1), metrics.sky[c]);
}

// The channels of a look are the metrics' from now on.
template <class Look>
void keep_channels(FrameMetrics& metrics, std::size_t frame, Look& look) {
  for (std::size_t c = 0; c < look.channels.size(); ++c)
    metrics.channels[c][frame] = std::move(look.channels[c]);
}

}  // namespace

bool is_photometric(const MethodConfig& method) {
  return method.normalization.mode == NormalizationParams::Mode::kPhotometric;
}

FrameLook look_at_frame(const FrameSource& source, int frame, const MethodConfig& method, Image& image) {
  OpenFrame reader = source.open_first(frame);
  const double code_step = reader.facts().code_step, largest_code = reader.facts().largest_code;
  reader.read_all(image);
  source.end_first(frame);
  FrameLook look;
  Distribution scratch;
  for (const Plane<float>& plane : image) {
    const FrameChannel channel =
        measure_frame_channel(plane.view(), code_step, method.normalization, scratch);
    look.linearity.push_back(examine_linearity(scratch, channel, largest_code));
    const FrameNumbers n = numbers_of(scratch, channel, largest_code);
    if (scratch.smallest() == 0)
      look.zeros = std::max(look.zeros, floored_share(plane.view(), n.background, n.noise));
    look.numbers.push_back(n);
    look.channels.push_back(channel);
  }
  return look;
}

FrameLook try_frame(const FrameSource& source, int frame, const MethodConfig& method, Image& image) {
  try {
    return look_at_frame(source, frame, method, image);
  } catch (const InputError& e) {
    return {{}, {}, {}, 0, e.what()};
  }
}

StarLook look_at_frame_stars(const Image& image, int frame, const Analysis& analysis, const StarPass& pass,
                             const MethodConfig& method) {
  const FrameMetrics& metrics = analysis.metrics;
  const auto f = static_cast<std::size_t>(frame);
  StarLook look;
  look.spread.assign(image.size(), {std::nan(""), 0, std::nan(""), false});
  look.proof =
      prove_frame(image[pass.reference].view(), metrics.channels[pass.reference][f], pass.proof_list);
  for (std::size_t c = 0; c < image.size(); ++c) {
    FrameChannel& channel = look.channels.emplace_back(metrics.channels[c][f]);
    measure_stars(pass, method, image[c], c, metrics, channel, look);
    if (pass.part.empty()) continue;
    const SkyReference reference{analysis.classical[c].view(), analysis.coverage[c].view(), pass.part[c][f]};
    look.skies.push_back(sample_sky(image[c].view(), channel.normalization, reference,
                                    sky_mesh(metrics.image_width, metrics.image_height)));
  }
  return look;
}

HashedFiles LocalPasses::hash_files() {
  const std::size_t frames = source_.manifest().frames.size();
  HashedFiles hashed{std::vector<FileContent>(frames), std::vector<std::string>(frames)};
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(frames), threads_, [&](int index) {
    observer_.check_stop();
    const auto f = static_cast<std::size_t>(index);
    try {
      hashed.contents[f] = source_.content(index);
    } catch (const InputError& e) {
      hashed.problems[f] = e.what();
    }
    observer_.progress(++done);
  });
  return hashed;
}

std::vector<FlatLook> LocalPasses::look_at_flats(const MasterMaking& making) {
  std::vector<FlatLook> looks(source_.manifest().frames.size());
  parallel_for(static_cast<int>(looks.size()), threads_, [&](int i) {
    observer_.check_stop();
    looks[static_cast<std::size_t>(i)] = look_at_flat(source_, i, making);
  });
  return looks;
}

Plane<float> LocalPasses::make_master(const MasterMaking& making) {
  const Manifest& frames = source_.manifest();
  return master_rows(source_, making, {0, 0, frames.width(), frames.height()}, threads_, observer_);
}

NightStars LocalPasses::find_stars(const StarFinding& how) {
  return find_night_stars(source_, how, threads_, observer_);
}

std::vector<FrameLook> LocalPasses::look(Analysis& analysis) {
  const int frames = analysis.metrics.frame_count();
  FrameStacks stacks = empty_stacks(source_.manifest(), method_);
  std::vector<FrameLook> looks(static_cast<std::size_t>(frames));
  std::atomic<bool> all_read{true};
  std::atomic<int> done{0};
  std::vector<Image> images;  // whose memory serves all groups
  for (int first = 0; first < frames; first += kFramesAThread * threads_) {
    const int group = std::min(kFramesAThread * threads_, frames - first);
    images.resize(static_cast<std::size_t>(group));
    parallel_for(group, threads_, [&](int i) {
      const auto frame = static_cast<std::size_t>(first + i);
      observer_.check_stop();
      looks[frame] = try_frame(source_, first + i, method_, images[static_cast<std::size_t>(i)]);
      if (!looks[frame].unreadable.empty()) all_read = false;
      keep_channels(analysis.metrics, frame, looks[frame]);
      observer_.progress(++done);
    });
    if (all_read) add_to_stacks(stacks, images, first, analysis.metrics, {}, threads_);
  }
  if (all_read) take_stacks(analysis, std::move(stacks), threads_);
  return looks;
}

std::vector<StarLook> LocalPasses::look_at_stars(Analysis& analysis, const StarPass& pass,
                                                 const LookAgain& again) {
  FrameMetrics& metrics = analysis.metrics;
  const int frames = metrics.frame_count();
  std::vector<StarLook> looks(static_cast<std::size_t>(frames));
  FrameStacks stacks;
  if (is_photometric(method_)) stacks = empty_stacks(source_.manifest(), method_);
  stacks.scatter = empty_scatter_stacks(analysis, method_);
  std::atomic<int> done{0};
  std::vector<Image> images;  // whose memory serves all groups
  for (int first = 0; first < frames; first += kFramesAThread * threads_) {
    const int group = std::min(kFramesAThread * threads_, frames - first);
    images.resize(static_cast<std::size_t>(group));
    std::vector<std::vector<FrameLevels>> levels(static_cast<std::size_t>(group));
    parallel_for(group, threads_, [&](int i) {
      const auto f = static_cast<std::size_t>(first + i);
      observer_.check_stop();
      Image& image = images[static_cast<std::size_t>(i)];
      source_.open(first + i).read_all(image);
      if (pass.earlier != nullptr && pass.earlier->stands[f]) {
        looks[f] = pass.earlier->looks[f];
        for (std::size_t c = 0; c < image.size(); ++c) metrics.channels[c][f] = pass.earlier->channels[c][f];
      } else {
        looks[f] = look_at_frame_stars(image, first + i, analysis, pass, method_);
        keep_channels(metrics, f, looks[f]);
      }
      for (std::size_t c = 0; c < image.size(); ++c) {
        const FrameChannel& channel = metrics.channels[c][f];
        levels[static_cast<std::size_t>(i)].push_back(
            frame_levels(image[c].view(), channel.normalization, channel.noise, analysis.classical[c]));
      }
      observer_.progress(++done);
    });
    add_to_stacks(stacks, images, first, metrics, levels, threads_);
  }
  if (again(looks)) return looks;
  analysis.variance = variance_of(stacks.scatter, analysis, threads_);
  if (!stacks.means.empty()) take_stacks(analysis, std::move(stacks), threads_);
  return looks;
}

}  // namespace tilecompile

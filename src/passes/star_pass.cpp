#include "tilecompile/passes/star_pass.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <set>

#include "frame_stacks.hpp"
#include "sky_pass.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/flux_scale.hpp"
#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr double kBentMean = 2;  // factor from 1 of the median phi from which the mean is not believed
constexpr int kMostNames = 10;   // frames named in one warning

bool photometric(const MethodConfig& method) {
  return method.normalization.mode == NormalizationParams::Mode::kPhotometric;
}

// Saturation level of the stack of the first pass, from the configuration or the largest code of the files.
double saturation_level(const Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                        std::size_t channel) {
  double level = saturated_from(source, method.data);
  if (photometric(method)) level -= analysis.metrics.sky[channel];
  const double scale = analysis.metrics.output_scale[channel];
  return std::isfinite(level) && scale > 0 ? level / scale : std::numeric_limits<double>::infinity();
}

// Fluxes of the stars in an image, in two apertures.
struct StarLight {
  std::vector<double> narrow, wide;
};

StarLight star_light(const Plane<float>& image, const std::vector<ReferenceStar>& stars, double fwhm_px,
                     RingSky ring) {
  return {star_fluxes(image.view(), stars, fwhm_px, ring),
          wide_star_fluxes(image.view(), stars, fwhm_px, ring)};
}

// What the second pass knows before it reads a frame.
struct StarPass {
  const MethodConfig& method;
  std::size_t reference;                   // channel whose stars fix the seeing
  std::vector<StarLight> reference_light;  // [channel]; photometric mode only
  const ProofList& proof_list;
  RingSky ring;
  SkyPass* skies;                                // none: skies are not levelled
  std::vector<std::vector<LightBeside>> beside;  // [channel][frame], found by the pass
  bool some_doubled = false;  // then every frame is asked how much light is beside its stars
};

void measure_stars(StarPass& pass, const Plane<float>& plane, std::size_t c, std::size_t f,
                   FrameMetrics& metrics, std::vector<double>& reference_fwhm) {
  FrameChannel& frame = metrics.channels[c][f];
  if (pass.method.reconstruction.edge_feather_px > 0) frame.footprint = find_footprint(plane.view());
  const auto stars = star_fwhms(plane.view(), metrics.stars, metrics.star_radius_px);
  std::vector<double> fwhm;
  for (const StarFwhm& s : stars) fwhm.push_back(s.fwhm_px);
  if (!fwhm.empty()) frame.fwhm_px = median(fwhm);
  if (pass.method.local_metrics.mode == LocalMetricsParams::Mode::kSeeing)
    frame.fwhm_surface = fit_fwhm_surface(stars, plane.width(), plane.height());
  if (c == pass.reference)
    for (const StarFwhm& s : stars)
      if (!s.elongated) reference_fwhm.push_back(s.fwhm_px);
  if (!photometric(pass.method)) return;
  std::optional<double> phi;
  double beside = 1;  // light of doubled stars that the narrow apertures miss
  if (!stars.empty()) {
    const StarLight &reference = pass.reference_light[c],
                    light = star_light(plane, metrics.stars, frame.fwhm_px, pass.ring);
    phi = flux_scale(light.narrow, reference.narrow);
    const LightBeside found = light_beside(light.narrow, light.wide, reference.narrow, reference.wide);
    if (pass.some_doubled) beside = certain_ratio(found);
    pass.beside[c][f] = found;
  }
  if (beside != 1 && !frame.fwhm_surface.empty()) frame.fwhm_surface[0] += exact_log(broadening(beside));
  frame.flux_measured = phi.has_value();
  apply_flux_scale(frame, phi.value_or(1) * beside, metrics.sky[c]);
}

void warn_of_missing_fluxes(Analysis& analysis, const Manifest& manifest) {
  std::string names;
  int missing = 0;
  for (const auto& frames : analysis.metrics.channels)
    for (std::size_t f = 0; f < frames.size(); ++f)
      if (!frames[f].flux_measured && ++missing <= kMostNames) names += " " + manifest.frames[f].path;
  if (missing > 0)
    analysis.warnings.push_back(
        "fewer than 5 reference stars could be measured, so the flux scale is taken as 1, in " +
        std::to_string(missing) + " planes of frames:" + names + (missing > kMostNames ? " ..." : ""));
}

void warn_of_limited_frames(Analysis& analysis, const Manifest& manifest, double share) {
  std::set<std::size_t> held;
  double least_noise = std::numeric_limits<double>::infinity();
  for (const auto& frames : analysis.metrics.channels) {
    std::vector<double> weights, noise;
    for (const FrameChannel& f : frames) {
      weights.push_back(f.weight);
      noise.push_back(f.noise);
    }
    const double typical = median(noise);
    for (const std::size_t f : at_share_limit(weights, share)) {
      held.insert(f);
      least_noise = std::min(least_noise, noise[f] / typical);
    }
  }
  if (held.empty()) return;
  std::vector<std::string> names;
  for (const std::size_t f : held) names.push_back(manifest.frames[f].path);
  char text[256];
  std::snprintf(
      text, sizeof text,
      "held at the share of all weight that global_metrics.max_frame_share allows, %g, with a noise "
      "down to %.3g of the median: stacks among single frames? ",
      share, least_noise);
  analysis.warnings.push_back(text + some_names(names));
}

struct Measured {
  std::vector<std::vector<double>> reference_fwhm;  // of the stars in the reference channel, [frame]
  FrameStacks stacks;                               // photometric mode only, whose I' is known here
};

// Stars, seeing and flux scale of every frame, and its stacks.
Measured measure_frames(Analysis& analysis, const FrameSource& source, StarPass& pass, int threads,
                        Observer& observer) {
  FrameMetrics& metrics = analysis.metrics;
  const int frames = metrics.frame_count();
  Measured measured{std::vector<std::vector<double>>(static_cast<std::size_t>(frames)), {}};
  pass.beside.assign(metrics.channels.size(),
                     std::vector<LightBeside>(static_cast<std::size_t>(frames), {std::nan(""), 0}));
  FrameStacks& stacks = measured.stacks;
  if (photometric(pass.method)) stacks = empty_stacks(source.manifest(), pass.method);
  std::vector<ScatterStack> scatter = empty_scatter_stacks(analysis, pass.method);
  std::atomic<int> done{0};
  std::vector<Image> images;  // whose memory serves all groups
  for (int first = 0; first < frames; first += kFramesAThread * threads) {
    const int group = std::min(kFramesAThread * threads, frames - first);
    images.resize(static_cast<std::size_t>(group));
    std::vector<std::vector<FrameLevels>> levels(static_cast<std::size_t>(group));
    parallel_for(group, threads, [&](int i) {
      const auto f = static_cast<std::size_t>(first + i);
      observer.check_stop();
      Image& image = images[static_cast<std::size_t>(i)];
      source.open(first + i).read_all(image);
      analysis.proofs[f] =
          prove_frame(image[pass.reference].view(), metrics.channels[pass.reference][f], pass.proof_list);
      for (std::size_t c = 0; c < image.size(); ++c) {
        FrameChannel& channel = metrics.channels[c][f];
        measure_stars(pass, image[c], c, f, metrics, measured.reference_fwhm[f]);
        if (pass.skies != nullptr) pass.skies->measure(c, f, image[c].view());
        levels[static_cast<std::size_t>(i)].push_back(
            frame_levels(image[c].view(), channel.normalization, channel.noise, analysis.classical[c]));
      }
      observer.progress(++done);
    });
    if (!stacks.means.empty()) add_to_stacks(stacks, images, first, metrics, threads);
    add_to_scatter_stacks(scatter, images, first, metrics, levels, threads);
  }
  analysis.variance = variance_of(scatter, metrics);
  return measured;
}

double median_seeing(const std::vector<std::vector<double>>& reference_fwhm,
                     std::vector<std::string>& warnings) {
  std::vector<double> pooled;
  for (int f : seeing_frames(static_cast<int>(reference_fwhm.size()))) {
    const auto& fwhm = reference_fwhm[static_cast<std::size_t>(f)];
    pooled.insert(pooled.end(), fwhm.begin(), fwhm.end());
  }
  if (!pooled.empty()) return median(std::move(pooled));
  warnings.emplace_back("no reference star could be measured in single frames: seeing taken as 3 px");
  return kDefaultSeeingPx;
}

// Takes the reference fluxes of a channel anew where the median phi of its frames is far from 1: a few frames
// of other units bend the mean of I - B that the fluxes came from. The mean of the frames that this phi has
// brought to one scale is sound, and times the median phi it has the scale of most frames. Thin cloud does
// not come near.
bool mend_reference_light(const Analysis& analysis, StarPass& pass) {
  const FrameMetrics& metrics = analysis.metrics;
  bool mended = false;
  for (std::size_t c = 0; c < metrics.channels.size(); ++c) {
    std::vector<double> phi, fwhm;
    for (const FrameChannel& f : metrics.channels[c])
      if (f.flux_measured) {
        phi.push_back(f.flux_scale);
        fwhm.push_back(f.fwhm_px);
      }
    const double typical = phi.empty() ? 1 : median(std::move(phi));
    if (typical < kBentMean && typical > 1 / kBentMean) continue;
    StarLight& light = pass.reference_light[c];
    light = star_light(analysis.classical[c], metrics.stars, median(std::move(fwhm)), pass.ring);
    for (double& flux : light.narrow) flux *= typical;
    for (double& flux : light.wide) flux *= typical;
    mended = true;
  }
  return mended;
}

// Makes the light in wide apertures that of most frames; trailed and doubled frames have spread that of the
// mean. Whether any frame has more.
bool find_doubled_frames(StarPass& pass) {
  for (std::size_t c = 0; c < pass.beside.size(); ++c) {
    std::vector<double> ratios;
    for (const LightBeside& b : pass.beside[c])
      if (b.ratio == b.ratio) ratios.push_back(b.ratio);
    if (ratios.empty()) continue;
    const double typical = median(std::move(ratios));
    for (double& flux : pass.reference_light[c].wide) flux *= typical;
    for (const LightBeside& b : pass.beside[c])
      if (certain_ratio({b.ratio / typical, b.error / typical}) != 1) pass.some_doubled = true;
  }
  return pass.some_doubled;
}

}  // namespace

void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    Observer& observer, const ProofList& proof_list) {
  FrameMetrics& metrics = analysis.metrics;
  const auto reference = static_cast<std::size_t>(reference_channel(metrics.channel_count()));
  StarCatalogue catalogue = detect_reference_stars(analysis.classical[reference],
                                                   saturation_level(analysis, source, method, reference));
  if (const std::string why = why_no_seeing(catalogue.stars.size(), catalogue.fwhm_px); !why.empty()) {
    analysis.warnings.push_back(why + ": tiles are judged by structure, seeing taken as 3 px");
    catalogue = {};
    catalogue.star_radius_px = star_radius(kDefaultSeeingPx);
  }
  metrics.stars = catalogue.stars;
  metrics.star_radius_px = catalogue.star_radius_px;
  metrics.seeing_px = kDefaultSeeingPx;
  analysis.proofs.assign(static_cast<std::size_t>(metrics.frame_count()), {});
  const bool level = method.reconstruction.local_sky != ReconstructionParams::LocalSky::kNone;
  std::optional<SkyPass> skies;
  if (level) skies.emplace(analysis);  // the pass points to it
  StarPass pass{method,
                reference,
                {},
                proof_list,
                analysis.floored ? RingSky::kMean : RingSky::kMedian,
                level ? &*skies : nullptr,
                {}};
  for (const Plane<float>& plane : analysis.classical)
    pass.reference_light.push_back(star_light(plane, metrics.stars, catalogue.fwhm_px, pass.ring));
  const auto unscaled = metrics.channels;
  auto in_classical = unscaled;  // the frames as they took part in the classical stack
  const auto measure_once = [&] {
    metrics.channels = in_classical;
    if (level) skies.emplace(analysis);
    metrics.channels = unscaled;
    return measure_frames(analysis, source, pass, threads, observer);
  };
  const auto measure = [&] {
    pass.some_doubled = false;
    Measured measured = measure_once();
    if (photometric(method) && find_doubled_frames(pass)) {
      measured = {};  // its memory, before there are others
      measured = measure_once();
    }
    if (!measured.stacks.means.empty()) take_stacks(analysis, measured.stacks);
    return std::move(measured.reference_fwhm);
  };
  auto reference_fwhm = measure();
  if (photometric(method) && mend_reference_light(analysis, pass)) {
    in_classical = metrics.channels;
    reference_fwhm = measure();
  }
  if (level) skies->finish(threads);
  if (!metrics.stars.empty()) metrics.seeing_px = median_seeing(reference_fwhm, analysis.warnings);
  if (photometric(method)) warn_of_missing_fluxes(analysis, source.manifest());
  weigh_frames(metrics, method.global_metrics);
  warn_of_limited_frames(analysis, source.manifest(), method.global_metrics.max_frame_share);
}

}  // namespace tilecompile

#include "tilecompile/passes/star_pass.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "sky_pass.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

constexpr double kBentMean = 2;  // factor from 1 of the median phi from which the mean is not believed
constexpr int kMostNames = 10;   // frames named in one warning

// Saturation level of the stack of the first pass, from the configuration or the largest code of the files.
double saturation_level(const Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                        std::size_t channel) {
  double level = saturated_from(source, method.data);
  if (is_photometric(method)) level -= analysis.metrics.sky[channel];
  const double scale = analysis.metrics.output_scale[channel];
  return std::isfinite(level) && scale > 0 ? level / scale : std::numeric_limits<double>::infinity();
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

// Whether the stars of any frame are spread, after what is typical of the night has been taken from all;
// notes of which frames they are not.
bool find_spread_frames(const Analysis& analysis, StarPass& pass, const std::vector<StarLook>& looks,
                        std::vector<bool>& stands) {
  stands.assign(looks.size(), true);
  for (std::size_t c = 0; c < pass.reference_light.size(); ++c) {
    std::vector<double> narrow;
    std::vector<StarSpread> spreads;
    for (std::size_t f = 0; f < looks.size(); ++f) {
      narrow.push_back(analysis.metrics.channels[c][f].flux_scale);
      spreads.push_back(looks[f].spread[c]);
    }
    make_typical(narrow, spreads, pass.reference_light[c]);
    pass.some_spread = pass.some_spread || std::any_of(spreads.begin(), spreads.end(), is_spread);
    for (std::size_t f = 0; f < looks.size(); ++f) stands[f] = stands[f] && !may_be_spread(spreads[f]);
  }
  return pass.some_spread;
}

// Pass 2 of every frame, twice when stars of some are spread; its figures go to the analysis.
std::vector<StarLook> measure_frames(Analysis& analysis, StarPass& pass, FramePasses& passes,
                                     bool photometric) {
  const auto unscaled = analysis.metrics.channels;
  pass.some_spread = false;
  pass.earlier = nullptr;
  bool spread = false;
  EarlierLooks earlier;
  std::vector<StarLook> looks =
      passes.look_at_stars(analysis, pass, [&](const std::vector<StarLook>& of_all) {
        return spread = photometric && find_spread_frames(analysis, pass, of_all, earlier.stands);
      });
  if (spread) {
    earlier.looks = std::move(looks);
    earlier.channels = std::exchange(analysis.metrics.channels, unscaled);
    pass.earlier = std::make_shared<const EarlierLooks>(std::move(earlier));
    looks = passes.look_at_stars(analysis, pass, [](const std::vector<StarLook>&) { return false; });
  }
  for (std::size_t f = 0; f < looks.size(); ++f) analysis.proofs[f] = looks[f].proof;
  return looks;
}

double median_seeing(const std::vector<StarLook>& looks, std::vector<std::string>& warnings) {
  std::vector<double> pooled;
  for (int f : seeing_frames(static_cast<int>(looks.size()))) {
    const auto& fwhm = looks[static_cast<std::size_t>(f)].reference_fwhm;
    pooled.insert(pooled.end(), fwhm.begin(), fwhm.end());
  }
  if (!pooled.empty()) return median(std::move(pooled));
  warnings.emplace_back("no reference star could be measured in single frames: seeing taken as 3 px");
  return kDefaultSeeingPx;
}

StarLight reference_light(const Plane<float>& mean, const std::vector<ReferenceStar>& stars, double fwhm_px,
                          RingSky ring) {
  return star_light(mean.view(), stars, fwhm_px, fwhm_px, ring);
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
    light = reference_light(analysis.classical[c], metrics.stars, median(std::move(fwhm)), pass.ring);
    for (double& flux : light.narrow) flux *= typical;
    for (double& flux : light.wide) flux *= typical;
    for (double& squares : light.squares) squares *= typical * typical;
    mended = true;
  }
  return mended;
}

}  // namespace

StarCatalogue find_reference_stars(const Analysis& analysis, const FrameSource& source,
                                   const MethodConfig& method) {
  const auto channel = static_cast<std::size_t>(reference_channel(analysis.metrics.channel_count()));
  return detect_reference_stars(analysis.classical[channel],
                                saturation_level(analysis, source, method, channel));
}

void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    FramePasses& passes, StarCatalogue catalogue, const ProofList& proof_list) {
  FrameMetrics& metrics = analysis.metrics;
  const auto reference = static_cast<std::size_t>(reference_channel(metrics.channel_count()));
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
  const bool photometric = is_photometric(method);
  StarPass pass{reference, {}, proof_list, analysis.floored ? RingSky::kMean : RingSky::kMedian};
  if (level) pass.part = normalizations_of(metrics);
  for (const Plane<float>& plane : analysis.classical)
    pass.reference_light.push_back(reference_light(plane, metrics.stars, catalogue.fwhm_px, pass.ring));
  const auto unscaled = metrics.channels;
  std::vector<StarLook> looks = measure_frames(analysis, pass, passes, photometric);
  if (photometric && mend_reference_light(analysis, pass)) {
    if (level) pass.part = normalizations_of(metrics);
    metrics.channels = unscaled;
    looks = measure_frames(analysis, pass, passes, photometric);
  }
  if (level) keep_skies(metrics, looks, threads);
  if (!metrics.stars.empty()) metrics.seeing_px = median_seeing(looks, analysis.warnings);
  if (photometric) warn_of_missing_fluxes(analysis, source.manifest());
  weigh_frames(metrics, method.global_metrics);
  warn_of_limited_frames(analysis, source.manifest(), method.global_metrics.max_frame_share);
}

void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    Observer& observer, const ProofList& proof_list) {
  LocalPasses passes(source, method, threads, observer);
  measure_seeing(analysis, source, method, threads, passes, find_reference_stars(analysis, source, method),
                 proof_list);
}

}  // namespace tilecompile

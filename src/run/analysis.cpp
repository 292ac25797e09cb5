#include "tilecompile/run/analysis.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <optional>
#include <set>

#include "tilecompile/base/error.hpp"
#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/floored_sky.hpp"
#include "tilecompile/frame/flux_scale.hpp"
#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/header_rules.hpp"
#include "tilecompile/frame/linearity.hpp"
#include "tilecompile/frame/number_groups.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

constexpr double kSaturationShare = 0.95;
constexpr int kRowsAtOnce = 64;
constexpr double kBentMean = 2;  // factor from 1 of the median phi from which the mean is not believed
constexpr int kMostNames = 10;   // frames named in one warning

std::vector<std::string> paths_of(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest.frames) paths.push_back(f.path);
  return paths;
}

// Frames a group are read in parallel and added to the stacks in their order.
constexpr int kFramesAThread = 2;

std::vector<MeanStack> empty_stacks(const Manifest& manifest, const MethodConfig& method) {
  return {static_cast<std::size_t>(manifest.channels()),
          MeanStack(manifest.width(), manifest.height(), method.reconstruction.frame_chunk)};
}

// Adds the frames first .. first+images.size()-1 to every channel's stack, rows spread over threads.
void add_to_stacks(std::vector<MeanStack>& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, int threads) {
  const int height = images.front().front().height();
  parallel_for((height + kRowsAtOnce - 1) / kRowsAtOnce, threads, [&](int block) {
    const int y0 = block * kRowsAtOnce, y1 = std::min(height, y0 + kRowsAtOnce);
    for (std::size_t c = 0; c < stacks.size(); ++c)
      for (std::size_t i = 0; i < images.size(); ++i) {
        const auto frame = static_cast<std::size_t>(first) + i;
        const FrameChannel& channel = metrics.channels[c][frame];
        stacks[c].add_rows(static_cast<int>(frame), images[i][c].view(), channel.normalization, channel.noise,
                           y0, y1);
      }
  });
}

void take_stacks(Analysis& analysis, const std::vector<MeanStack>& stacks) {
  analysis.classical.clear();
  analysis.coverage.clear();
  analysis.variance.clear();
  for (const MeanStack& stack : stacks) {
    analysis.classical.push_back(stack.mean());
    analysis.coverage.push_back(stack.coverage());
    analysis.variance.push_back(stack.variance());
  }
}

bool photometric(const MethodConfig& method) {
  return method.normalization.mode == NormalizationParams::Mode::kPhotometric;
}

// Saturation level of the stack of the first pass, from the configuration or the largest code of the files.
double saturation_level(const Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                        std::size_t channel) {
  double level = method.data.saturation;
  if (!(level > 0)) level = kSaturationShare * source.open(0).facts().largest_code;
  if (photometric(method)) level -= analysis.metrics.sky[channel];
  const double scale = analysis.metrics.output_scale[channel];
  return std::isfinite(level) && scale > 0 ? level / scale : std::numeric_limits<double>::infinity();
}

// What the second pass knows before it reads a frame.
struct StarPass {
  const MethodConfig& method;
  std::size_t reference;                              // channel whose stars fix the seeing
  std::vector<std::vector<double>> reference_fluxes;  // [channel][star]; photometric mode only
  const ProofList& proof_list;
  RingSky ring;
};

void measure_frame(const StarPass& pass, const Plane<float>& plane, std::size_t c, FrameMetrics& metrics,
                   FrameChannel& frame, std::vector<double>& reference_fwhm) {
  if (pass.method.reconstruction.edge_feather_px > 0) frame.footprint = find_footprint(plane.view());
  const auto stars = star_fwhms(plane.view(), metrics.stars, metrics.star_radius_px);
  std::vector<double> fwhm;
  for (const StarFwhm& s : stars) fwhm.push_back(s.fwhm_px);
  if (!fwhm.empty()) frame.fwhm_px = median(fwhm);
  if (pass.method.local_metrics.mode == LocalMetricsParams::Mode::kSeeing)
    frame.fwhm_surface = fit_fwhm_surface(stars, plane.width(), plane.height());
  if (c == pass.reference) reference_fwhm = std::move(fwhm);
  if (!photometric(pass.method)) return;
  std::optional<double> phi;
  if (!stars.empty())
    phi = flux_scale(star_fluxes(plane.view(), metrics.stars, frame.fwhm_px, pass.ring),
                     pass.reference_fluxes[c]);
  frame.flux_measured = phi.has_value();
  apply_flux_scale(frame, phi.value_or(1), metrics.sky[c]);
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

// Frames that pass 1 could not read, and those whose samples are of no use.
std::vector<BadFrame> judge_frames(const std::vector<std::string>& paths,
                                   const std::vector<std::string>& unreadable, const FrameMetrics& metrics,
                                   const std::vector<std::vector<LinearityEvidence>>& linearity,
                                   const std::vector<std::vector<FrameNumbers>>& numbers,
                                   const MethodConfig& method) {
  std::vector<BadFrame> bad;
  std::set<std::string> unread;
  for (std::size_t f = 0; f < paths.size(); ++f)
    if (!unreadable[f].empty()) {
      bad.push_back({paths[f], unreadable[f]});
      unread.insert(paths[f]);
    }
  for (const BadFrame& frame : unusable_frames(metrics.channels, paths, method.normalization))
    if (unread.count(frame.path) == 0) bad.push_back(frame);
  if (method.data.linear_required)
    for (const BadFrame& frame : stretched_frames(linearity, paths)) bad.push_back(frame);
  for (const BadFrame& frame : frames_of_other_scale(numbers, paths)) bad.push_back(frame);
  return one_entry_a_frame(bad);
}

}  // namespace

int reference_channel(int channels) { return channels == 3 ? 1 : 0; }

Analysis analyse_frames(const FrameSource& source, const MethodConfig& method, int threads,
                        const std::function<void(int)>& progress) {
  const Manifest& manifest = source.manifest();
  const int frames = static_cast<int>(manifest.frames.size());
  const auto channels = static_cast<std::size_t>(manifest.channels());
  Analysis result;
  result.metrics.channels.assign(channels, std::vector<FrameChannel>(static_cast<std::size_t>(frames)));
  result.metrics.image_width = manifest.width();
  result.metrics.image_height = manifest.height();
  std::vector<MeanStack> stacks = empty_stacks(manifest, method);
  std::vector<std::vector<LinearityEvidence>> linearity(
      channels, std::vector<LinearityEvidence>(static_cast<std::size_t>(frames)));
  std::vector<std::vector<FrameNumbers>> numbers(channels,
                                                 std::vector<FrameNumbers>(static_cast<std::size_t>(frames)));
  std::vector<std::string> unreadable(static_cast<std::size_t>(frames));
  std::vector<double> zeros(static_cast<std::size_t>(frames));  // share of them
  std::atomic<bool> all_read{true};
  std::atomic<int> done{0};
  for (int first = 0; first < frames; first += kFramesAThread * threads) {
    const int group = std::min(kFramesAThread * threads, frames - first);
    std::vector<Image> images(static_cast<std::size_t>(group));
    parallel_for(group, threads, [&](int i) {
      const auto frame = static_cast<std::size_t>(first + i);
      try {
        FrameReader reader = source.open(first + i);
        const double code_step = reader.facts().code_step;
        Image& image = images[static_cast<std::size_t>(i)] = reader.read_all();
        Distribution scratch;
        for (std::size_t c = 0; c < channels; ++c) {
          FrameChannel& channel = result.metrics.channels[c][frame];
          channel = measure_frame_channel(image[c].view(), code_step, method.normalization, scratch);
          linearity[c][frame] = examine_linearity(scratch, channel, reader.facts().largest_code);
          numbers[c][frame] = numbers_of(scratch, channel, reader.facts().largest_code);
          const FrameNumbers& n = numbers[c][frame];
          if (scratch.smallest() == 0)
            zeros[frame] = std::max(zeros[frame], floored_share(image[c].view(), n.background, n.noise));
        }
      } catch (const InputError& e) {
        unreadable[frame] = e.what();
        all_read = false;
      }
      progress(++done);
    });
    if (all_read) add_to_stacks(stacks, images, first, result.metrics, threads);
  }
  result.bad_frames =
      judge_frames(paths_of(manifest), unreadable, result.metrics, linearity, numbers, method);
  if (!result.bad_frames.empty()) return result;
  if (method.data.linear_required) result.warnings = linearity_warnings(linearity, paths_of(manifest));
  for (const std::string& text : floored_warnings(zeros, paths_of(manifest))) {
    result.warnings.push_back(text);
    result.floored = true;
  }
  set_output_scale(result.metrics, method.normalization);
  take_stacks(result, stacks);
  return result;
}

namespace {

// Stars, seeing and flux scale of every frame; in photometric mode also the classical stack, whose I' is only
// known here. Returns the reference channel's FWHM values, [frame].
std::vector<std::vector<double>> measure_frames(Analysis& analysis, const FrameSource& source,
                                                const StarPass& pass, int threads,
                                                const std::function<void(int)>& progress) {
  FrameMetrics& metrics = analysis.metrics;
  const int frames = metrics.frame_count();
  std::vector<std::vector<double>> reference_fwhm(static_cast<std::size_t>(frames));
  std::vector<MeanStack> stacks;
  if (photometric(pass.method)) stacks = empty_stacks(source.manifest(), pass.method);
  std::atomic<int> done{0};
  for (int first = 0; first < frames; first += kFramesAThread * threads) {
    const int group = std::min(kFramesAThread * threads, frames - first);
    std::vector<Image> images(static_cast<std::size_t>(group));
    parallel_for(group, threads, [&](int i) {
      const auto f = static_cast<std::size_t>(first + i);
      Image& image = images[static_cast<std::size_t>(i)] = source.open(first + i).read_all();
      analysis.proofs[f] =
          prove_frame(image[pass.reference].view(), metrics.channels[pass.reference][f], pass.proof_list);
      for (std::size_t c = 0; c < image.size(); ++c)
        measure_frame(pass, image[c], c, metrics, metrics.channels[c][f], reference_fwhm[f]);
      progress(++done);
    });
    if (!stacks.empty()) add_to_stacks(stacks, images, first, metrics, threads);
  }
  if (!stacks.empty()) take_stacks(analysis, stacks);
  return reference_fwhm;
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
bool mend_reference_fluxes(const Analysis& analysis, std::vector<std::vector<double>>& reference_fluxes) {
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
    reference_fluxes[c] = star_fluxes(analysis.classical[c].view(), metrics.stars, median(std::move(fwhm)));
    for (double& flux : reference_fluxes[c]) flux *= typical;
    mended = true;
  }
  return mended;
}

}  // namespace

void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    const std::function<void(int)>& progress, const ProofList& proof_list) {
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
  StarPass pass{method, reference, {}, proof_list, analysis.floored ? RingSky::kMean : RingSky::kMedian};
  for (const Plane<float>& plane : analysis.classical)
    pass.reference_fluxes.push_back(star_fluxes(plane.view(), metrics.stars, catalogue.fwhm_px, pass.ring));
  if (!metrics.stars.empty() || !proof_list.stars.empty() || photometric(method) ||
      method.reconstruction.edge_feather_px > 0) {
    const auto unscaled = metrics.channels;
    auto reference_fwhm = measure_frames(analysis, source, pass, threads, progress);
    if (photometric(method) && mend_reference_fluxes(analysis, pass.reference_fluxes)) {
      metrics.channels = unscaled;
      reference_fwhm = measure_frames(analysis, source, pass, threads, progress);
    }
    if (!metrics.stars.empty()) metrics.seeing_px = median_seeing(reference_fwhm, analysis.warnings);
  }
  if (photometric(method)) warn_of_missing_fluxes(analysis, source.manifest());
  weigh_frames(metrics, method.global_metrics);
  warn_of_limited_frames(analysis, source.manifest(), method.global_metrics.max_frame_share);
}

}  // namespace tilecompile

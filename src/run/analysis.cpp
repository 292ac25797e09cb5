#include "tilecompile/run/analysis.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/linearity.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

constexpr double kSaturationShare = 0.95;
constexpr int kRowsAtOnce = 64;

std::vector<std::string> paths_of(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest.frames) paths.push_back(f.path);
  return paths;
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
        stacks[c].add_rows(static_cast<int>(frame), images[i][c].view(),
                           metrics.channels[c][frame].normalization, y0, y1);
      }
  });
}

// Saturation level of the classical stack (normalised), from the configuration or the largest code of the
// files.
double saturation_level(const Analysis& analysis, const FrameSource& source, const DataParams& data,
                        std::size_t channel) {
  double level = data.saturation;
  if (!(level > 0)) level = kSaturationShare * source.open(0).facts().largest_code;
  const double scale = analysis.metrics.output_scale[channel];
  return std::isfinite(level) && scale > 0 ? level / scale : std::numeric_limits<double>::infinity();
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
  std::vector<MeanStack> stacks(
      channels, MeanStack(manifest.width(), manifest.height(), method.reconstruction.frame_chunk));
  std::vector<std::vector<LinearityEvidence>> linearity(
      channels, std::vector<LinearityEvidence>(static_cast<std::size_t>(frames)));
  std::atomic<int> done{0};
  for (int first = 0; first < frames; first += 2 * threads) {
    const int group = std::min(2 * threads, frames - first);
    std::vector<Image> images(static_cast<std::size_t>(group));
    parallel_for(group, threads, [&](int i) {
      FrameReader reader = source.open(first + i);
      const double code_step = reader.facts().code_step;
      Image& image = images[static_cast<std::size_t>(i)] = reader.read_all();
      Distribution scratch;
      const auto frame = static_cast<std::size_t>(first + i);
      for (std::size_t c = 0; c < channels; ++c) {
        FrameChannel& channel = result.metrics.channels[c][frame];
        channel = measure_frame_channel(image[c].view(), code_step, method.normalization, scratch);
        linearity[c][frame] = examine_linearity(scratch, channel, reader.facts().largest_code);
      }
      progress(++done);
    });
    add_to_stacks(stacks, images, first, result.metrics, threads);
  }
  check_frame_channels(result.metrics.channels, paths_of(manifest));
  if (method.data.linear_required) result.warnings = check_linearity(linearity, paths_of(manifest));
  weigh_frames(result.metrics, method.global_metrics);
  for (const MeanStack& stack : stacks) {
    result.classical.push_back(stack.mean());
    result.coverage.push_back(stack.coverage());
  }
  return result;
}

void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    const std::function<void(int)>& progress) {
  FrameMetrics& metrics = analysis.metrics;
  const auto reference = static_cast<std::size_t>(reference_channel(metrics.channel_count()));
  const StarCatalogue catalogue = detect_reference_stars(
      analysis.classical[reference], saturation_level(analysis, source, method.data, reference));
  metrics.stars = catalogue.stars;
  metrics.star_radius_px = catalogue.star_radius_px;
  metrics.seeing_px = kDefaultSeeingPx;
  if (metrics.stars.empty()) {
    analysis.warnings.emplace_back(
        "no reference star found in the classical stack: tiles are judged by structure, seeing taken as 3 "
        "px");
    return;
  }
  const int frames = metrics.frame_count();
  std::vector<std::vector<double>> reference_fwhm(static_cast<std::size_t>(frames));
  std::atomic<int> done{0};
  parallel_for(frames, threads, [&](int f) {
    const Image image = source.open(f).read_all();
    for (std::size_t c = 0; c < image.size(); ++c) {
      std::vector<double> fwhm = star_fwhms(image[c].view(), metrics.stars, metrics.star_radius_px);
      if (!fwhm.empty()) metrics.channels[c][static_cast<std::size_t>(f)].fwhm_px = median(fwhm);
      if (c == reference) reference_fwhm[static_cast<std::size_t>(f)] = std::move(fwhm);
    }
    progress(++done);
  });
  std::vector<double> pooled;
  for (int f : seeing_frames(frames)) {
    const auto& fwhm = reference_fwhm[static_cast<std::size_t>(f)];
    pooled.insert(pooled.end(), fwhm.begin(), fwhm.end());
  }
  if (pooled.empty())
    analysis.warnings.emplace_back(
        "no reference star could be measured in single frames: seeing taken as 3 px");
  else
    metrics.seeing_px = median(std::move(pooled));
}

}  // namespace tilecompile

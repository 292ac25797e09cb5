#include "tilecompile/passes/analysis.hpp"

#include <algorithm>
#include <atomic>
#include <set>

#include "frame_stacks.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/floored_sky.hpp"
#include "tilecompile/frame/linearity.hpp"
#include "tilecompile/frame/number_groups.hpp"

namespace tilecompile {
namespace {

std::vector<std::string> paths_of(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest.frames) paths.push_back(f.path);
  return paths;
}

// Frames that pass 1 could not read, and those whose samples are of no use.
std::vector<BadFrame> judge_frames(const std::vector<std::string>& paths,
                                   const std::vector<std::string>& unreadable, const FrameMetrics& metrics,
                                   const std::vector<std::vector<LinearityEvidence>>& linearity,
                                   const std::vector<std::vector<FrameNumbers>>& numbers,
                                   const std::vector<double>& zeros, const MethodConfig& method) {
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
  if (divides_by_background(method.normalization))
    for (const BadFrame& frame : floored_backgrounds(zeros, paths)) bad.push_back(frame);
  for (const BadFrame& frame : frames_of_other_scale(numbers, paths)) bad.push_back(frame);
  return one_entry_a_frame(bad);
}

}  // namespace

int reference_channel(int channels) { return channels == 3 ? 1 : 0; }

Analysis analyse_frames(const FrameSource& source, const MethodConfig& method, int threads,
                        Observer& observer) {
  const Manifest& manifest = source.manifest();
  const int frames = static_cast<int>(manifest.frames.size());
  const auto channels = static_cast<std::size_t>(manifest.channels());
  Analysis result;
  result.metrics.channels.assign(channels, std::vector<FrameChannel>(static_cast<std::size_t>(frames)));
  result.metrics.image_width = manifest.width();
  result.metrics.image_height = manifest.height();
  FrameStacks stacks = empty_stacks(manifest, method);
  std::vector<std::vector<LinearityEvidence>> linearity(
      channels, std::vector<LinearityEvidence>(static_cast<std::size_t>(frames)));
  std::vector<std::vector<FrameNumbers>> numbers(channels,
                                                 std::vector<FrameNumbers>(static_cast<std::size_t>(frames)));
  std::vector<std::string> unreadable(static_cast<std::size_t>(frames));
  std::vector<double> zeros(static_cast<std::size_t>(frames));  // share of them
  std::atomic<bool> all_read{true};
  std::atomic<int> done{0};
  std::vector<Image> images;  // whose memory serves all groups
  for (int first = 0; first < frames; first += kFramesAThread * threads) {
    const int group = std::min(kFramesAThread * threads, frames - first);
    images.resize(static_cast<std::size_t>(group));
    parallel_for(group, threads, [&](int i) {
      const auto frame = static_cast<std::size_t>(first + i);
      observer.check_stop();
      try {
        OpenFrame reader = source.open(first + i);
        const double code_step = reader.facts().code_step;
        Image& image = images[static_cast<std::size_t>(i)];
        reader.read_all(image);
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
      observer.progress(++done);
    });
    if (all_read) add_to_stacks(stacks, images, first, result.metrics, threads);
  }
  result.bad_frames =
      judge_frames(paths_of(manifest), unreadable, result.metrics, linearity, numbers, zeros, method);
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

}  // namespace tilecompile

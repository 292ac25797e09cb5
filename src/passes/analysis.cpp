#include "tilecompile/passes/analysis.hpp"

#include <set>

#include "tilecompile/frame/floored_sky.hpp"

namespace tilecompile {
namespace {

std::vector<std::string> paths_of(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestEntry& f : manifest.frames) paths.push_back(f.path);
  return paths;
}

// What the looks say of one thing, [channel][frame].
template <class T>
std::vector<std::vector<T>> by_channel(const std::vector<FrameLook>& looks, std::size_t channels,
                                       std::vector<T> FrameLook::*what) {
  std::vector<std::vector<T>> all(channels, std::vector<T>(looks.size()));
  for (std::size_t f = 0; f < looks.size(); ++f)
    for (std::size_t c = 0; c < (looks[f].*what).size(); ++c) all[c][f] = (looks[f].*what)[c];
  return all;
}

// Frames that pass 1 could not read, and those whose samples are of no use.
std::vector<BadFrame> judge_frames(const std::vector<std::string>& paths, const std::vector<FrameLook>& looks,
                                   const FrameMetrics& metrics, const std::vector<double>& zeros,
                                   const MethodConfig& method) {
  std::vector<BadFrame> bad;
  std::set<std::string> unread;
  for (std::size_t f = 0; f < paths.size(); ++f)
    if (!looks[f].unreadable.empty()) {
      bad.push_back({paths[f], looks[f].unreadable});
      unread.insert(paths[f]);
    }
  const std::size_t channels = metrics.channels.size();
  for (const BadFrame& frame : unusable_frames(metrics.channels, paths, method.normalization))
    if (unread.count(frame.path) == 0) bad.push_back(frame);
  if (method.data.linear_required)
    for (const BadFrame& frame : stretched_frames(by_channel(looks, channels, &FrameLook::linearity), paths))
      bad.push_back(frame);
  if (divides_by_background(method.normalization))
    for (const BadFrame& frame : floored_backgrounds(zeros, paths)) bad.push_back(frame);
  for (const BadFrame& frame : frames_of_other_scale(by_channel(looks, channels, &FrameLook::numbers), paths))
    bad.push_back(frame);
  return one_entry_a_frame(bad);
}

}  // namespace

int reference_channel(int channels) { return channels == 3 ? 1 : 0; }

Analysis analyse_frames(const Manifest& manifest, const MethodConfig& method, FramePasses& passes) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  Analysis result;
  result.metrics.channels.assign(channels, std::vector<FrameChannel>(manifest.frames.size()));
  result.metrics.image_width = manifest.width();
  result.metrics.image_height = manifest.height();
  const std::vector<FrameLook> looks = passes.look(result);
  const std::vector<std::string> paths = paths_of(manifest);
  std::vector<double> zeros;  // share of them
  for (const FrameLook& look : looks) zeros.push_back(look.zeros);
  result.bad_frames = judge_frames(paths, looks, result.metrics, zeros, method);
  if (!result.bad_frames.empty()) return result;
  if (method.data.linear_required)
    result.warnings = linearity_warnings(by_channel(looks, channels, &FrameLook::linearity), paths);
  for (const std::string& text : floored_warnings(zeros, paths)) {
    result.warnings.push_back(text);
    result.floored = true;
  }
  set_output_scale(result.metrics, method.normalization);
  return result;
}

Analysis analyse_frames(const FrameSource& source, const MethodConfig& method, int threads,
                        Observer& observer) {
  LocalPasses passes(source, method, threads, observer);
  return analyse_frames(source.manifest(), method, passes);
}

}  // namespace tilecompile

#include "tilecompile/frame/number_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tilecompile {
namespace {

constexpr double kLargestRatio = 100;
constexpr double kStandsOut = 3;    // a background, in units of its noise
constexpr double kUnitRange = 1.1;  // floats of 0 to 1; resampling overshoots
constexpr double kIntegerRange = 100;

double lower_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool far_apart(double a, double b) { return a > kLargestRatio * b || b > kLargestRatio * a; }

bool backgrounds_far_apart(const FrameNumbers& a, const FrameNumbers& b) {
  const auto stands_out = [](const FrameNumbers& n) { return n.background > kStandsOut * n.noise; };
  return stands_out(a) && stands_out(b) && far_apart(a.background, b.background);
}

bool unit_floats_beside_integers(const FrameNumbers& a, const FrameNumbers& b) {
  const auto unit = [](const FrameNumbers& n) { return n.floating && n.largest <= kUnitRange; };
  const auto codes = [](const FrameNumbers& n) { return !n.floating && n.largest > kIntegerRange; };
  return (unit(a) && codes(b)) || (unit(b) && codes(a));
}

bool other_scale(const FrameNumbers& a, const FrameNumbers& b) {
  return far_apart(a.noise, b.noise) || backgrounds_far_apart(a, b) || unit_floats_beside_integers(a, b);
}

// The frame whose noise is the middle one: a scale that holds for most frames holds for it.
FrameNumbers typical(const std::vector<FrameNumbers>& frames) {
  std::vector<double> noise;
  for (const FrameNumbers& n : frames)
    if (n.noise > 0) noise.push_back(n.noise);
  const double middle = lower_median(noise);
  return *std::find_if(frames.begin(), frames.end(),
                       [&](const FrameNumbers& n) { return n.noise == middle; });
}

std::string figures(double background, double noise, double largest, bool floating) {
  char text[160];
  std::snprintf(text, sizeof text, "background %.4g, noise %.3g, largest value %.6g, %s", background, noise,
                largest, floating ? "floating point" : "integers");
  return text;
}

// The medians of a group.
std::string figures_of(const std::vector<FrameNumbers>& group) {
  std::vector<double> background, noise, largest;
  std::size_t floating = 0;
  for (const FrameNumbers& n : group) {
    background.push_back(n.background);
    noise.push_back(n.noise);
    largest.push_back(n.largest);
    floating += n.floating ? 1 : 0;
  }
  return figures(lower_median(background), lower_median(noise), lower_median(largest),
                 2 * floating > group.size());
}

void find_in_channel(const std::vector<FrameNumbers>& frames, const std::string& where,
                     const std::vector<std::string>& paths, std::vector<BadFrame>& bad) {
  const auto known = [](const FrameNumbers& n) { return n.noise > 0; };
  if (std::none_of(frames.begin(), frames.end(), known)) return;
  const FrameNumbers reference = typical(frames);
  std::vector<FrameNumbers> others;
  std::vector<std::size_t> odd;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!known(frames[f])) continue;
    if (other_scale(frames[f], reference))
      odd.push_back(f);
    else
      others.push_back(frames[f]);
  }
  for (const std::size_t f : odd) {
    const FrameNumbers& n = frames[f];
    bad.push_back({paths[f], where + "its numbers are of another scale (" +
                                 figures(n.background, n.noise, n.largest, n.floating) + ") than those of " +
                                 std::to_string(others.size()) +
                                 (others.size() == 1 ? " frame (" : " frames (") + figures_of(others) +
                                 "): bring all frames to one scale"});
  }
}

}  // namespace

FrameNumbers numbers_of(const Distribution& samples, const FrameChannel& channel, double largest_code) {
  if (samples.count() == 0) return {};
  return {channel.background, channel.noise / channel.normalization.gain, samples.largest(),
          !std::isfinite(largest_code)};
}

std::vector<BadFrame> frames_of_other_scale(const std::vector<std::vector<FrameNumbers>>& numbers,
                                            const std::vector<std::string>& frame_paths) {
  std::vector<BadFrame> bad;
  for (std::size_t c = 0; c < numbers.size(); ++c)
    find_in_channel(numbers[c], numbers.size() > 1 ? "channel " + std::to_string(c) + ": " : "", frame_paths,
                    bad);
  return one_entry_a_frame(bad);
}

}  // namespace tilecompile

#include "tilecompile/frame/linearity.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tilecompile {
namespace {

// Measured on stretched versions of real and simulated frames: sky 0.2 to 0.43 of white, 3.2 to 5.7 sigma
// above black, white 9 to 21 sigma above the sky. Linear ones: at least 10 sigma above black, or below 0.1 of
// the largest sample, and 31 to 3000 sigma of range.
constexpr double kLowestShare = 0.1, kHighestShare = 0.6;
constexpr double kFewestSkySigmas = 1.5, kMostSkySigmas = 8;
constexpr double kFewestRangeSigmas = 6.5, kMostRangeSigmas = 30;  // below: noise alone
constexpr double kReached = 0.7, kOvershoot = 1.1;                 // of the full scale; resampling overshoots
constexpr std::size_t kNamesShown = 20;

bool within(double value, double low, double high) { return value >= low && value <= high; }

// What white is: the largest code of an integer file; floats run to 1 or to 65535.
double full_scale(double largest, double largest_code) {
  if (std::isfinite(largest_code)) return largest_code;
  return largest <= kOvershoot ? 1 : 65535;
}

using Strength = LinearityEvidence::Strength;

std::vector<BadFrame> frames_with(Strength strength,
                                  const std::vector<std::vector<LinearityEvidence>>& evidence,
                                  const std::vector<std::string>& frame_paths) {
  std::vector<BadFrame> found;
  for (std::size_t f = 0; f < frame_paths.size(); ++f)
    for (std::size_t c = 0; c < evidence.size(); ++c)
      if (evidence[c][f].strength == strength)
        found.push_back({frame_paths[f], (evidence.size() > 1 ? "channel " + std::to_string(c) + ": " : "") +
                                             linearity_text(evidence[c][f])});
  return one_entry_a_frame(found);
}

}  // namespace

LinearityEvidence examine_linearity(const Distribution& samples, const FrameChannel& channel,
                                    double largest_code) {
  LinearityEvidence e;
  const double largest = samples.largest();
  const double sigma = channel.noise / channel.normalization.gain;  // of I
  if (samples.constant() || !(sigma > 0) || !(largest > 0)) return e;
  e.background_share = channel.background / largest;
  e.background_sigmas = channel.background / sigma;
  e.range_sigmas = (largest - channel.background) / sigma;
  const double scale = full_scale(largest, largest_code);
  e.peak_share = scale > 0 ? largest / scale : 0;  // beyond kOvershoot the scale is another one: not reached
  if (!within(e.background_share, kLowestShare, kHighestShare) ||
      !within(e.background_sigmas, kFewestSkySigmas, kMostSkySigmas) ||
      !within(e.range_sigmas, kFewestRangeSigmas, kMostRangeSigmas))
    return e;
  e.strength = within(e.peak_share, kReached, kOvershoot) ? LinearityEvidence::Strength::kStrong
                                                          : LinearityEvidence::Strength::kWeak;
  return e;
}

std::string linearity_text(const LinearityEvidence& e) {
  char text[200];
  std::snprintf(text, sizeof text,
                "sky at %.0f %% of the largest sample and only %.1f sigma above zero, largest sample only "
                "%.1f sigma above the sky and at %.0f %% of full scale",
                100 * e.background_share, e.background_sigmas, e.range_sigmas, 100 * e.peak_share);
  return text;
}

std::vector<BadFrame> stretched_frames(const std::vector<std::vector<LinearityEvidence>>& evidence,
                                       const std::vector<std::string>& frame_paths) {
  std::vector<BadFrame> bad = frames_with(Strength::kStrong, evidence, frame_paths);
  for (BadFrame& frame : bad)
    frame.reason = "looks stretched, which data.linear_required forbids: " + frame.reason +
                   "; use the frame from before the stretch, or set data.linear_required to false if it is "
                   "linear after all";
  return bad;
}

std::vector<std::string> linearity_warnings(const std::vector<std::vector<LinearityEvidence>>& evidence,
                                            const std::vector<std::string>& frame_paths) {
  std::vector<BadFrame> weak = frames_with(Strength::kWeak, evidence, frame_paths);
  if (weak.empty()) return {};
  const std::size_t more = weak.size() - std::min(weak.size(), kNamesShown);
  weak.resize(weak.size() - more);
  return {"frames may be stretched, check that they are linear:" + listed(weak) +
          (more > 0 ? "\n  and " + std::to_string(more) + " more" : "")};
}

}  // namespace tilecompile

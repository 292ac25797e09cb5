#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {
namespace {

std::string shape_text(const FrameFacts& f) {
  return std::to_string(f.width) + " x " + std::to_string(f.height) + " px, " + std::to_string(f.channels) +
         (f.channels == 1 ? " channel" : " channels");
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

void check_count(const Manifest& manifest, const DataParams& data) {
  const auto found = static_cast<int>(manifest.frames.size());
  if (found < std::max(1, data.frames_min))
    throw InputError("found " + std::to_string(found) + " usable frames, data.frames_min asks for at least " +
                     std::to_string(std::max(1, data.frames_min)) +
                     ": add frames, or lower data.frames_min if so few are intended");
}

using Shape = std::tuple<int, int, int>;  // width, height, channels

Shape shape_of(const ManifestEntry& f) { return {f.facts.width, f.facts.height, f.facts.channels}; }

// The shape of most frames; of equally many the smallest.
Shape common_shape(const Manifest& manifest) {
  std::map<Shape, std::size_t> votes;
  for (const auto& f : manifest.frames) ++votes[shape_of(f)];
  return std::max_element(votes.begin(), votes.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

void find_odd_shapes(const Manifest& manifest, const Shape& common, std::vector<BadFrame>& bad) {
  FrameFacts expected;
  std::tie(expected.width, expected.height, expected.channels) = common;
  for (const auto& f : manifest.frames)
    if (shape_of(f) != common)
      bad.push_back({f.path, "has " + shape_text(f.facts) + ", most have " + shape_text(expected) +
                                 ": register all frames onto one grid"});
}

void find_odd_exposures(const Manifest& manifest, const Shape& common, double tolerance_percent,
                        std::vector<BadFrame>& bad) {
  std::vector<double> stated;
  for (const auto& f : manifest.frames)
    if (shape_of(f) == common && std::isfinite(f.facts.exposure_s)) stated.push_back(f.facts.exposure_s);
  if (stated.empty()) return;
  std::sort(stated.begin(), stated.end());
  const double middle = stated[stated.size() / 2];
  for (const auto& f : manifest.frames)
    if (shape_of(f) == common && std::isfinite(f.facts.exposure_s) &&
        std::abs(f.facts.exposure_s - middle) > tolerance_percent / 100 * std::abs(middle))
      bad.push_back({f.path, "exposed " + number(f.facts.exposure_s) + " s, more than " +
                                 number(tolerance_percent) + " % from the median of " + number(middle) +
                                 " s: use frames of one exposure, or raise data.exposure_tolerance_percent"});
}

void find_stretched(const Manifest& manifest, std::vector<BadFrame>& bad) {
  for (const auto& f : manifest.frames)
    if (!f.facts.stretch_evidence.empty())
      bad.push_back({f.path, "is not linear, HISTORY says '" + f.facts.stretch_evidence +
                                 "': use the frame from before the stretch, or set data.linear_required to "
                                 "false"});
}

void check_size(const char* key, int wanted, int found, const Manifest& manifest) {
  if (wanted != 0 && wanted != found)
    throw InputError(std::string("data.") + key + " is " + std::to_string(wanted) + " but the frames have " +
                     std::to_string(found) + " (first: " + manifest.frames.front().path +
                     "): correct the key, or set it to 0 to take it from the frames");
}

}  // namespace

std::vector<BadFrame> odd_frames(const Manifest& manifest, const DataParams& data) {
  std::vector<BadFrame> bad = frames_of_another_kind(manifest);
  if (manifest.frames.empty()) return bad;
  const Shape common = common_shape(manifest);
  find_odd_shapes(manifest, common, bad);
  find_odd_exposures(manifest, common, data.exposure_tolerance_percent, bad);
  if (data.linear_required) find_stretched(manifest, bad);
  return one_entry_a_frame(bad);
}

Manifest without(const Manifest& manifest, const std::vector<BadFrame>& bad) {
  std::set<std::string> left_out;
  for (const BadFrame& frame : bad) left_out.insert(frame.path);
  Manifest good;
  good.registration = manifest.registration;
  for (const ManifestEntry& entry : manifest.frames)
    if (left_out.count(entry.path) == 0) good.frames.push_back(entry);
  return good;
}

void check_hard_assumptions(const Manifest& manifest, const DataParams& data) {
  check_count(manifest, data);
  check_size("image_width", data.image_width, manifest.width(), manifest);
  check_size("image_height", data.image_height, manifest.height(), manifest);
}

}  // namespace tilecompile

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/manifest.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kNamesShown = 20;

std::string shape_text(const FrameFacts& f) {
  return std::to_string(f.width) + " x " + std::to_string(f.height) + " px, " + std::to_string(f.channels) +
         (f.channels == 1 ? " channel" : " channels");
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

// "a: why", one a line, the first kNamesShown of them.
std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kNamesShown); ++i) text += "\n  " + lines[i];
  if (lines.size() > kNamesShown) text += "\n  and " + std::to_string(lines.size() - kNamesShown) + " more";
  return text;
}

void check_count(const Manifest& manifest, const DataParams& data) {
  const auto found = static_cast<int>(manifest.frames.size());
  if (found < std::max(1, data.frames_min))
    throw InputError("found " + std::to_string(found) + " frames, data.frames_min asks for at least " +
                     std::to_string(std::max(1, data.frames_min)) +
                     ": add frames, or lower data.frames_min if so few are intended");
}

void check_shape(const Manifest& manifest, const DataParams& data) {
  std::map<std::tuple<int, int, int>, std::size_t> votes;
  for (const auto& f : manifest.frames) ++votes[{f.facts.width, f.facts.height, f.facts.channels}];
  const auto common = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
                        return a.second < b.second;
                      })->first;
  std::vector<std::string> odd;
  for (const auto& f : manifest.frames)
    if (std::tuple(f.facts.width, f.facts.height, f.facts.channels) != common)
      odd.push_back(f.path + ": " + shape_text(f.facts));
  FrameFacts expected;
  std::tie(expected.width, expected.height, expected.channels) = common;
  if (!odd.empty())
    throw InputError("frames differ in shape: most are " + shape_text(expected) + ", but" + listed(odd) +
                     "\nregister all frames onto one grid, or take these out of the input folder");
  const auto mismatch = [&](const char* key, int wanted, int found) {
    if (wanted != 0 && wanted != found)
      throw InputError(std::string("data.") + key + " is " + std::to_string(wanted) +
                       " but the frames have " + std::to_string(found) +
                       " (first: " + manifest.frames.front().path +
                       "): correct the key, or set it to 0 to take it from the frames");
  };
  mismatch("image_width", data.image_width, expected.width);
  mismatch("image_height", data.image_height, expected.height);
}

void check_exposure(const Manifest& manifest, const DataParams& data) {
  std::vector<double> stated;
  for (const auto& f : manifest.frames)
    if (std::isfinite(f.facts.exposure_s)) stated.push_back(f.facts.exposure_s);
  if (stated.empty()) return;
  std::sort(stated.begin(), stated.end());
  const double middle = stated[stated.size() / 2];
  std::vector<std::string> odd;
  for (const auto& f : manifest.frames)
    if (std::isfinite(f.facts.exposure_s) &&
        std::abs(f.facts.exposure_s - middle) > data.exposure_tolerance_percent / 100 * std::abs(middle))
      odd.push_back(f.path + ": " + number(f.facts.exposure_s) + " s");
  if (!odd.empty())
    throw InputError("exposure times differ by more than " + number(data.exposure_tolerance_percent) +
                     " % from the median of " + number(middle) + " s:" + listed(odd) +
                     "\nuse frames of one exposure time, or raise data.exposure_tolerance_percent");
}

void check_linear(const Manifest& manifest, const DataParams& data) {
  if (!data.linear_required) return;
  std::vector<std::string> stretched;
  for (const auto& f : manifest.frames)
    if (!f.facts.stretch_evidence.empty())
      stretched.push_back(f.path + ": HISTORY says '" + f.facts.stretch_evidence + "'");
  if (!stretched.empty())
    throw InputError("frames are not linear, which data.linear_required forbids:" + listed(stretched) +
                     "\nuse frames from before the stretch");
}

}  // namespace

void check_hard_assumptions(const Manifest& manifest, const DataParams& data) {
  check_count(manifest, data);
  check_shape(manifest, data);
  check_exposure(manifest, data);
  check_linear(manifest, data);
}

}  // namespace tilecompile

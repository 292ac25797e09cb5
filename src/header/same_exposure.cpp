#include "tilecompile/header/same_exposure.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>

#include "tilecompile/header/observing_time.hpp"

namespace tilecompile {
namespace {

// Two exposures of one sky agree in half of the differences, and where stars are; a lossless copy in all, one
// that was compressed with a quarter of the noise as step in 0.96, another interpolation of the same samples
// in about 0.86. What is fixed to single pixels is seen in every exposure: it reaches this only where it
// scatters by nearly three times the noise.
constexpr double kAgreement = 0.85;
constexpr int kLeastPairs = 200;

/// The path without what tells of the format.
std::string stem_of(const std::string& path) {
  std::string stem = path;
  for (const auto& endings : {std::vector<std::string_view>{".gz", ".fz"}, {".fit", ".fits", ".fts"}})
    for (const std::string_view ending : endings) {
      if (stem.size() <= ending.size()) continue;
      const std::size_t at = stem.size() - ending.size();
      const bool found =
          std::equal(ending.begin(), ending.end(), stem.begin() + static_cast<std::ptrdiff_t>(at),
                     [](char a, char b) { return a == b || a == (b | 0x20); });
      if (!found) continue;
      stem.resize(at);
      break;
    }
  return stem;
}

using Shape = std::tuple<int, int, int>;
Shape shape_of(const FrameFacts& f) { return {f.width, f.height, f.channels}; }

constexpr double kDateAlone = 86400;

}  // namespace

NoiseSigns noise_signs(const std::vector<float>& rows, int width) {
  NoiseSigns signs;
  const std::size_t words = (rows.size() + 63) / 64;
  signs.rises.assign(words, 0);
  signs.falls.assign(words, 0);
  const auto w = static_cast<std::size_t>(width), step = static_cast<std::size_t>(kNoisePairPx);
  for (std::size_t row = 0; row + 2 * w <= rows.size(); row += 2 * w)
    for (std::size_t i = row + step; i < row + w; ++i) {
      const float here = rows[i] - rows[i - step], there = rows[i + w] - rows[i + w - step];
      const std::uint64_t bit = std::uint64_t{1} << (i % 64);
      if (here > there) signs.rises[i / 64] |= bit;
      if (here < there) signs.falls[i / 64] |= bit;
    }
  return signs;
}

bool same_noise(const NoiseSigns& a, const NoiseSigns& b) {
  if (a.rises.size() != b.rises.size()) return false;
  int agree = 0, both = 0;
  for (std::size_t i = 0; i < a.rises.size(); ++i) {
    agree += std::popcount((a.rises[i] & b.rises[i]) | (a.falls[i] & b.falls[i]));
    both += std::popcount((a.rises[i] | a.falls[i]) & (b.rises[i] | b.falls[i]));
  }
  return both >= kLeastPairs && agree >= kAgreement * both;
}

std::vector<TwinCandidates> twin_candidates(const Manifest& manifest) {
  std::map<std::tuple<Shape, double, double>, TwinCandidates> by_time;
  std::map<std::tuple<Shape, std::string>, TwinCandidates> by_name;
  for (std::size_t i = 0; i < manifest.frames.size(); ++i) {
    const auto& [path, facts] = std::tie(manifest.frames[i].path, manifest.frames[i].facts);
    by_name[{shape_of(facts), stem_of(path)}].frames.push_back(i);
    const auto start = exposure_start(facts).moment;
    if (!start || start->resolution_s >= kDateAlone || !std::isfinite(facts.exposure_s)) continue;
    TwinCandidates& group = by_time[{shape_of(facts), start->seconds, facts.exposure_s}];
    group.frames.push_back(i);
    group.same_time = facts.exposure_s >= 2 * start->resolution_s;
  }
  std::vector<TwinCandidates> groups;
  for (const auto& [key, group] : by_name)
    if (group.frames.size() > 1) groups.push_back(group);
  for (const auto& [key, group] : by_time)
    if (group.frames.size() > 1) groups.push_back(group);
  return groups;
}

}  // namespace tilecompile

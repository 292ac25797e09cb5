#include "tilecompile/frame/cfa_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kNoiseOfMedian = 1.2533;  // over that of the mean
constexpr double kNoiseLimit = 5, kLevelShare = 0.005, kContrast = 4;

struct Place {
  double level = 0, noise = 0;
};

Place place_of(const PlaneView<float>& frame, int x0, int y0) {
  std::vector<double> samples;
  for (int y = y0; y < frame.height; y += 2)
    for (int x = x0; x < frame.width; x += 2)
      if (const float s = frame.at(x, y); s == s) samples.push_back(s);
  const double noise =
      samples.empty() ? 0
                      : kNoiseOfMedian * robust_sd(samples) / std::sqrt(static_cast<double>(samples.size()));
  return {median(std::move(samples)), noise};
}

}  // namespace

std::string doubt_of_cfa(const PlaneView<float>& frame, const std::string& cfa) {
  if (cfa.empty()) return "";
  std::array<Place, 4> places;
  for (int i = 0; i < 4; ++i) places[static_cast<std::size_t>(i)] = place_of(frame, i % 2, i / 2);
  const bool on_falling = cfa[0] == 'G';  // green at (0, 0) and (1, 1)
  const Place &g1 = places[on_falling ? 0 : 1], &g2 = places[on_falling ? 3 : 2];
  const Place &o1 = places[on_falling ? 1 : 0], &o2 = places[on_falling ? 2 : 3];
  const double greens = std::abs(g1.level - g2.level), others = std::abs(o1.level - o2.level);
  const double light = std::max({g1.level, g2.level, o1.level, o2.level});
  const double limit = std::max(kNoiseLimit * (g1.noise + g2.noise), kLevelShare * light);
  if (!(greens > limit) || !(greens > kContrast * others)) return "";
  char text[200];
  std::snprintf(text, sizeof text,
                "the pixels that %s calls green differ by %.4g, the other two by %.4g: the pattern is "
                "%s or %s",
                cfa.c_str(), greens, others, on_falling ? "RGGB" : "GRBG", on_falling ? "BGGR" : "GBRG");
  return text;
}

}  // namespace tilecompile

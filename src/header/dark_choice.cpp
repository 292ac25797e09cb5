#include "tilecompile/header/dark_choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "tilecompile/base/error.hpp"
#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

std::string number(double value, const char* unit) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g %s", value, unit);
  return text;
}

std::string exposure_text(const FrameFacts& facts) {
  return std::isnan(facts.exposure_s) ? "no stated exposure" : number(facts.exposure_s, "s");
}

std::string conditions_text(const FrameFacts& facts, const DarkMatch& match) {
  std::string text = exposure_text(facts);
  if (!match.use_temperature) return text;
  return text + (std::isnan(facts.sensor_celsius) ? " at no stated temperature"
                                                  : " at " + number(facts.sensor_celsius, "C"));
}

/// "30 s (20 frames) and 60 s (18 frames)".
std::string list_of(const Manifest& frames, const DarkMatch& match) {
  std::map<std::pair<double, std::string>, int> counts;
  for (const ManifestEntry& f : frames.frames)
    ++counts[{std::isnan(f.facts.exposure_s) ? -1 : f.facts.exposure_s, conditions_text(f.facts, match)}];
  std::string text;
  for (const auto& [what, count] : counts)
    text += (text.empty() ? "" : ", ") + what.second + " (" + std::to_string(count) +
            (count == 1 ? " frame)" : " frames)");
  return text;
}

bool exposures_fit(double dark_s, double light_s, double tolerance_percent) {
  if (std::isnan(dark_s) || std::isnan(light_s)) return std::isnan(dark_s) && std::isnan(light_s);
  return std::abs(dark_s - light_s) <= 0.01 * tolerance_percent * light_s;
}

bool temperatures_fit(const FrameFacts& dark, const FrameFacts& light, const DarkMatch& match) {
  return !match.use_temperature ||
         std::abs(dark.sensor_celsius - light.sensor_celsius) <= match.temperature_tolerance_c;
}

std::vector<int> fitting(const FrameFacts& light, const Manifest& darks, const DarkMatch& match) {
  std::vector<int> chosen;
  for (std::size_t i = 0; i < darks.frames.size(); ++i) {
    const FrameFacts& dark = darks.frames[i].facts;
    if (exposures_fit(dark.exposure_s, light.exposure_s, match.exposure_tolerance_percent) &&
        temperatures_fit(dark, light, match))
      chosen.push_back(static_cast<int>(i));
  }
  return chosen;
}

/// The exposure that is nearest to the light's by ratio; NaN for none.
double nearest_exposure(const FrameFacts& light, const Manifest& darks, const DarkMatch& match) {
  double nearest = kNotStated, least = 0;
  for (const ManifestEntry& f : darks.frames) {
    const double dark_s = f.facts.exposure_s;
    if (!(dark_s > 0) || !(light.exposure_s > 0) || !temperatures_fit(f.facts, light, match)) continue;
    const double ratio = dark_s > light.exposure_s ? dark_s / light.exposure_s : light.exposure_s / dark_s;
    if (!std::isnan(nearest) && (ratio > least || (ratio == least && dark_s <= nearest))) continue;
    nearest = dark_s;
    least = ratio;
  }
  return nearest;
}

DarkGroup group_of(const ManifestEntry& light, const Manifest& darks, const DarkMatch& match) {
  DarkGroup group;
  group.darks = fitting(light.facts, darks, match);
  if (!group.darks.empty()) return group;
  if (match.scaling) {
    FrameFacts other = light.facts;
    other.exposure_s = nearest_exposure(light.facts, darks, match);
    if (!std::isnan(other.exposure_s)) group.darks = fitting(other, darks, match);
    if (!group.darks.empty()) {
      group.ratio = light.facts.exposure_s / other.exposure_s;
      return group;
    }
  }
  throw InputError(
      "no dark fits the light " + light.path + " of " + conditions_text(light.facts, match) +
      ": the darks have " + list_of(darks, match) +
      "; take darks of its exposure, raise calibration.dark_match_exposure_tolerance_percent, set " +
      (match.use_temperature ? "calibration.dark_match_use_temp: false, " : "") +
      "calibration.dark_scaling: true (with a bias), or calibration.dark_auto_select: false");
}

}  // namespace

std::vector<DarkGroup> choose_darks(const Manifest& lights, const Manifest& darks, const DarkMatch& match) {
  std::vector<DarkGroup> groups;
  for (std::size_t i = 0; i < lights.frames.size(); ++i) {
    DarkGroup group;
    if (match.auto_select)
      group = group_of(lights.frames[i], darks, match);
    else
      for (std::size_t d = 0; d < darks.frames.size(); ++d) group.darks.push_back(static_cast<int>(d));
    auto same = std::find_if(groups.begin(), groups.end(), [&](const DarkGroup& g) {
      return g.darks == group.darks && g.ratio == group.ratio;
    });
    if (same == groups.end()) same = groups.insert(same, std::move(group));
    same->lights.push_back(static_cast<int>(i));
  }
  return groups;
}

}  // namespace tilecompile

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/observing_time.hpp"

namespace tilecompile {
namespace {

using Names = std::vector<std::string>;

std::string share(const Names& names, const Manifest& manifest) {
  return std::to_string(names.size()) + " of " + std::to_string(manifest.frames.size()) + " frames";
}

/// Frames by what they state for `key`; those that state nothing are not among them.
std::map<std::string, Names> by_value(const Manifest& manifest, const std::string& key) {
  std::map<std::string, Names> groups;
  for (const ManifestEntry& f : manifest.frames)
    for (const auto& [name, value] : f.facts.settings)
      if (name == key) groups[value].push_back(f.path);
  return groups;
}

void warn_of_mixed(const Manifest& manifest, const std::string& key, std::vector<std::string>& warnings) {
  const auto groups = by_value(manifest, key);
  if (groups.size() < 2) return;
  const auto& common = *std::max_element(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  constexpr std::size_t kValuesShown = 5;
  std::size_t shown = 0;
  for (const auto& [value, names] : groups) {
    if (value == common.first) continue;
    if (++shown > kValuesShown) {
      warnings.push_back(key + " has " + std::to_string(groups.size()) +
                         " different values among the frames");
      break;
    }
    warnings.push_back(share(names, manifest) + " have " + key + " '" + value +
                       (groups.size() == 2 ? "', the others '" : "', most '") + common.first +
                       "': " + some_names(names));
  }
}

void warn_of_times(const Manifest& manifest, std::vector<std::string>& warnings) {
  // The quoted words differ from frame to frame; the kind is what is told once.
  std::map<std::string, std::pair<std::string, Names>> problems;
  Names undated;
  for (const ManifestEntry& f : manifest.frames) {
    const ExposureStart start = exposure_start(f.facts);
    if (!start.moment && start.problem.empty()) undated.push_back(f.path);
    if (start.problem.empty()) continue;
    std::string kind = start.problem;
    if (const std::size_t quote = kind.find('\''); quote != std::string::npos)
      kind.erase(quote, kind.rfind('\'') - quote);
    auto& [text, names] = problems.try_emplace(kind, start.problem, Names{}).first->second;
    names.push_back(f.path);
  }
  for (const auto& [kind, problem] : problems)
    warnings.push_back("in " + share(problem.second, manifest) + " " + problem.first + ": " +
                       some_names(problem.second));
  if (!undated.empty() && undated.size() < manifest.frames.size())
    warnings.push_back(
        share(undated, manifest) +
        " state no date, the dates of the pictures are those of the others: " + some_names(undated));
}

void warn_of_exposures(const Manifest& manifest, std::vector<std::string>& warnings) {
  Names unread, silent, unknown;
  std::string text;
  for (const ManifestEntry& f : manifest.frames) {
    if (!f.facts.exposure_text.empty()) {
      unread.push_back(f.path);
      text = f.facts.exposure_text;
    } else if (std::isnan(f.facts.exposure_s)) {
      silent.push_back(f.path);
    } else if (std::isnan(live_time_of(f.facts)) || std::isnan(exposures_in(f.facts))) {
      unknown.push_back(f.path);
    }
  }
  const std::string left_out = ", so the pictures state no sum of exposures: ";
  if (!unread.empty())
    warnings.push_back(share(unread, manifest) + " state an exposure that is no number of seconds (" + text +
                       ")" + left_out + some_names(unread));
  if (!silent.empty() && silent.size() < manifest.frames.size())
    warnings.push_back(share(silent, manifest) + " state no exposure" + left_out + some_names(silent));
  if (!unknown.empty())
    warnings.push_back(share(unknown, manifest) +
                       " are stacks that state only one of STACKCNT and LIVETIME, so the pictures do not "
                       "state both: " +
                       some_names(unknown));
}

}  // namespace

std::vector<std::string> header_warnings(const Manifest& manifest) {
  std::vector<std::string> warnings;
  std::set<std::string> seen;
  for (const ManifestEntry& f : manifest.frames)
    for (const auto& setting : f.facts.settings)
      // Lights are called lights in many ways.
      if (setting.first != "IMAGETYP" && seen.insert(setting.first).second)
        warn_of_mixed(manifest, setting.first, warnings);
  warn_of_times(manifest, warnings);
  warn_of_exposures(manifest, warnings);
  return warnings;
}

}  // namespace tilecompile

#include "tilecompile/header/calibration_rules.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

constexpr double kLongestBiasS = 1;

std::string squeezed_words(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (std::isalpha(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string size_of(const FrameFacts& facts) {
  return std::to_string(facts.width) + " x " + std::to_string(facts.height) + " pixels" +
         (facts.channels == 1 ? "" : " in " + std::to_string(facts.channels) + " planes");
}

bool serves_as(FrameKind wanted, FrameKind found, const FrameFacts& facts) {
  if (found == FrameKind::kUnknown || found == wanted) return true;
  switch (wanted) {
    case FrameKind::kBias:  // many cameras take them as short darks
      return found == FrameKind::kDark && !(facts.exposure_s > kLongestBiasS);
    case FrameKind::kDark:
      return found == FrameKind::kFlatDark;
    case FrameKind::kFlatDark:
      return found == FrameKind::kDark || found == FrameKind::kBias;
    default:
      return false;
  }
}

/// The first setting that both state and that differs: "states GAIN 100, the light l.fit 120".
std::string difference(const FrameFacts& frame, const ManifestEntry& light, const std::string& who,
                       const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string mine = setting_of(frame, key), theirs = setting_of(light.facts, key);
    if (!mine.empty() && !theirs.empty() && mine != theirs)
      return "state " + key + " " + mine + ", the " + who + " " + light.path + " " + theirs;
  }
  return "";
}

/// Why a frame cannot serve this light; empty when it can.
std::string misfit(FrameKind kind, const FrameFacts& frame, const ManifestEntry& light,
                   const std::string& configured) {
  const std::string who = kind_of(light.facts) == FrameKind::kFlat ? "flat" : "light";
  if (frame.width != light.facts.width || frame.height != light.facts.height ||
      frame.channels != light.facts.channels)
    return "have " + size_of(frame) + ", the " + who + " " + light.path + " " + size_of(light.facts);
  std::vector<std::string> keys = {"XBINNING", "YBINNING"};
  if (kind == FrameKind::kFlat) keys.insert(keys.end(), {"FILTER"});
  if (kind != FrameKind::kFlat) keys.insert(keys.end(), {"GAIN", "OFFSET", "ISOSPEED"});
  if (std::string text = difference(frame, light, who, keys); !text.empty()) return text;
  if (frame.bayer_pattern.empty() || light.facts.bayer_pattern.empty()) return "";
  const std::string mine = stored_cfa(frame, configured), theirs = stored_cfa(light.facts, configured);
  return mine == theirs ? ""
                        : "have colour filters " + mine + " as rows are stored, the " + who + " " +
                              light.path + " " + theirs + " (BAYERPAT, XBAYROFF, YBAYROFF, ROWORDER)";
}

/// One light of every combination of what is compared.
std::vector<const ManifestEntry*> distinct(const Manifest& lights) {
  std::map<std::string, const ManifestEntry*> first;
  for (const ManifestEntry& light : lights.frames) {
    std::string id = size_of(light.facts) + light.facts.bayer_pattern;
    for (const char* key :
         {"XBINNING", "YBINNING", "FILTER", "GAIN", "OFFSET", "ISOSPEED", "XBAYROFF", "YBAYROFF", "ROWORDER"})
      id += '\n' + setting_of(light.facts, key);
    first.try_emplace(id, &light);
  }
  std::vector<const ManifestEntry*> all;
  for (const auto& [id, light] : first) all.push_back(light);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

const char* name_of(FrameKind kind) {
  switch (kind) {
    case FrameKind::kLight:
      return "light";
    case FrameKind::kBias:
      return "bias";
    case FrameKind::kDark:
      return "dark";
    case FrameKind::kFlat:
      return "flat";
    case FrameKind::kFlatDark:
      return "flat dark";
    case FrameKind::kUnknown:
      break;
  }
  return "frame";
}

FrameKind kind_named(const std::string& text) {
  const std::string words = squeezed_words(text);
  const auto holds = [&](const char* part) { return words.find(part) != std::string::npos; };
  if (!names_a_calibration_frame(text))
    return holds("light") || holds("object") || holds("science") ? FrameKind::kLight : FrameKind::kUnknown;
  if (holds("dark")) return holds("flat") ? FrameKind::kFlatDark : FrameKind::kDark;
  if (holds("flat") || holds("twilight") || holds("dome")) return FrameKind::kFlat;
  return holds("bias") || holds("zero") || holds("offset") ? FrameKind::kBias : FrameKind::kUnknown;
}

FrameKind kind_of(const FrameFacts& facts) {
  const std::string& card = facts.calibration_evidence;
  if (card.empty()) return kind_named(setting_of(facts, "IMAGETYP"));
  return kind_named(card.substr(std::min(card.size(), card.find('\''))));
}

std::string misfits(FrameKind kind, const Manifest& frames, const Manifest& lights,
                    const std::string& configured) {
  const std::vector<const ManifestEntry*> compared = distinct(lights);
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const ManifestEntry& f : frames.frames) {
    const FrameKind found = kind_of(f.facts);
    std::string reason;
    if (!serves_as(kind, found, f.facts))
      reason = std::string("are no such frames, the header says ") + name_of(found);
    for (std::size_t i = 0; i < compared.size() && reason.empty(); ++i)
      reason = misfit(kind, f.facts, *compared[i], configured);
    if (reason.empty()) continue;
    auto same =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == reason; });
    if (same == reasons.end()) same = reasons.insert(same, {reason, {}});
    same->second.push_back(f.path);
  }
  std::string text;
  for (const auto& [reason, names] : reasons) text += "\n  " + some_names(names) + ": " + reason;
  return text;
}

}  // namespace tilecompile

#include "tilecompile/header/header_rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

/// Lower case; every run of other characters than letters one blank, blanks around.
std::string words_of(const std::string& text) {
  std::string out = " ";
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (out.back() != ' ')
      out += ' ';
  }
  return out.back() == ' ' ? out : out + ' ';
}

template <std::size_t N>
bool holds_any(const std::string& text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view p) { return text.find(p) != std::string::npos; });
}

bool is_stack(const ManifestEntry& f) { return f.facts.stacked_frames > 1; }

}  // namespace

bool names_a_calibration_frame(const std::string& text) {
  const std::string words = words_of(text);
  static constexpr std::array<std::string_view, 5> kLights = {"light", "object", "science", "target",
                                                              "tricolor"};
  static constexpr std::array<std::string_view, 8> kDone = {"correct",   "subtract", "fielded", "calibrated",
                                                            "flattened", "reduced",  "removed", "divided"};
  static constexpr std::array<std::string_view, 3> kAnywhere = {"dark", "bias", "flat"};  // "MASTERFLATDARK"
  static constexpr std::array<std::string_view, 7> kWords = {" zero ", " offset ", " dome ",      " lamp ",
                                                             " arc ",  " comp ",   " comparison "};
  if (words.find(" twilight ") != std::string::npos) return true;  // a flat of the evening sky
  if (holds_any(words, kLights) || holds_any(words, kDone)) return false;
  return holds_any(words, kAnywhere) || holds_any(words, kWords);
}

std::string bayer_letters(const std::string& text) {
  std::string letters;
  for (const char c : text)
    if (std::isalpha(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const bool whole = letters.size() == 4 || letters.size() == 36;  // 36: X-Trans
  const bool colours = letters.find_first_not_of("RGBCMYW") == std::string::npos;
  const bool several = letters.find_first_not_of(letters.substr(0, 1)) != std::string::npos;
  return whole && colours && several ? letters : "";
}

std::string product_by_cards(const ProductCards& cards) {
  const std::string ours =
      " that tilecompile wrote" + (is_uuid(cards.run_id) ? " (run " + cards.run_id + ")" : "");
  if (!cards.tile_id.empty() && (is_uuid(cards.run_id) || is_sha256(cards.frames_id)))
    return "tile " + cards.tile_id + ours;
  if (is_sha256(cards.manifest_id) && is_sha256(cards.config_hash)) return "a picture" + ours;
  if (cards.program.rfind("tilecompile ", 0) == 0 && is_uuid(cards.run_id)) return "a picture" + ours;
  if (cards.extension == "QUALITY" && cards.doubles) return "tile metrics that tilecompile wrote";
  return "";
}

std::vector<BadFrame> frames_of_another_kind(const Manifest& manifest) {
  std::vector<BadFrame> bad;
  for (const ManifestEntry& f : manifest.frames)
    if (!f.facts.calibration_evidence.empty())
      bad.push_back({f.path, "is no light, its header says " + f.facts.calibration_evidence +
                                 ": take it out of the folder of the lights, or correct the card"});
  const auto stacks =
      static_cast<std::size_t>(std::count_if(manifest.frames.begin(), manifest.frames.end(), is_stack));
  if (2 * stacks > manifest.frames.size()) return bad;  // a night of stacks
  for (const ManifestEntry& f : manifest.frames)
    if (is_stack(f)) {
      char count[32];
      std::snprintf(count, sizeof count, "%.0f", f.facts.stacked_frames);
      bad.push_back({f.path, std::string("is a stack of ") + count +
                                 " frames (STACKCNT or NCOMBINE), most are single frames: take it out"});
    }
  return bad;
}

std::vector<BadFrame> raw_colour_frames(const Manifest& manifest, const DataParams& data) {
  if (data.color_mode == ColorMode::kMono) return {};
  std::vector<std::string> names;
  std::string pattern;
  for (const ManifestEntry& f : manifest.frames)
    if (f.facts.channels == 1 && !f.facts.bayer_pattern.empty()) {
      names.push_back(f.path);
      pattern = f.facts.bayer_pattern;
    }
  if (names.empty()) return {};
  if (2 * names.size() < manifest.frames.size()) {
    std::vector<BadFrame> bad;
    for (const std::string& name : names)
      bad.push_back({name, "is a raw colour frame (one plane and BAYERPAT '" + pattern +
                               "'), most are not: debayer it like the others, or take it out"});
    return bad;
  }
  throw InputError(std::to_string(names.size()) + " of " + std::to_string(manifest.frames.size()) +
                   " frames have one plane and BAYERPAT '" + pattern + "' (" + some_names(names) +
                   "): raw colour frames: set input.stage: raw and registration.engine: internal, or "
                   "debayer first; frames that are grey in spite of BAYERPAT want data.color_mode: MONO");
}

std::string some_names(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

}  // namespace tilecompile

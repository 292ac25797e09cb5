#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string_view>

#include "frame_layout.hpp"
#include "tilecompile/header/header_values.hpp"

namespace tilecompile {
namespace {

/// First HISTORY line of the current HDU that tells of a stretch.
std::string find_stretch(fitsfile* file) {
  int records = 0, status = 0;
  fits_get_hdrspace(file, &records, nullptr, &status);
  for (int i = 1; i <= records; ++i) {
    char card[FLEN_CARD] = {};
    status = 0;
    if (fits_read_record(file, i, card, &status) != 0) continue;
    const std::string_view text(card);
    if (text.substr(0, 8) != "HISTORY ") continue;
    if (tells_of_stretch(std::string(text.substr(8)))) return std::string(text.substr(8));
  }
  return "";
}

/// The same text in lower case, with everything but letters and digits left out.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Lower case, every run of other characters than letters and digits one blank, blanks around.
std::string words_of(const std::string& text) {
  std::string out = " ";
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (out.back() != ' ')
      out += ' ';
  }
  return out.back() == ' ' ? out : out + ' ';
}

/// "gamma" beside the name of a star or of rays is no stretch: something of a correction must follow.
bool tells_of_gamma(const std::string& words) {
  constexpr std::array<std::string_view, 8> kFollowers = {"corr",  "stretch", "transf", "adjust",
                                                          "curve", "encod",   "appl",   "value"};
  for (std::size_t at = words.find(" gamma "); at != std::string::npos; at = words.find(" gamma ", at + 1)) {
    const std::string_view next = std::string_view(words).substr(at + 7);
    if (!next.empty() && std::isdigit(static_cast<unsigned char>(next.front()))) return true;
    for (const std::string_view follower : kFollowers)
      if (next.substr(0, follower.size()) == follower) return true;
  }
  return false;
}

/// "curves" as the name of the tool; light curves and their kin are measurements.
bool tells_of_curves(const std::string& words) {
  constexpr std::array<std::string_view, 6> kMeasurements = {"light",    "growth",       "response",
                                                             "rotation", "transmission", "calibration"};
  const std::size_t at = words.find(" curves ");
  if (at == std::string::npos) return false;
  const std::string_view before = std::string_view(words).substr(0, at);
  for (const std::string_view word : kMeasurements)
    if (before.size() >= word.size() && before.substr(before.size() - word.size()) == word) return false;
  return true;
}

}  // namespace

bool tells_of_stretch(const std::string& history_line) {
  constexpr std::array<std::string_view, 15> kTraces = {"asinh",
                                                        "arcsinh",
                                                        "autostretch",
                                                        "histogramtransf",
                                                        "histogramstretch",
                                                        "midtone",
                                                        "generalisedhyperbolic",
                                                        "generalizedhyperbolic",
                                                        "curvestransf",
                                                        "logstretch",
                                                        "logarithmicstretch",
                                                        "maskedstretch",
                                                        "nonlinearstretch",
                                                        "clahe",
                                                        "screentransferfunction"};
  constexpr std::array<std::string_view, 4> kWords = {" mtf ", " ghs ", " ght ", " stretched "};
  const std::string letters = squeezed(history_line);
  for (const std::string_view trace : kTraces)
    if (letters.find(trace) != std::string::npos) return true;
  const std::string words = words_of(history_line);
  for (const std::string_view word : kWords)
    if (words.find(word) != std::string::npos) return true;
  return tells_of_gamma(words) || tells_of_curves(words);
}

FrameFacts read_frame_facts(fitsfile* file, const FrameLayout& layout) {
  FrameFacts facts;
  facts.width = layout.width;
  facts.height = layout.height;
  facts.channels = layout.channels;
  if (layout.bitpix > 0) {
    const Scaling& s = layout.scaling;
    const double low = layout.bitpix == 8 ? 0 : -std::ldexp(1.0, layout.bitpix - 1);
    const double high = layout.bitpix == 8 ? 255 : std::ldexp(1.0, layout.bitpix - 1) - 1;
    facts.code_step = std::abs(s.bscale);
    facts.largest_code = s.bzero + s.bscale * (s.bscale > 0 ? high : low);
    // A camera's codes end long before its numbers do.
    if (const auto white = header_number(raw_keyword(file, "WHITELEV")); white && *white > 0)
      facts.largest_code = std::min(facts.largest_code, *white);
  }
  // Files whose image is an extension often keep the observation in the primary header.
  const auto read_words = [&] {
    read_header_words(file, layout, facts);
    if (facts.stretch_evidence.empty()) facts.stretch_evidence = find_stretch(file);
  };
  read_words();
  if (layout.hdu > 1) {
    int status = 0;
    fits_movabs_hdu(file, 1, nullptr, &status);
    if (status == 0) read_words();
    status = 0;
    fits_movabs_hdu(file, layout.hdu, nullptr, &status);
  }
  return facts;
}

}  // namespace tilecompile

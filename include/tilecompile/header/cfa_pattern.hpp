#pragma once
#include <string>

#include "tilecompile/header/frame_facts.hpp"

namespace tilecompile {

/// The colour filters of a raw frame as its rows are stored: four letters, those of pixels (0, 0), (1, 0),
/// (0, 1) and (1, 1) of the file; empty for a frame without. `configured` is data.cfa_pattern: letters that
/// stand in place of BAYERPAT, "none", or "auto" for what the header says. XBAYROFF and YBAYROFF shift the
/// pattern. BAYERPAT counts from the upper end of the picture (as capture programs and Siril have it): the
/// first stored row unless ROWORDER says BOTTOM-UP. A frame of three planes has none. Throws InputError for
/// patterns of other sizes or colours (X-Trans).
std::string stored_cfa(const FrameFacts& facts, const std::string& configured);

/// Index of a pixel's place in the pattern: 0 .. 3 for four letters, 0 for none.
inline int cfa_place(const std::string& cfa, int x, int y) { return cfa.empty() ? 0 : 2 * (y & 1) + (x & 1); }
/// The colour of a pixel: 0 red, 1 green, 2 blue; 0 for a frame without filters.
inline int cfa_colour(const std::string& cfa, int x, int y) {
  if (cfa.empty()) return 0;
  const char letter = cfa[static_cast<std::size_t>(cfa_place(cfa, x, y))];
  return letter == 'R' ? 0 : letter == 'G' ? 1 : 2;
}

/// The value that a header states for one of FrameFacts::settings; empty when it does not.
std::string setting_of(const FrameFacts& facts, const std::string& key);

}  // namespace tilecompile

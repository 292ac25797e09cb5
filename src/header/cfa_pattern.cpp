#include "tilecompile/header/cfa_pattern.hpp"

#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/header/header_values.hpp"

namespace tilecompile {
namespace {

// 1 for an odd number of pixels, else 0.
std::size_t odd_offset(const FrameFacts& facts, const std::string& key) {
  const auto number = header_number(setting_of(facts, key));
  return number && std::fmod(std::abs(std::floor(*number)), 2) == 1 ? 1 : 0;
}

bool is_bayer(const std::string& letters) {
  return letters == "RGGB" || letters == "BGGR" || letters == "GRBG" || letters == "GBRG";
}

}  // namespace

std::string setting_of(const FrameFacts& facts, const std::string& key) {
  for (const auto& [name, value] : facts.settings)
    if (name == key) return value;
  return "";
}

std::string stored_cfa(const FrameFacts& facts, const std::string& configured) {
  const std::string stated = configured == "auto"   ? facts.bayer_pattern
                             : configured == "none" ? ""
                                                    : configured;
  if (stated.empty() || facts.channels != 1) return "";
  if (!is_bayer(stated))
    throw InputError(
        "colour filters '" + stated +
        "' are none that this program knows (RGGB, BGGR, GRBG, GBRG): debayer the frames with another "
        "program, or set data.cfa_pattern");
  const std::string row_order = setting_of(facts, "ROWORDER");
  const bool from_below = row_order.rfind("BOTTOM", 0) == 0 && facts.height % 2 == 0;
  const std::size_t dx = odd_offset(facts, "XBAYROFF");
  const std::size_t dy = (odd_offset(facts, "YBAYROFF") + (from_below ? 1 : 0)) % 2;
  std::string letters;
  for (std::size_t y = 0; y < 2; ++y)
    for (std::size_t x = 0; x < 2; ++x) letters += stated[2 * ((y + dy) % 2) + (x + dx) % 2];
  return letters;
}

}  // namespace tilecompile

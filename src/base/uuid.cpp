#include "tilecompile/base/uuid.hpp"

#include <random>

namespace tilecompile {

std::string new_uuid() {
  std::random_device source;
  static const char* kDigits = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    unsigned nibble = source() & 15u;
    if (i == 12) nibble = 4;
    if (i == 16) nibble = 8 | (nibble & 3u);
    text += kDigits[nibble];
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace tilecompile

#include "tilecompile/base/uuid.hpp"

#include <unistd.h>

#include <array>
#include <random>

namespace tilecompile {
namespace {

// One call of the system for all bytes: the processor's own numbers, which random_device asks for one by one,
// can take a microsecond each.
std::array<unsigned char, 16> random_bytes() {
  std::array<unsigned char, 16> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) == 0) return bytes;
  std::random_device source;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(source());
  return bytes;
}

}  // namespace

std::string new_uuid() {
  std::array<unsigned char, 16> bytes = random_bytes();
  bytes[6] = static_cast<unsigned char>(0x40 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<unsigned char>(0x80 | (bytes[8] & 0x3f));
  static const char* kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
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

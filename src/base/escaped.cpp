#include "tilecompile/base/escaped.hpp"

#include <cstdio>

namespace tilecompile {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

// Bytes of the UTF-8 character at `i`; 0 if there is none. Overlong forms and surrogates are none.
std::size_t character_size(std::string_view text, std::size_t i) {
  const unsigned lead = byte_at(text, i);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t k = 1; k < size; ++k)
    if ((byte_at(text, i + k) & 0xc0) != 0x80) return 0;
  const unsigned second = byte_at(text, i + 1);
  const bool out_of_range = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                            (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return out_of_range ? 0 : size;
}

std::string hexadecimal(const char* format, unsigned code) {
  char text[8];
  std::snprintf(text, sizeof text, format, code);
  return text;
}

std::string escape(std::string_view text, bool keep_line_feeds) {
  std::string shown;
  for (std::size_t i = 0; i < text.size();) {
    const unsigned code = byte_at(text, i);
    const std::size_t size = character_size(text, i);
    if (code == '\n' && keep_line_feeds)
      shown += '\n';
    else if (code == '\n' || code == '\t' || code == '\r')
      shown += code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r";
    else if (code == 0x7f)
      shown += "\\u007f";
    else if (code < 0x20 || size == 0)
      shown += hexadecimal("\\x%02x", code);
    else if (code == 0xc2 && byte_at(text, i + 1) < 0xa0)
      shown += hexadecimal("\\u%04x", byte_at(text, i + 1));
    else
      shown += text.substr(i, size);
    i += size == 0 ? 1 : size;
  }
  return shown;
}

}  // namespace

std::string escaped(std::string_view text) { return escape(text, false); }
std::string escaped_lines(std::string_view text) { return escape(text, true); }

}  // namespace tilecompile

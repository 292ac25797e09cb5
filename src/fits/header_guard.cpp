#include "header_guard.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>

namespace tilecompile {
namespace {

constexpr std::size_t kCard = 80;
/// 36 cards a block: far beyond real headers, and it bounds the time a file without END can take.
constexpr int kMostBlocks = 4000;

/// Whole-number keys that size arrays, divide or count loops inside the library. A trailing '#' stands for
/// the number of an axis.
struct Limit {
  const char* key;
  long least, most;
};
constexpr std::array<Limit, 5> kLimits = {{{"NAXIS", 0, 99},
                                           {"TFIELDS", 0, 999},
                                           {"ZNAXIS", 1, 6},
                                           {"ZNAXIS#", 1, 65535},
                                           {"ZTILE#", 1, 1000000000}}};

bool matches(const std::string& key, const char* pattern) {
  const std::size_t length = std::strlen(pattern);
  if (pattern[length - 1] != '#') return key == pattern;
  return key.size() == length && key.compare(0, length - 1, pattern, length - 1) == 0 && key.back() >= '0' &&
         key.back() <= '9';
}

std::string out_of_range(const std::string& key, long value, const std::string& expected) {
  return key + " = " + std::to_string(value) + ", expected " + expected;
}

/// Cards of one header, the first of each key: value field as text.
using Cards = std::map<std::string, std::string>;

long number_of(const Cards& cards, const std::string& key, long missing) {
  const auto it = cards.find(key);
  return it == cards.end() ? missing : std::strtol(it->second.c_str(), nullptr, 10);
}

/// A block of no pixels never ends, and pixels of another size than the image's overrun the tile.
std::string unsafe_rice(const Cards& cards) {
  const auto method = cards.find("ZCMPTYPE");
  if (method == cards.end() || method->second.find("RICE") == std::string::npos) return "";
  const long bitpix = number_of(cards, "ZBITPIX", 0);
  long block = 32, byte_pix = 4;
  for (int i = 0; i < 10; ++i) {
    const auto name = cards.find("ZNAME" + std::to_string(i));
    if (name == cards.end()) continue;
    const long value = number_of(cards, "ZVAL" + std::to_string(i), 0);
    if (name->second.find("'BLOCKSIZE") != std::string::npos) block = value;
    if (name->second.find("'BYTEPIX") != std::string::npos) byte_pix = value;
  }
  if (block < 1 || block > 65536) return out_of_range("BLOCKSIZE", block, "1 to 65536");
  const long expected = bitpix > 0 ? bitpix / 8 : 4;
  const bool widened = bitpix == 16 && byte_pix == 4;  // as early compressors wrote it
  if (byte_pix != expected && !widened) return out_of_range("BYTEPIX", byte_pix, std::to_string(expected));
  return "";
}

/// Parses a value field that holds a whole number and nothing else but a comment.
bool is_whole_number(const std::string& field, long* value) {
  const char* begin = field.c_str();
  char* end = nullptr;
  *value = std::strtol(begin, &end, 10);
  const std::size_t rest = std::strspn(end, " ");
  return end != begin && (end[rest] == '\0' || end[rest] == '/');
}

std::string unsafe_values(const Cards& cards) {
  for (const auto& [key, value] : cards)
    for (const Limit& limit : kLimits) {
      if (!matches(key, limit.key)) continue;
      long number = 0;
      if (!is_whole_number(value, &number)) return key + " is not a whole number";
      if (number < limit.least || number > limit.most)
        return out_of_range(key, number, std::to_string(limit.least) + " to " + std::to_string(limit.most));
    }
  const auto kind = cards.find("XTENSION");
  if (kind != cards.end() && kind->second.find("TABLE") != std::string::npos && cards.count("TFIELDS") == 0)
    return "a table without TFIELDS";
  return unsafe_rice(cards);
}

}  // namespace

std::string unsafe_header(const ReadAt& read_at, std::int64_t offset) {
  std::array<char, kFitsBlock> block{};
  Cards cards;
  for (int n = 0; n < kMostBlocks; ++n, offset += static_cast<std::int64_t>(kFitsBlock)) {
    if (read_at(block.data(), kFitsBlock, offset) < kFitsBlock)
      return "";  // the library reports the end of the file
    for (std::size_t at = 0; at < kFitsBlock; at += kCard) {
      const std::string card(block.data() + at, kCard);
      if (card.compare(0, 8, "END     ") == 0) return unsafe_values(cards);
      if (card[8] != '=') continue;
      const std::size_t length = card.find_last_not_of(' ', 7) + 1;
      cards.emplace(card.substr(0, std::min<std::size_t>(length, 8)), card.substr(9));
    }
  }
  return "the header has no END within " + std::to_string(kMostBlocks) + " blocks";
}

}  // namespace tilecompile

#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// An uncompressed DNG file of one strip.
struct HandmadeDng {
  Plane<std::uint16_t> codes;
  std::string cfa = "RGGB";
  std::uint16_t black = 512, white = 16383;
  std::uint32_t exposure_s = 30, iso = 800;
  std::string date = "2025:01:10 20:01:02";
  std::vector<std::uint32_t> active_area = {};  ///< top, left, bottom, right; empty: all
};

/// Writes the directories of a TIFF file, little-endian.
class TiffDirectory {
 public:
  explicit TiffDirectory(std::size_t offset) : offset_(offset) {}
  void bytes(std::uint16_t tag, const std::string& values) { add(tag, 1, values.size(), values); }
  void text(std::uint16_t tag, const std::string& value) { add(tag, 2, value.size() + 1, value + '\0'); }
  void shorts(std::uint16_t tag, const std::vector<std::uint16_t>& values) {
    std::string data;
    for (const std::uint16_t v : values) put(data, v, 2);
    add(tag, 3, values.size(), data);
  }
  void number(std::uint16_t tag, std::uint32_t value) {
    std::string data;
    put(data, value, 4);
    add(tag, 4, 1, data);
  }
  void numbers(std::uint16_t tag, const std::vector<std::uint32_t>& values) {
    std::string data;
    for (const std::uint32_t v : values) put(data, v, 4);
    add(tag, 4, values.size(), data);
  }
  void ratios(std::uint16_t tag, bool is_signed,
              const std::vector<std::pair<std::int32_t, std::int32_t>>& values) {
    std::string data;
    for (const auto& [above, below] : values) {
      put(data, static_cast<std::uint32_t>(above), 4);
      put(data, static_cast<std::uint32_t>(below), 4);
    }
    add(tag, is_signed ? 10 : 5, values.size(), data);
  }
  /// The directory with the values that do not fit into it behind it; tags were added in ascending order.
  std::string finish() const {
    std::string out, behind;
    put(out, static_cast<std::uint32_t>(entries_.size()), 2);
    const std::size_t data_at = offset_ + 2 + 12 * entries_.size() + 4;
    for (const Entry& e : entries_) {
      put(out, e.tag, 2);
      put(out, e.type, 2);
      put(out, static_cast<std::uint32_t>(e.count), 4);
      std::string value = e.data;
      if (value.size() > 4) {
        put(out, static_cast<std::uint32_t>(data_at + behind.size()), 4);
        behind += value;
        if (behind.size() % 2 != 0) behind += '\0';
      } else {
        value.resize(4);
        out += value;
      }
    }
    put(out, 0, 4);
    return out + behind;
  }
  static void put(std::string& out, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  }

 private:
  struct Entry {
    std::uint16_t tag, type;
    std::size_t count;
    std::string data;
  };
  void add(std::uint16_t tag, std::uint16_t type, std::size_t count, std::string data) {
    entries_.push_back({tag, type, count, std::move(data)});
  }
  std::size_t offset_;
  std::vector<Entry> entries_;
};

inline void write_dng(const std::filesystem::path& path, const HandmadeDng& dng) {
  constexpr std::size_t kExifAt = 8, kMainAt = 512, kSamplesAt = 2048;
  std::string letters;
  for (const char c : dng.cfa)
    letters += static_cast<char>(c == 'R'   ? 0
                                 : c == 'G' ? 1
                                 : c == 'B' ? 2
                                 : c == 'C' ? 3
                                 : c == 'M' ? 4
                                            : 5);
  TiffDirectory exif(kExifAt);
  exif.ratios(33434, false, {{static_cast<std::int32_t>(dng.exposure_s), 1}});
  exif.shorts(34855, {static_cast<std::uint16_t>(dng.iso)});
  exif.text(36867, dng.date);
  TiffDirectory main(kMainAt);
  main.number(254, 0);
  main.number(256, static_cast<std::uint32_t>(dng.codes.width()));
  main.number(257, static_cast<std::uint32_t>(dng.codes.height()));
  main.shorts(258, {16});
  main.shorts(259, {1});
  main.shorts(262, {32803});  // colour filter array
  main.text(271, "Handmade");
  main.text(272, "Handmade One");
  main.number(273, kSamplesAt);
  main.shorts(274, {1});
  main.shorts(277, {1});
  main.number(278, static_cast<std::uint32_t>(dng.codes.height()));
  main.number(279, static_cast<std::uint32_t>(2 * dng.codes.size()));
  main.shorts(284, {1});
  main.text(306, dng.date);
  main.shorts(33421, {2, 2});
  main.bytes(33422, letters);
  main.number(34665, kExifAt);
  main.bytes(50706, std::string("\1\4\0\0", 4));
  main.text(50708, "Handmade One");
  main.shorts(50714, {dng.black});
  main.number(50717, dng.white);
  main.ratios(50721, true, {{1, 1}, {0, 1}, {0, 1}, {0, 1}, {1, 1}, {0, 1}, {0, 1}, {0, 1}, {1, 1}});
  if (!dng.active_area.empty()) main.numbers(50829, dng.active_area);
  std::string out = "II";
  TiffDirectory::put(out, 42, 2);
  TiffDirectory::put(out, kMainAt, 4);
  out += exif.finish();
  out.resize(kMainAt);
  out += main.finish();
  out.resize(kSamplesAt);
  for (const std::uint16_t code : dng.codes.samples()) TiffDirectory::put(out, code, 2);
  std::ofstream(path, std::ios::binary) << out;
}

/// The least that is a TIFF of 16 bits: a directory, and its samples before it.
inline void write_tiff(const std::filesystem::path& path, const Plane<std::uint16_t>& codes) {
  const std::size_t bytes = codes.size() * sizeof(std::uint16_t);
  TiffDirectory directory(8 + bytes);
  directory.number(256, static_cast<std::uint32_t>(codes.width()));
  directory.number(257, static_cast<std::uint32_t>(codes.height()));
  directory.shorts(258, {16});
  directory.shorts(259, {1});
  directory.shorts(262, {1});
  directory.number(273, 8);
  directory.number(278, static_cast<std::uint32_t>(codes.height()));
  directory.number(279, static_cast<std::uint32_t>(bytes));
  directory.text(306, "2025:01:10 20:01:02");
  std::string head("II\x2a\0", 4);
  TiffDirectory::put(head, static_cast<std::uint32_t>(8 + bytes), 4);
  std::ofstream(path, std::ios::binary)
      << head << std::string(reinterpret_cast<const char*>(codes.data()), bytes) << directory.finish();
}

}  // namespace tilecompile

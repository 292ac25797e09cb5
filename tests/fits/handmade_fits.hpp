#pragma once
#include <bit>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

struct FrameShape {
  int width, height, step;  // between boxes
};
// What lies between the rows of a box is read with them in the first and the second, there in several calls,
// and not in the third.
inline constexpr FrameShape kShapes[] = {{61, 53, 1}, {1000, 300, 67}, {2500, 53, 41}};

template <class Check>
void for_boxes(const FrameShape& shape, const std::vector<int>& widths, const std::vector<int>& heights,
               const Check& check) {
  for (const int w : widths)
    for (const int h : heights)
      for (int x0 = 0; x0 + w <= shape.width; x0 += shape.step)
        for (int y0 = 0; y0 + h <= shape.height; y0 += 4 * shape.step) check(Box{x0, y0, w, h});
}

/// One 80-character card "KEY     = value".
inline std::string fits_card(const std::string& key, const std::string& value) {
  std::string card = key;
  card.resize(8, ' ');
  if (!value.empty()) {
    std::string field = value;
    if (value.front() != '\'') field.insert(0, value.size() < 20 ? 20 - value.size() : 0, ' ');
    card += "= " + field;
  }
  card.resize(80, ' ');
  return card;
}

/// A raw card padded to 80 characters.
inline std::string raw_card(std::string text) {
  text.resize(80, ' ');
  return text;
}

inline std::string padded(std::string bytes, char fill) {
  bytes.resize((bytes.size() + 2879) / 2880 * 2880, fill);
  return bytes;
}

/// A primary header with the given axes, then `extra` cards, END and padding.
inline std::string fits_header(int bitpix, const std::vector<long>& axes, const std::string& extra = "") {
  std::string header = fits_card("SIMPLE", "T") + fits_card("BITPIX", std::to_string(bitpix)) +
                       fits_card("NAXIS", std::to_string(axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i)
    header += fits_card("NAXIS" + std::to_string(i + 1), std::to_string(axes[i]));
  return padded(header + extra + raw_card("END"), ' ');
}

/// The bytes of values in big-endian order.
template <class T>
std::string big_endian_bytes(const std::vector<T>& values) {
  std::string bytes;
  for (const T& value : values) {
    const auto* raw = reinterpret_cast<const char*>(&value);
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes += std::endian::native == std::endian::little ? raw[sizeof(T) - 1 - i] : raw[i];
  }
  return bytes;
}

inline std::filesystem::path write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Output of a shell command with its exit status in `status` when given.
inline std::string run_command(const std::string& command, int* status = nullptr) {
  std::string output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "";
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  const int rc = pclose(pipe);
  if (status != nullptr) *status = rc;
  return output;
}

/// A python that has astropy, or empty.
inline std::string python_with_astropy() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    int status = 1;
    run_command(std::string(python) + " -c 'import astropy, numpy'", &status);
    if (status == 0) return python;
  }
  return "";
}

inline bool have_fitsverify() {
  return run_command("command -v fitsverify").find("fitsverify") != std::string::npos;
}

}  // namespace tilecompile

/// Skips without a tool that judges our files; in CI it must be there, so the test fails.
#define TILECOMPILE_NEEDS_TOOL(there, name)                               \
  if (!(there)) {                                                         \
    if (std::getenv("CI") != nullptr) FAIL() << name " is not installed"; \
    GTEST_SKIP() << name " is not installed";                             \
  }

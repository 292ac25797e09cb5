#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {

/// Writes an image in blocks of rows, as they get ready, with the bytes that write_image would write. One
/// that is not finished leaves nothing.
class ImageRows {
 public:
  /// Throws TransientError with the path when the file system refuses, here and later.
  ImageRows(const std::filesystem::path& path, ImageSamples samples, int width, int height, int channels,
            ProductHeader header);
  /// Writes the next rows of a channel. Throws ContractError for another width, and for rows too many.
  void add(int channel, const Plane<float>& rows);
  void add(int channel, const Plane<std::int32_t>& rows);
  /// pixel_digest of the whole image, all of whose rows were added.
  std::string digest() const;
  /// Writes the header and gives the file its name. Once, after the last rows.
  void finish();

 private:
  template <class T>
  void add_rows(int channel, const Plane<T>& rows);
  std::string header(std::uint32_t data_sum) const;
  std::uint64_t data_bytes() const;

  std::string what_;
  ImageSamples samples_;
  int width_, height_;
  ProductHeader header_;
  std::uint64_t header_bytes_;
  std::vector<int> next_row_;  // [channel]
  std::uint32_t sum_ = 0;      // of all words so far
  AtomicFile file_;
};

}  // namespace tilecompile

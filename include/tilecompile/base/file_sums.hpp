#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tilecompile {

/// Sums of the blocks of a file, so that whoever reads a part of it can tell whether the part is as it was,
/// without reading the rest. They find damage and other files; against forgers there is the SHA-256 of the
/// whole.
struct FileSums {
  std::uint64_t file_bytes = 0, block_bytes = 1;
  std::vector<std::uint64_t> sums;  ///< [block]; the last one may be shorter

  bool operator==(const FileSums&) const = default;
};

/// 64 bits that depend on every byte and its place. The same on every machine.
std::uint64_t block_sum(std::string_view bytes);

/// Size of the blocks of a file: at least 64 KiB, a power of two, at most 256 blocks a file.
std::uint64_t block_bytes_for(std::uint64_t file_bytes);
/// How many of them it has.
std::uint64_t block_count(std::uint64_t file_bytes, std::uint64_t block_bytes);

}  // namespace tilecompile

#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "tilecompile/base/file_sums.hpp"

namespace tilecompile {

/// Whether it is written as digests are: 64 lower-case hex digits.
bool is_sha256(std::string_view text);

/// SHA-256 of bytes that arrive in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(const void* data, std::size_t size_bytes);
  /// Lower-case hex digest (64 characters). Call once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of a file and the sums of its blocks, as its bytes arrive in order, in pieces.
class FileHash {
 public:
  explicit FileHash(std::uint64_t file_bytes);
  void update(std::string_view bytes);
  std::uint64_t taken_bytes() const { return sums_.file_bytes; }
  /// Pieces that end at multiples of it are not copied.
  std::uint64_t block_bytes() const { return sums_.block_bytes; }
  /// Digest and sums of what has arrived. Call once.
  std::string finish(FileSums& sums);

 private:
  Sha256 hash_;
  FileSums sums_;
  std::string begun_;  // the block that is not whole yet
};

/// Lower-case hex SHA-256 of `bytes`.
std::string sha256_hex(std::string_view bytes);
/// Lower-case hex SHA-256 of a file's content. Throws InputError when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);
/// The same, and the sums of its blocks in the same read.
std::string sha256_file(const std::filesystem::path& path, FileSums& sums);
/// First four bytes of SHA-256 as a big-endian number (`methodology.md` 8).
std::uint32_t sha256_prefix32(std::string_view bytes);

}  // namespace tilecompile

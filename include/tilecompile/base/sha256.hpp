#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "tilecompile/base/file_sums.hpp"

namespace tilecompile {

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

/// Lower-case hex SHA-256 of `bytes`.
std::string sha256_hex(std::string_view bytes);
/// Lower-case hex SHA-256 of a file's content. Throws InputError when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);
/// The same, and the sums of its blocks in the same read.
std::string sha256_file(const std::filesystem::path& path, FileSums& sums);
/// First four bytes of SHA-256 as a big-endian number (`methodology.md` 8).
std::uint32_t sha256_prefix32(std::string_view bytes);

}  // namespace tilecompile

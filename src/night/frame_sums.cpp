#include "tilecompile/night/frame_sums.hpp"

#include <bit>
#include <cstring>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are stored as they lie in memory");
constexpr std::string_view kHead = "tilecompile sums of frames 1\n";
constexpr std::uint64_t kMostBlockBytes = std::uint64_t{1} << 40;

void append(std::string& bytes, std::uint64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::uint64_t next_number(std::string_view& bytes) {
  std::uint64_t number = 0;
  if (bytes.size() < sizeof number) throw InputError("sums of frames: the object is cut off");
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return number;
}

}  // namespace

std::string encode_frame_sums(const Manifest& manifest, const VerifiedFiles& files) {
  std::string bytes(kHead);
  for (const ManifestEntry& frame : manifest.frames) {
    const auto sums = files.sums_of(frame);
    if (!sums) return "";
    append(bytes, sums->block_bytes);
    for (const std::uint64_t sum : sums->sums) append(bytes, sum);
  }
  return bytes;
}

void learn_frame_sums(std::string_view bytes, const Manifest& manifest, VerifiedFiles& files) {
  if (!bytes.starts_with(kHead)) throw InputError("sums of frames: the object is something else");
  bytes.remove_prefix(kHead.size());
  for (const ManifestEntry& frame : manifest.frames) {
    FileSums sums{frame.size_bytes, next_number(bytes), {}};
    if (sums.block_bytes == 0 || sums.block_bytes > kMostBlockBytes)
      throw InputError("sums of frames: a block has " + std::to_string(sums.block_bytes) + " bytes");
    const std::uint64_t blocks = block_count(sums.file_bytes, sums.block_bytes);
    if (blocks > bytes.size() / sizeof(std::uint64_t))
      throw InputError("sums of frames: the object is cut off");
    for (std::uint64_t b = 0; b < blocks; ++b) sums.sums.push_back(next_number(bytes));
    files.learn(frame.sha256, std::move(sums));
  }
  if (!bytes.empty()) throw InputError("sums of frames: the object is longer than what it holds");
}

}  // namespace tilecompile

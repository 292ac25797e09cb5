#include "gunzip.hpp"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "frame_layout.hpp"

namespace tilecompile {
namespace {

/// Deflate cannot do better than this, so a trailer that claims more is a lie.
constexpr std::uint64_t kDeflateLimit = 1032;
constexpr std::size_t kPackedBytes = std::size_t{1} << 18;
constexpr int kGzipWindow = 15 + 16;  // zlib: largest window, gzip wrapper
constexpr const char* kRemedy = "the file is damaged: copy it again";

/// Reads up to `size` bytes at `offset`; less only at the end of the file.
std::size_t read_at(int fd, unsigned char* out, std::size_t size, std::size_t offset,
                    const std::filesystem::path& path) {
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(fd, out + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_frame_errno(path, errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

std::size_t claimed_bytes(int fd, std::size_t file_bytes, const std::filesystem::path& path) {
  std::array<unsigned char, 4> b{};
  if (file_bytes < 18 || read_at(fd, b.data(), 4, file_bytes - 4, path) != 4)
    refuse_frame(path, "the gzip file is cut off (" + std::to_string(file_bytes) + " bytes)",
                 "copy it again");
  const std::uint64_t claimed =
      b[0] | std::uint64_t{b[1]} << 8 | std::uint64_t{b[2]} << 16 | std::uint64_t{b[3]} << 24;
  if (claimed > file_bytes * kDeflateLimit)
    refuse_frame(path,
                 "its gzip trailer claims " + std::to_string(claimed) + " bytes, impossible for a file of " +
                     std::to_string(file_bytes),
                 kRemedy);
  return claimed;
}

class Inflater {
 public:
  explicit Inflater(const std::filesystem::path& path) {
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) refuse_frame(path, "zlib cannot start", "free memory");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
};

}  // namespace

std::string gunzip(int fd, std::size_t file_bytes, const std::filesystem::path& path) {
  const std::size_t claimed = claimed_bytes(fd, file_bytes, path);
  Inflater inflater(path);
  z_stream& z = inflater.stream;
  std::vector<unsigned char> packed(kPackedBytes);
  std::string bytes;
  std::size_t offset = 0, filled = 0;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (z.avail_in == 0) {
      z.avail_in = static_cast<uInt>(read_at(fd, packed.data(), packed.size(), offset, path));
      z.next_in = packed.data();
      offset += z.avail_in;
      if (z.avail_in == 0) refuse_frame(path, "the gzip file is cut off", "copy it again");
    }
    // One byte of room beyond the claim: needed to see the end of the stream, and a sign of a lie when used.
    if (filled == bytes.size()) bytes.resize(std::min(claimed + 1, std::max(kPackedBytes, 2 * filled)));
    z.next_out = reinterpret_cast<Bytef*>(bytes.data()) + filled;
    z.avail_out = static_cast<uInt>(std::min<std::size_t>(bytes.size() - filled, std::size_t{1} << 30));
    const std::size_t room = z.avail_out;
    result = inflate(&z, Z_NO_FLUSH);
    filled += room - z.avail_out;
    if ((result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) || filled > claimed)
      refuse_frame(path,
                   std::string("gzip: ") + (z.msg != nullptr ? z.msg : "more data than the trailer claims"),
                   kRemedy);
  }
  if (filled != claimed)
    refuse_frame(path,
                 "gzip: " + std::to_string(filled) + " bytes, the trailer claims " + std::to_string(claimed),
                 kRemedy);
  if (offset - z.avail_in != file_bytes)
    refuse_frame(path, "gzip: more data follows the first member",
                 "pack the frame as one member (gzip FILE)");
  bytes.resize(filled);
  return bytes;
}

}  // namespace tilecompile

#include "tilecompile/base/sha256.hpp"

#include <openssl/evp.h>

#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw ContractError("SHA-256 is not available from the OpenSSL library");
}
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size_bytes) {
  EVP_DigestUpdate(state_->context, data, size_bytes);
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(state_->context, digest, &size);
  static const char* kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

FileHash::FileHash(std::uint64_t file_bytes) : sums_{0, block_bytes_for(file_bytes), {}} {}

void FileHash::update(std::string_view bytes) {
  hash_.update(bytes.data(), bytes.size());
  sums_.file_bytes += bytes.size();
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, sums_.block_bytes - begun_.size());
    bytes.remove_prefix(piece.size());
    const bool whole = piece.size() == sums_.block_bytes;
    if (!whole) begun_ += piece;
    if (!whole && begun_.size() < sums_.block_bytes) return;
    sums_.sums.push_back(block_sum(whole ? piece : begun_));
    begun_.clear();
  }
}

std::string FileHash::finish(FileSums& sums) {
  if (!begun_.empty()) sums_.sums.push_back(block_sum(begun_));
  sums = std::move(sums_);
  return hash_.hex();
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

namespace {

// Hands the file's content to `take`, `at_once` bytes at a time; only the last piece is shorter.
void read_pieces(const std::filesystem::path& path, std::size_t at_once,
                 const std::function<void(std::string_view)>& take) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw InputError("cannot read " + path.string() + ": check that it exists and is readable");
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // pieces are large
  std::vector<char> buffer(at_once);
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get()))
    take({buffer.data(), n});
  if (std::ferror(file.get()))
    throw InputError("reading " + path.string() + " failed: check the disk or mount");
}

}  // namespace

std::string sha256_file(const std::filesystem::path& path) {
  constexpr std::size_t kAtOnce = 1 << 18;  // stays in the second-level cache
  Sha256 hash;
  read_pieces(path, kAtOnce, [&](std::string_view piece) { hash.update(piece.data(), piece.size()); });
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path, FileSums& sums) {
  std::error_code unknown;  // then reading tells what is wrong
  const std::uint64_t size = std::filesystem::file_size(path, unknown);
  FileHash hash(unknown ? 0 : size);
  read_pieces(path, hash.block_bytes(), [&](std::string_view block) { hash.update(block); });
  return hash.finish(sums);
}

std::uint32_t sha256_prefix32(std::string_view bytes) {
  return static_cast<std::uint32_t>(std::stoul(sha256_hex(bytes).substr(0, 8), nullptr, 16));
}

}  // namespace tilecompile

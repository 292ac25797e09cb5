#include "tilecompile/base/sha256.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// FIPS 180-4 examples.
const char* const kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const char* const kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const char* const kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), kAbc);
  EXPECT_EQ(sha256_hex(""), kEmpty);
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), kMillionA);
}

TEST(Sha256, PiecesGiveTheSameDigestAsTheWhole) {
  const std::string whole(1000000, 'a');
  for (const std::size_t piece : {1000003u, 65536u, 977u}) {
    Sha256 hash;
    for (std::size_t i = 0; i < whole.size(); i += piece)
      hash.update(whole.data() + i, std::min(piece, whole.size() - i));
    EXPECT_EQ(hash.hex(), kMillionA) << piece;
  }
}

TEST(Sha256, FileLongerThanTheReadBuffer) {
  TempDir folder;
  std::string bytes(3000001, 'x');
  bytes[1u << 20] = 'y';
  std::ofstream(folder / "f", std::ios::binary) << bytes;
  EXPECT_EQ(sha256_file(folder / "f"), sha256_hex(bytes));
}

TEST(FileHash, PiecesOfAnySizeGiveDigestAndSumsOfTheFile) {
  TempDir folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, std::size_t{65537},
                                 std::size_t{400000}, std::size_t{3} << 16}) {
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * i >> 3);
    std::ofstream(folder / "f", std::ios::binary) << bytes;
    FileSums whole;
    EXPECT_EQ(sha256_file(folder / "f", whole), sha256_hex(bytes));
    EXPECT_EQ(whole.file_bytes, size);
    EXPECT_EQ(whole.sums.size(), block_count(size, whole.block_bytes));
    for (const std::size_t first : {0u, 1u, 2880u, 65536u, 70000u})
      for (const std::size_t piece : {977u, 65536u, 65537u, 200000u}) {
        FileHash hash(size);
        std::string_view rest = bytes;
        for (std::size_t next = first; !rest.empty(); next = piece) {
          hash.update(rest.substr(0, next));
          rest.remove_prefix(std::min(next, rest.size()));
        }
        EXPECT_EQ(hash.taken_bytes(), size);
        FileSums sums;
        EXPECT_EQ(hash.finish(sums), sha256_hex(bytes));
        EXPECT_EQ(sums, whole) << size << " bytes, pieces of " << first << " and " << piece;
      }
  }
}

TEST(Sha256, FileThatCannotBeReadIsNamed) {
  TempDir folder;
  for (const char* name : {"missing", ""}) {
    try {
      sha256_file(folder / name);
      FAIL() << "no error for " << name;
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find((folder / name).string()), std::string::npos);
    }
  }
}

TEST(Sha256, PrefixIsBigEndian) {
  EXPECT_EQ(sha256_prefix32("abc"), 0xba7816bfu);
  EXPECT_EQ(sha256_prefix32(""), 0xe3b0c442u);
}

}  // namespace
}  // namespace tilecompile

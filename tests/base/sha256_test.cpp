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

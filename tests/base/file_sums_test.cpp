#include "tilecompile/base/file_sums.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tilecompile {
namespace {

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7 + i / 256);
  return text;
}

TEST(FileSums, EveryBitOfEveryLengthCounts) {
  for (const std::size_t size : {1u, 7u, 8u, 31u, 32u, 33u, 100u, 4096u}) {
    const std::string text = text_of(size);
    std::set<std::uint64_t> sums{block_sum(text)};
    std::size_t changes = 1;
    for (std::size_t i = 0; i<size; i += size> 200 ? 37 : 1)
      for (int bit = 0; bit < 8; ++bit, ++changes) {
        std::string other = text;
        other[i] = static_cast<char>(other[i] ^ 1 << bit);
        sums.insert(block_sum(other));
      }
    EXPECT_EQ(sums.size(), changes) << size;
  }
}

TEST(FileSums, LengthAndOrderCount) {
  EXPECT_NE(block_sum(""), block_sum(std::string(1, '\0')));
  EXPECT_NE(block_sum(std::string(32, '\0')), block_sum(std::string(33, '\0')));
  const std::string a = text_of(64), b = a.substr(32) + a.substr(0, 32),
                    c = a.substr(8, 8) + a.substr(0, 8) + a.substr(16);
  EXPECT_NE(block_sum(a), block_sum(b));
  EXPECT_NE(block_sum(a), block_sum(c));
}

// They travel between machines and versions: a change here is one of the protocol.
TEST(FileSums, AreTheSameEverywhere) {
  EXPECT_EQ(block_sum(""), 0xc9fc93acf1f1a29b);
  EXPECT_EQ(block_sum(text_of(1000)), 0xf0f523df36850579);
}

TEST(FileSums, AFileHasAtMost256BlocksOf64KiBOrMore) {
  EXPECT_EQ(block_bytes_for(0), 65536u);
  EXPECT_EQ(block_bytes_for(65536 * 256), 65536u);
  EXPECT_EQ(block_bytes_for(65536 * 256 + 1), 131072u);
  EXPECT_EQ(block_count(0, 65536), 0u);
  EXPECT_EQ(block_count(65536, 65536), 1u);
  EXPECT_EQ(block_count(65537, 65536), 2u);
}

}  // namespace
}  // namespace tilecompile

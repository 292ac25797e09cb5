#include "fits/checksum.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tilecompile {
namespace {

using namespace std::string_literals;

TEST(FitsChecksum, AddsBigEndianWordsWithTheCarryAround) {
  EXPECT_EQ(fits_checksum(""), 0u);
  EXPECT_EQ(fits_checksum("\x01\x02\x03\x04"s), 0x01020304u);
  EXPECT_EQ(fits_checksum("\xff\xff\xff\xff\0\0\0\x02"s), 2u);
  EXPECT_EQ(fits_checksum(std::string(40000, '\xff')), 0xffffffffu);
}

TEST(FitsChecksum, GoesOnFromTheSumOfWhatLiesBefore) {
  std::string bytes;
  for (int i = 0; i < 28800; ++i) bytes += static_cast<char>(i * 37 + i / 251);
  const std::uint32_t whole = fits_checksum(bytes);
  for (const std::size_t cut : {4, 2880, 14400, 28796})
    EXPECT_EQ(fits_checksum(bytes.substr(cut), fits_checksum(bytes.substr(0, cut))), whole) << cut;
}

}  // namespace
}  // namespace tilecompile

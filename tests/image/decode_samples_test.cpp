#include "tilecompile/image/decode_samples.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

std::vector<unsigned char> random_words(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<unsigned char> raw;
  for (std::size_t i = 0; i < 2 * n; ++i) raw.push_back(static_cast<unsigned char>(random() % 256));
  return raw;
}

// What decode_samples gives is what the tests of the reader hold against files made by hand.
TEST(DecodeSamples, CodesAreTheSamplesAsNumbers) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    for (const double bzero : {0.0, 32768.0})
      for (const std::size_t n : {1, 15, 64, 1001}) {
        const std::vector<unsigned char> raw = random_words(n, static_cast<unsigned>(n));
        const Scaling scaling{1, bzero, false, 0};
        std::vector<float> samples(n);
        decode_samples(raw.data(), n, 16, scaling, false, samples.data());
        std::vector<std::uint16_t> codes(n);
        const FoundCodes found = decode_to_codes(raw.data(), n, scaling, codes.data());
        FoundCodes expected;
        for (std::size_t i = 0; i < n; ++i) {
          if (samples[i] < 0) {
            expected.negative = true;
            continue;
          }
          ASSERT_EQ(static_cast<float>(codes[i]), samples[i]) << i;
          expected.zero |= samples[i] == 0;
          expected.last |= samples[i] == 65535;
        }
        EXPECT_EQ(found.negative, expected.negative);
        EXPECT_EQ(found.zero, expected.zero);
        if (!expected.negative) {
          EXPECT_EQ(found.last, expected.last);
        }
      }
  }
  set_vector_level(widest_vector_level());
}

TEST(DecodeSamples, SayWhetherAZeroOrTheLastCodeIsAmongThem) {
  const Scaling scaling{1, 32768, false, 0};
  for (std::size_t at = 0; at < 70; ++at) {
    std::vector<unsigned char> raw(140, 1);
    std::vector<std::uint16_t> codes(70);
    const auto found = [&](unsigned char high, unsigned char low) {
      raw[2 * at] = high;
      raw[2 * at + 1] = low;
      return decode_to_codes(raw.data(), 70, scaling, codes.data());
    };
    EXPECT_TRUE(found(0x80, 0).zero);
    EXPECT_FALSE(found(0x80, 0).last);
    EXPECT_TRUE(found(0x7f, 0xff).last);
    EXPECT_FALSE(found(0x7f, 0xff).zero);
    EXPECT_FALSE(found(0x80, 0).negative);
  }
}

TEST(DecodeSamples, OnlyWholeSixteenBitNumbersAreCodes) {
  EXPECT_TRUE(are_codes(16, {1, 32768, false, 0}));
  EXPECT_TRUE(are_codes(16, {1, 0, false, 0}));
  EXPECT_FALSE(are_codes(16, {2, 0, false, 0}));
  EXPECT_FALSE(are_codes(16, {1, 100, false, 0}));
  EXPECT_FALSE(are_codes(16, {1, 32768, true, 0}));
  for (const int bitpix : {8, 32, 64, -32, -64}) EXPECT_FALSE(are_codes(bitpix, {1, 0, false, 0})) << bitpix;
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/image/encode_samples.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// Byte by byte, as the standard says it.
std::vector<unsigned char> naive_bytes(const std::vector<std::uint32_t>& words) {
  std::vector<unsigned char> bytes;
  for (const std::uint32_t w : words)
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<unsigned char>(w >> shift));
  return bytes;
}
std::uint32_t naive_sum(const std::vector<std::uint32_t>& words) {
  std::uint32_t sum = 0;
  for (const std::uint32_t w : words) {
    const std::uint64_t next = std::uint64_t{sum} + w;
    sum = static_cast<std::uint32_t>(next > 0xffffffff ? next - 0xffffffff : next);
  }
  return sum;
}

std::vector<std::uint32_t> random_words(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::vector<std::uint32_t> words;
  for (std::size_t i = 0; i < n; ++i) words.push_back(static_cast<std::uint32_t>(random()));
  return words;
}

template <class Check>
void at_every_level(const Check& check) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    for (const std::size_t n : {0, 1, 15, 64, 1001}) check(n);
  }
  set_vector_level(widest_vector_level());
}

TEST(EncodeSamples, WordsAreBigEndianAndSummedInOnesComplement) {
  at_every_level([](std::size_t n) {
    const std::vector<std::uint32_t> words = random_words(n);
    std::vector<std::int32_t> samples;
    for (const std::uint32_t w : words) samples.push_back(std::bit_cast<std::int32_t>(w));
    std::vector<unsigned char> bytes(4 * n);
    EXPECT_EQ(encode_samples(samples.data(), n, bytes.data()), naive_sum(words));
    EXPECT_EQ(bytes, naive_bytes(words));
    EXPECT_EQ(sum_of_words(bytes.data(), n), naive_sum(words));
  });
}

TEST(EncodeSamples, FloatsComeBackAndEveryNanIsOne) {
  at_every_level([](std::size_t n) {
    std::vector<float> samples;
    std::vector<std::uint32_t> expected;
    for (std::uint32_t w : random_words(n)) {
      if (w % 5 == 0) w |= 0x7fc00000;  // some NaN, of many kinds
      samples.push_back(std::bit_cast<float>(w));
      expected.push_back(std::isnan(samples.back()) ? 0x7fc00000 : w);
    }
    std::vector<unsigned char> bytes(4 * n);
    EXPECT_EQ(encode_samples(samples.data(), n, bytes.data()), naive_sum(expected));
    EXPECT_EQ(bytes, naive_bytes(expected));
    std::vector<float> back(n);
    decode_floats(bytes.data(), n, back.data());
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), expected[i]) << i;
  });
}

TEST(EncodeSamples, OtherSpecialValuesStay) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> samples = {infinity, -infinity, -0.0f, std::numeric_limits<float>::denorm_min()};
  std::vector<unsigned char> bytes(16);
  encode_samples(samples.data(), 4, bytes.data());
  EXPECT_EQ(bytes, naive_bytes({0x7f800000, 0xff800000, 0x80000000, 1}));
}

TEST(EncodeSamples, SumsOfPartsAddUp) {
  EXPECT_EQ(ones_complement(0), 0u);
  EXPECT_EQ(ones_complement(0xffffffff), 0xffffffffu);
  EXPECT_EQ(ones_complement(0x100000000), 1u);
  EXPECT_EQ(ones_complement(std::uint64_t{0xffffffff} * 7 + 3), 3u);
}

}  // namespace
}  // namespace tilecompile

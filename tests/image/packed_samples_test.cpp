#include "tilecompile/image/packed_samples.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

PackedSamples packed(const std::vector<float>& samples) {
  std::vector<std::uint16_t> codes(samples.size());
  return pack_samples(samples.data(), samples.size(), codes.data());
}

// At every width of the vector units, and with a rest behind full vectors.
TEST(PackedSamples, GiveTheSameBitsAgain) {
  const VectorLevel widest = widest_vector_level();
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest) continue;
    set_vector_level(level);
    for (const bool some_missing : {false, true}) {
      std::vector<float> samples;
      for (int i = 0; i < 1003; ++i) samples.push_back(static_cast<float>(i * 65 % 65535));
      if (some_missing) samples[5] = samples[700] = samples[1002] = kNan;
      std::vector<std::uint16_t> codes(samples.size());
      const PackedSamples found = pack_samples(samples.data(), samples.size(), codes.data());
      EXPECT_TRUE(found.lossless());
      EXPECT_EQ(found.has_none, some_missing);
      std::vector<float> again(samples.size());
      EXPECT_EQ(unpack_samples(codes.data(), codes.size(), found.has_none, again.data()),
                samples.size() - (some_missing ? 3 : 0));
      for (std::size_t i = 0; i < samples.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(again[i]), std::bit_cast<std::uint32_t>(samples[i])) << i;
    }
  }
  set_vector_level(widest);
}

TEST(PackedSamples, SayWhenTheyAreNotExact) {
  for (const float v : {0.5F, -1.F, -0.F, 65536.F, 1e20F, std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity(), 1e-30F})
    EXPECT_FALSE(packed({1, 2, v, 3}).lossless()) << v;
  EXPECT_TRUE(packed({0, 1, 65534, kNan}).lossless());
}

// 65535 stands for "none" only where some are none.
TEST(PackedSamples, TheLastNumberIsASampleWhereNoneIsMissing) {
  EXPECT_TRUE(packed({1, 65535}).lossless());
  EXPECT_FALSE(packed({1, 65535, kNan}).lossless());
  const std::uint16_t last = 65535;
  float sample = 0;
  EXPECT_EQ(unpack_samples(&last, 1, false, &sample), 1U);
  EXPECT_EQ(sample, 65535.F);
  EXPECT_EQ(unpack_samples(&last, 1, true, &sample), 0U);
  EXPECT_TRUE(std::isnan(sample));
}

}  // namespace
}  // namespace tilecompile

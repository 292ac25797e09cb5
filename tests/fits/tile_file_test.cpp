#include "tilecompile/fits/tile_file.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

TileFile sample_tile(int channels, std::size_t frames) {
  TileFile tile;
  tile.tile_id = 123;
  tile.box = {40, 70, 23, 17};
  for (int c = 0; c < channels; ++c) {
    tile.pixels.emplace_back(23, 17, 1.5F + static_cast<float>(c));
    tile.coverage.emplace_back(23, 17, 5 + c);
    tile.weight.emplace_back(23, 17, 0.25F);
    tile.variance.emplace_back(23, 17, 0.125F);
    tile.effective_frames.emplace_back(23, 17, 4.5F);
    tile.quality.emplace_back(frames, -0.5 * c);
    tile.frame_weight.emplace_back(frames, 1.0 / 3);
    tile.rejected_low.emplace_back(frames, 2.0 * c);
    tile.rejected_high.emplace_back(frames, 7.0);
  }
  tile.pixels[0].at(3, 2) = std::numeric_limits<float>::quiet_NaN();
  tile.coverage[0].at(3, 2) = 0;
  tile.variance.back().at(1, 1) = 0.1F;
  tile.weight.back().at(2, 0) = -0.0F;
  if (frames > 1) tile.quality[0][1] = std::numeric_limits<double>::quiet_NaN();
  tile.run_id = "0b6c3ad1-6d26-4b0c-9d9a-5a2b7a4d0c11";
  tile.config_hash = std::string(64, 'a');
  tile.frames_manifest_id = std::string(64, 'b');
  return tile;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

TEST(TileFile, ComesBack) {
  for (const int channels : {1, 3})
    for (const std::size_t frames : {std::size_t{0}, std::size_t{1}, std::size_t{142}}) {
      const TileFile tile = sample_tile(channels, frames);
      const TileFile back = decode_tile_file(encode_tile_file(tile));
      EXPECT_EQ(back.tile_id, 123);
      EXPECT_EQ(back.box, tile.box);
      EXPECT_EQ(back.run_id, tile.run_id);
      EXPECT_EQ(back.config_hash, tile.config_hash);
      EXPECT_EQ(back.frames_manifest_id, tile.frames_manifest_id);
      EXPECT_EQ(pixel_digest(back.pixels), pixel_digest(tile.pixels));
      EXPECT_EQ(pixel_digest(back.coverage), pixel_digest(tile.coverage));
      EXPECT_EQ(pixel_digest(back.weight), pixel_digest(tile.weight));
      EXPECT_EQ(pixel_digest(back.variance), pixel_digest(tile.variance));
      EXPECT_EQ(pixel_digest(back.effective_frames), pixel_digest(tile.effective_frames));
      ASSERT_EQ(back.quality.size(), tile.quality.size());
      for (std::size_t c = 0; c < tile.quality.size(); ++c) {
        EXPECT_TRUE(same_bits(back.quality[c], tile.quality[c]));
        EXPECT_TRUE(same_bits(back.frame_weight[c], tile.frame_weight[c]));
        EXPECT_TRUE(same_bits(back.rejected_low[c], tile.rejected_low[c]));
        EXPECT_TRUE(same_bits(back.rejected_high[c], tile.rejected_high[c]));
      }
      EXPECT_TRUE(encode_tile_file(back) == encode_tile_file(tile));
    }
}

TileFile tile_with_light(int channels) {
  TileFile tile = sample_tile(channels, 5);
  for (int c = 0; c < channels; ++c) {
    tile.light_low.emplace_back(23, 17, -3.5F);
    tile.light_high.emplace_back(23, 17, 12.0F + static_cast<float>(c));
  }
  return tile;
}

TEST(TileFile, RejectedLightComesBackAndIsMissedWhenItIsCutOff) {
  for (const int channels : {1, 3}) {
    const TileFile tile = tile_with_light(channels);
    const std::string bytes = encode_tile_file(tile);
    const TileFile back = decode_tile_file(bytes);
    EXPECT_EQ(pixel_digest(back.light_low), pixel_digest(tile.light_low));
    EXPECT_EQ(pixel_digest(back.light_high), pixel_digest(tile.light_high));
    EXPECT_TRUE(encode_tile_file(back) == bytes);
    for (std::size_t size = 0; size < bytes.size(); size += 2880)
      EXPECT_THROW(decode_tile_file(bytes.substr(0, size)), InputError) << size;
  }
  EXPECT_TRUE(decode_tile_file(encode_tile_file(sample_tile(1, 5))).light_low.empty());
  TileFile tile = tile_with_light(1);
  tile.light_high.clear();
  EXPECT_THROW(encode_tile_file(tile), ContractError);
  tile = tile_with_light(1);
  tile.light_low[0].at(2, 2) = std::numeric_limits<float>::infinity();
  EXPECT_THROW(decode_tile_file(encode_tile_file(tile)), InputError);
}

TEST(TileFile, ATinyTileOfFewWordsIsTwoBlocks) {
  TileFile tile = sample_tile(1, 0);
  tile.box = {0, 0, 16, 16};
  tile.pixels = {Plane<float>(16, 16, 1)};
  tile.pixels[0].at(3, 3) = 0.25F;
  tile.coverage = {Plane<std::int32_t>(16, 16, 200)};
  for (Image* map : {&tile.weight, &tile.variance, &tile.effective_frames})
    *map = {Plane<float>(16, 16, 0.1F)};
  EXPECT_EQ(encode_tile_file(tile).size(), 5760u);
  tile.weight[0].at(15, 15) = 0.2F;
  EXPECT_EQ(encode_tile_file(tile).size(), 2 * 5760u);
}

TEST(TileFile, ValuesOfCardsComeBackToTheBit) {
  TileFile tile = sample_tile(1, 0);
  std::uint32_t bits = 1;
  for (int i = 0; i < 300; ++i) {
    bits = bits * 1664525u + 1013904223u;
    const float value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    tile.variance[0] = Plane<float>(23, 17, value);
    ASSERT_EQ(pixel_digest(decode_tile_file(encode_tile_file(tile)).variance), pixel_digest(tile.variance))
        << value;
  }
  for (const float value : {0.0F, -0.0F, 1e-45F, 3.40282347e38F, -1.17549435e-38F}) {
    tile.variance[0] = Plane<float>(23, 17, value);
    const Image back = decode_tile_file(encode_tile_file(tile)).variance;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(back[0].at(5, 5)), std::bit_cast<std::uint32_t>(value)) << value;
  }
}

TEST(TileFile, PlanesBeyondTheCardsComeBack) {
  const TileFile tile = sample_tile(101, 0);
  const TileFile back = decode_tile_file(encode_tile_file(tile));
  EXPECT_EQ(pixel_digest(back.effective_frames), pixel_digest(tile.effective_frames));
  EXPECT_EQ(pixel_digest(back.coverage), pixel_digest(tile.coverage));
}

TEST(TileFile, HoldsNoClock) {
  const std::string first = encode_tile_file(sample_tile(1, 9));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_EQ(encode_tile_file(sample_tile(1, 9)), first);
}

TEST(TileFile, DoesNotDependOnWhatMemoryHeldBefore) {
  const std::string first = encode_tile_file(sample_tile(3, 40));
  for (int i = 0; i < 20; ++i) {
    { const std::string filler(first.size() * static_cast<std::size_t>(1 + i % 4), i % 2 == 0 ? 'X' : '\0'); }
    ASSERT_TRUE(encode_tile_file(sample_tile(3, 40)) == first);
    ASSERT_EQ(encode_tile_file(sample_tile(1, 5)).size(), 7u * 2880);
  }
}

TEST(TileFile, ShapesThatDisagreeAreABug) {
  TileFile tile = sample_tile(1, 9);
  tile.box.w = 22;
  EXPECT_THROW(encode_tile_file(tile), ContractError);
  tile = sample_tile(3, 9);
  tile.frame_weight[2].pop_back();
  EXPECT_THROW(encode_tile_file(tile), ContractError);
  tile = sample_tile(3, 9);
  tile.coverage.pop_back();
  EXPECT_THROW(encode_tile_file(tile), ContractError);
}

TEST(TileFile, ValuesThatWouldSpoilThePictureAreRefused) {
  const auto refused = [](auto spoil) {
    TileFile tile = sample_tile(3, 5);
    spoil(tile);
    EXPECT_THROW(decode_tile_file(encode_tile_file(tile)), InputError);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  refused([&](TileFile& t) { t.pixels[2] = Plane<float>(23, 17, nan); });
  refused([&](TileFile& t) { t.pixels[1].at(22, 16) = inf; });
  refused([&](TileFile& t) { t.weight[0].at(0, 0) = nan; });
  refused([&](TileFile& t) { t.weight[0].at(0, 0) = -1; });
  refused([&](TileFile& t) { t.coverage[0].at(0, 0) = -1; });
}

TEST(TileFile, EveryTruncationIsRefused) {
  const std::string good = encode_tile_file(sample_tile(1, 40));
  for (std::size_t size = 0; size < good.size(); size += 2880)
    EXPECT_THROW(decode_tile_file(std::string_view(good).substr(0, size)), InputError) << size;
  for (std::size_t size = 1; size < good.size(); size += 997)
    EXPECT_THROW(decode_tile_file(std::string_view(good).substr(0, size)), InputError) << size;
  EXPECT_THROW(decode_tile_file(good + std::string(2880, '\0')), InputError);
  EXPECT_THROW(decode_tile_file(good + good), InputError);
}

TEST(TileFile, EveryFlippedByteIsRefused) {
  const std::string good = encode_tile_file(sample_tile(1, 5));
  std::string bad = good;
  for (std::size_t i = 0; i < good.size(); ++i) {
    bad[i] = static_cast<char>(good[i] ^ (1 << (i % 8)));
    EXPECT_THROW(decode_tile_file(bad), InputError) << "at byte " << i;
    bad[i] = good[i];
  }
}

/// Makes the sum of the whole file right again by a word in the last HDU's padding, so that damage gets past
/// the first check and the parts behind it must hold.
std::string with_matching_sum(std::string bytes) {
  std::memset(bytes.data() + bytes.size() - 4, 0, 4);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (3 - i % 4));
  while ((sum >> 32) != 0) sum = (sum & 0xffffffff) + (sum >> 32);
  const auto missing = static_cast<std::uint32_t>(~sum);
  for (int k = 0; k < 4; ++k)
    bytes[bytes.size() - 4 + static_cast<std::size_t>(k)] = static_cast<char>(missing >> (8 * (3 - k)));
  return bytes;
}

TEST(TileFile, CraftedHeadersNeverCrash) {
  const std::string good = encode_tile_file(sample_tile(1, 5));
  std::uint32_t state = 99;
  const auto next = [&] { return state = state * 1664525u + 1013904223u; };
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    if (i % 5 == 0) bad.resize((1 + next() % (good.size() / 2880)) * 2880);
    for (int k = 0; k < 3; ++k) {
      // Mostly in the value fields of the first header cards: sizes and types.
      const std::size_t hdu = next() % 2 == 0 ? 0 : (next() % (bad.size() / 2880)) * 2880;
      const std::size_t at = hdu + (next() % 12) * 80 + 20 + next() % 12;
      if (at < bad.size()) bad[at] = "0123456789- TF'"[next() % 15];
    }
    try {
      decode_tile_file(with_matching_sum(bad));
    } catch (const InputError&) {
    }
  }
}

TEST(TileFile, SatisfiesFitsverify) {
  TILECOMPILE_NEEDS_TOOL(have_fitsverify(), "fitsverify");
  TempDir dir;
  for (const std::size_t frames : {0u, 5u}) {
    write_bytes(dir / "t.fits", encode_tile_file(sample_tile(3, frames)));
    const std::string said = run_command("fitsverify " + (dir / "t.fits").string());
    EXPECT_NE(said.find(" 0 warning(s) and 0 error(s)"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/fits/frame_reader.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <thread>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/header/shared_sky.hpp"

// The library's numbers for dithered frames, null until they are set up.
extern "C" float* fits_rand_value;

namespace tilecompile {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> samples_of(const std::filesystem::path& path, ZeroIsNodata zeros = ZeroIsNodata::kNever) {
  FrameReader reader(path, zeros);
  std::vector<float> all;
  for (const Plane<float>& plane : reader.read_all())
    all.insert(all.end(), plane.samples().begin(), plane.samples().end());
  return all;
}

void expect_same_bits(const std::vector<float>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(expected[i]))
        << "at sample " << i << ": " << found[i] << ", expected " << expected[i];
}

TEST(FrameReader, UnsignedSixteenBit) {
  TempDir dir;
  const auto path = write_bytes(
      dir / "u16.fits", fits_header(16, {3, 2}, fits_card("BZERO", "32768") + fits_card("EXPTIME", "60.")) +
                            padded(big_endian_bytes<std::int16_t>({-32768, -32767, 0, 1, 32767, -1}), 0));
  expect_same_bits(samples_of(path), {0, 1, 32768, 32769, 65535, 32767});
  expect_same_bits(samples_of(path, ZeroIsNodata::kAlways), {kNan, 1, 32768, 32769, 65535, 32767});
  const FrameFacts facts = FrameReader(path, ZeroIsNodata::kAlways).facts();
  EXPECT_EQ(facts.width, 3);
  EXPECT_EQ(facts.height, 2);
  EXPECT_EQ(facts.channels, 1);
  EXPECT_EQ(facts.code_step, 1);
  EXPECT_EQ(facts.largest_code, 65535);
  EXPECT_EQ(facts.exposure_s, 60);
}

TEST(FrameReader, ScaledIntegersAreRoundedOnce) {
  TempDir dir;
  const double bscale = 0.045777764213996, bzero = 1500.1;
  const std::vector<std::int16_t> codes = {-32768, -1, 0, 1, 4095, 32767};
  const auto path = write_bytes(
      dir / "s.fits",
      fits_header(16, {6, 1}, fits_card("BSCALE", "0.045777764213996") + fits_card("BZERO", "1.5001D3")) +
          padded(big_endian_bytes(codes), 0));
  std::vector<float> expected;
  for (const std::int16_t code : codes) expected.push_back(static_cast<float>(bzero + bscale * code));
  expect_same_bits(samples_of(path), expected);
  EXPECT_DOUBLE_EQ(FrameReader(path, ZeroIsNodata::kNever).facts().code_step, bscale);
}

TEST(FrameReader, ByteAndItsSignedConvention) {
  TempDir dir;
  const auto plain = write_bytes(dir / "b.fits",
                                 fits_header(8, {2, 2}, fits_card("BLANK", "7")) + padded("\1\7\200\377", 0));
  expect_same_bits(samples_of(plain), {1, kNan, 128, 255});
  EXPECT_EQ(FrameReader(plain, ZeroIsNodata::kNever).facts().largest_code, 255);
  const auto signed_bytes =
      write_bytes(dir / "sb.fits", fits_header(8, {2, 1}, fits_card("BZERO", "-128")) + padded("\1\377", 0));
  expect_same_bits(samples_of(signed_bytes), {-127, 127});
  EXPECT_EQ(FrameReader(signed_bytes, ZeroIsNodata::kNever).facts().largest_code, 127);
}

TEST(FrameReader, ThirtyTwoBitUnsignedAndBlank) {
  TempDir dir;
  const auto path = write_bytes(
      dir / "u32.fits", fits_header(32, {4, 1}, fits_card("BZERO", "2147483648") + fits_card("BLANK", "-5")) +
                            padded(big_endian_bytes<std::int32_t>({-2147483647 - 1, -5, 0, 2147483647}), 0));
  expect_same_bits(samples_of(path), {0, kNan, 2147483648.0F, 4294967295.0F});
  EXPECT_EQ(FrameReader(path, ZeroIsNodata::kNever).facts().largest_code, 4294967295.0);
}

TEST(FrameReader, SixtyFourBit) {
  TempDir dir;
  const auto path =
      write_bytes(dir / "i64.fits", fits_header(64, {2, 1}, fits_card("BLANK", "-1")) +
                                        padded(big_endian_bytes<std::int64_t>({1L << 40, -1}), 0));
  expect_same_bits(samples_of(path), {1099511627776.0F, kNan});
}

TEST(FrameReader, FloatsKeepTheirBits) {
  TempDir dir;
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {1.5F, -0.0F, 1e-40F, kNan, inf, -inf, 0.0F, 3e38F};
  const auto path =
      write_bytes(dir / "f.fits", fits_header(-32, {4, 2}) + padded(big_endian_bytes(values), 0));
  expect_same_bits(samples_of(path), {1.5F, -0.0F, 1e-40F, kNan, kNan, kNan, 0.0F, 3e38F});
  expect_same_bits(samples_of(path, ZeroIsNodata::kAlways),
                   {1.5F, kNan, 1e-40F, kNan, kNan, kNan, kNan, 3e38F});
  const FrameFacts facts = FrameReader(path, ZeroIsNodata::kAlways).facts();
  EXPECT_EQ(facts.code_step, 0);
  EXPECT_TRUE(std::isnan(facts.largest_code));
  EXPECT_TRUE(std::isnan(facts.exposure_s));
}

TEST(FrameReader, DoublesAreRoundedAndOverflowIsMissing) {
  TempDir dir;
  const auto path = write_bytes(
      dir / "d.fits", fits_header(-64, {3, 1}) + padded(big_endian_bytes<double>({0.1, 1e300, -0.0}), 0));
  expect_same_bits(samples_of(path), {0.1F, kNan, -0.0F});
}

TEST(FrameReader, PlanesAndBands) {
  TempDir dir;
  std::vector<float> values;
  for (int i = 0; i < 3 * 7 * 5; ++i) values.push_back(static_cast<float>(i + 1));
  const auto path =
      write_bytes(dir / "c.fits", fits_header(-32, {5, 7, 3}) + padded(big_endian_bytes(values), 0));
  FrameReader reader(path, ZeroIsNodata::kAlways);
  EXPECT_EQ(reader.facts().channels, 3);
  std::vector<float> band(2 * 5);
  reader.read_rows(2, 3, 2, band.data());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(band[static_cast<std::size_t>(i)], 2 * 35 + 3 * 5 + i + 1);
  EXPECT_THROW(reader.read_rows(3, 0, 1, band.data()), ContractError);
  EXPECT_THROW(reader.read_rows(0, 6, 2, band.data()), ContractError);
  const auto depth_one =
      write_bytes(dir / "c1.fits", fits_header(-32, {5, 7, 1}) + padded(big_endian_bytes(values), 0));
  EXPECT_EQ(FrameReader(depth_one, ZeroIsNodata::kAlways).facts().channels, 1);
}

TEST(FrameReader, NamesAreTakenAsTheyAre) {
  TempDir dir;
  const std::string bytes = fits_header(8, {2, 1}) + padded("\1\2", 0);
  for (const char* name :
       {"a[1].fits", "b(x).fits", "c+2", "~home.fits", "-", " blank .fits ", "mem:x.fits", "d,e@f"}) {
    const auto path = write_bytes(dir / name, bytes);
    EXPECT_NO_THROW(expect_same_bits(samples_of(path), {1, 2})) << name;
  }
}

TEST(FrameReader, FirstImageMayBeAnExtension) {
  TempDir dir;
  const std::string extension =
      padded(fits_card("XTENSION", "'IMAGE   '") + fits_card("BITPIX", "8") + fits_card("NAXIS", "2") +
                 fits_card("NAXIS1", "2") + fits_card("NAXIS2", "1") + fits_card("PCOUNT", "0") +
                 fits_card("GCOUNT", "1") + raw_card("END"),
             ' ');
  const auto path =
      write_bytes(dir / "e.fits", fits_header(8, {},
                                              fits_card("EXTEND", "T") + fits_card("EXPOSURE", "12.5") +
                                                  fits_card("DATE-OBS", "'2025-03-27'")) +
                                      extension + padded("\3\4", 0));
  expect_same_bits(samples_of(path), {3, 4});
  EXPECT_EQ(FrameReader(path, ZeroIsNodata::kNever).facts().exposure_s, 12.5);
  EXPECT_EQ(FrameReader(path, ZeroIsNodata::kNever).facts().time.date_obs, "2025-03-27");
}

TEST(FrameReader, AxesOfOneElementBehindTheThirdSayNothing) {
  TempDir dir;
  const auto facts = [&](const std::vector<long>& axes) {
    std::size_t n = 1;
    for (const long a : axes) n *= static_cast<std::size_t>(a);
    return FrameReader(write_bytes(dir / "n.fits", fits_header(8, axes) + padded(std::string(n, '\5'), 0)))
        .facts();
  };
  EXPECT_EQ(facts({5, 4, 1, 1}).channels, 1);
  EXPECT_EQ(facts({5, 4, 3, 1}).channels, 3);
  EXPECT_EQ(facts({5, 4, 3, 1, 1}).channels, 3);
  EXPECT_THROW(facts({5, 4, 1, 3}), InputError);
  EXPECT_THROW(facts({5, 4, 3, 2}), InputError);
}

TEST(FrameReader, NamesTheImagesOfAFileWithSeveral) {
  TempDir dir;
  const auto extension = [](const std::string& name) {
    return padded(fits_card("XTENSION", "'IMAGE   '") + fits_card("BITPIX", "8") + fits_card("NAXIS", "2") +
                      fits_card("NAXIS1", "2") + fits_card("NAXIS2", "1") + fits_card("PCOUNT", "0") +
                      fits_card("GCOUNT", "1") +
                      (name.empty() ? "" : fits_card("EXTNAME", "'" + name + "'")) + raw_card("END"),
                  ' ') +
           padded("\1\2", 0);
  };
  const std::string empty = fits_header(8, {}, fits_card("EXTEND", "T"));
  const auto images = [&](const std::string& bytes) {
    FrameReader reader(write_bytes(dir / "m.fits", bytes));
    std::vector<float> row(2);
    reader.read_rows(0, 0, 1, row.data());
    EXPECT_EQ(row[0], 1);  // the first image is the one that is read
    return reader.facts().images;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(images(empty + extension("SCI")), Names{});
  EXPECT_EQ(images(empty + extension("SCI") + extension("ERR") + extension("")),
            (Names{"HDU 2 (SCI)", "HDU 3 (ERR)", "HDU 4"}));
  EXPECT_EQ(images(empty + extension("SCI") + extension("ERR") + padded("rubbish", 'x')),
            (Names{"HDU 2 (SCI)", "HDU 3 (ERR)"}));
}

// Borders, a hole across several bands, lone zeros; two planes that differ.
std::string zeros_frame(int width, int height) {
  std::string codes;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const bool border = 7 * x + (c + 2) * y < 70 || y < c || 10 * x - y > 10 * width - 40;
        const bool hole = x >= 30 && x < 47 && y >= 21 && y < 38 + c;
        const bool lone = (x * 31 + y * 17 + c) % 5 == 0;
        codes += '\0';
        codes += border || hole || lone ? '\0' : '\7';
      }
  return fits_header(16, {width, height, 3}) + padded(codes, 0);
}

TEST(FrameReader, BorderZerosAreTheSameInEveryBandOfRows) {
  TempDir dir;
  constexpr int kWidth = 61, kHeight = 53;
  const auto plain = write_bytes(dir / "plain.fits", zeros_frame(kWidth, kHeight));
  ASSERT_EQ(std::system(("gzip -k '" + plain.string() + "'").c_str()), 0);  // read through the library
  for (const auto& path : {plain, dir / "plain.fits.gz"}) {
    FrameReader reader(path);
    const Image whole = reader.read_all();
    int missing = 0, zeros = 0;
    for (const float v : whole[1].samples()) {
      missing += v != v;
      zeros += v == 0;
    }
    EXPECT_GT(missing, 400);
    EXPECT_GT(zeros, 100);
    for (const int rows : {1, 2, 7, 16, 31})
      for (int c = 0; c < 3; ++c)
        for (int y0 = 0; y0 + rows <= kHeight; ++y0) {
          std::vector<float> band(static_cast<std::size_t>(rows * kWidth));
          reader.read_rows(c, y0, rows, band.data());
          const float* expected = whole[static_cast<std::size_t>(c)].data() + y0 * kWidth;
          expect_same_bits(band, {expected, expected + rows * kWidth});
        }
  }
}

// A box is read with the columns beside it that tell whether its zeros are borders.
TEST(FrameReader, BorderZerosAreTheSameInEveryBox) {
  TempDir dir;
  for (const FrameShape& shape : kShapes) {
    FrameReader reader(write_bytes(dir / "frame.fits", zeros_frame(shape.width, shape.height)));
    const Image whole = reader.read_all();
    for_boxes(shape, {1, 5, 16, 30, 31}, {1, 9, 20, 250}, [&](const Box& box) {
      std::vector<float> part(box.area()), expected;
      reader.read_box(1, box, part.data());
      for (int y = box.y0; y < box.y1(); ++y)
        expected.insert(expected.end(), whole[1].row(y) + box.x0, whole[1].row(y) + box.x1());
      expect_same_bits(part, expected);
    });
  }
}

// As the codes of a box, borders dropped, against read_box.
TEST(FrameReader, CodesAreTheSamplesOfTheSameBox) {
  TempDir dir;
  for (const FrameShape& shape : kShapes) {
    FrameReader reader(write_bytes(dir / "frame.fits", zeros_frame(shape.width, shape.height)));
    for_boxes(shape, {5, 30, shape.width}, {1, 20, shape.height}, [&](const Box& box) {
      std::vector<float> expected(box.area()), found(box.area());
      reader.read_box(1, box, expected.data());
      std::vector<std::uint16_t> codes(box.area());
      const auto packed = reader.read_codes(1, box, codes.data());
      ASSERT_TRUE(packed && packed->lossless());
      const std::size_t valid = unpack_samples(codes.data(), codes.size(), packed->has_none, found.data());
      EXPECT_EQ(packed->has_none, valid < codes.size());
      expect_same_bits(found, expected);
    });
  }
}

TEST(FrameReader, WhatHoldsNoCodesGivesNone) {
  TempDir dir;
  const Box box{0, 0, 40, 20};
  const auto codes_of = [&](const std::string& cards, int bitpix, std::int16_t first, std::int16_t others,
                            ZeroIsNodata zeros = ZeroIsNodata::kAuto) {
    std::vector<std::int16_t> samples(800, others);
    samples[0] = first;
    std::string bytes = bitpix == -32 ? big_endian_bytes<float>(std::vector<float>(800, 7))
                                      : big_endian_bytes<std::int16_t>(samples);
    FrameReader reader(write_bytes(dir / "f.fits", fits_header(bitpix, {40, 20}, cards) + padded(bytes, 0)),
                       zeros);
    std::vector<std::uint16_t> codes(box.area());
    return reader.read_codes(0, box, codes.data());
  };
  const std::string unsigned_codes = fits_card("BZERO", "32768");
  EXPECT_TRUE(codes_of(unsigned_codes, 16, 5, 5));
  EXPECT_TRUE(codes_of("", 16, 5, 5));
  EXPECT_FALSE(codes_of("", 16, -5, 5)) << "a negative number";
  EXPECT_FALSE(codes_of("", -32, 0, 0)) << "floats";
  EXPECT_FALSE(codes_of(unsigned_codes + fits_card("BLANK", "3"), 16, 5, 5)) << "missing by BLANK";
  EXPECT_FALSE(codes_of(fits_card("BSCALE", "0.5"), 16, 5, 5)) << "not whole";
  EXPECT_FALSE(codes_of(unsigned_codes, 16, 5, 5, ZeroIsNodata::kAlways)) << "every zero is missing";
  // 65535 beside zeros that may be borders.
  EXPECT_FALSE(codes_of(unsigned_codes, 16, 32767, -32768));
  EXPECT_TRUE(codes_of(unsigned_codes, 16, 32767, -32768, ZeroIsNodata::kNever));
  EXPECT_TRUE(codes_of(unsigned_codes, 16, 32767, 5)->has_last);
  EXPECT_TRUE(codes_of(unsigned_codes, 16, 5, -32768)->has_none);
  std::vector<std::uint16_t> codes(box.area());
  FrameReader reader(dir / "f.fits");
  EXPECT_THROW(reader.read_codes(0, {0, 1, 40, 20}, codes.data()), ContractError);
}

TEST(FrameReader, BoxesArePartsOfTheWhole) {
  TempDir dir;
  Image planes;
  for (int c = 0; c < 3; ++c) {
    planes.emplace_back(61, 47);
    for (int y = 0; y < 47; ++y)
      for (int x = 0; x < 61; ++x)
        planes.back().at(x, y) = x + y < 20 || x > 55 ? 0.0F : static_cast<float>(c * 10000 + y * 100 + x);
  }
  write_image(dir.path() / "frame.fits", planes, {});
  for (const ZeroIsNodata zeros : {ZeroIsNodata::kNever, ZeroIsNodata::kAuto, ZeroIsNodata::kAlways}) {
    FrameReader reader(dir.path() / "frame.fits", zeros);
    const Image whole = reader.read_all();
    for (const Box& box :
         {Box{0, 0, 61, 47}, Box{3, 5, 40, 20}, Box{60, 46, 1, 1}, Box{0, 10, 61, 3}, Box{7, 0, 2, 47}})
      for (int c = 0; c < 3; ++c) {
        std::vector<float> part(box.area());
        reader.read_box(c, box, part.data());
        for (int y = 0; y < box.h; ++y)
          for (int x = 0; x < box.w; ++x)
            EXPECT_EQ(
                std::bit_cast<std::uint32_t>(part[static_cast<std::size_t>(y * box.w + x)]),
                std::bit_cast<std::uint32_t>(whole[static_cast<std::size_t>(c)].at(box.x0 + x, box.y0 + y)));
      }
    float sample = 0;
    EXPECT_THROW(reader.read_box(0, {61, 0, 1, 1}, &sample), ContractError);
    EXPECT_THROW(reader.read_box(3, {0, 0, 1, 1}, &sample), ContractError);
  }
}

// Seen in a process that has read no frame yet, as ctest and the planted bug run it.
TEST(FrameReader, NumbersForDitheredFramesAreReadyBeforeThereAreThreads) {
  EXPECT_NE(fits_rand_value, nullptr);
}

TEST(FrameReader, ManyThreadsReadTheSame) {
  TILECOMPILE_NEEDS_DATA("akb64");
  // The threads come first: whatever the library sets up at first use, it sets up under them.
  const auto path = test_data() / "akb64" / "AKB13475I0001.fits.fz";
  const auto digest = [&] { return pixel_digest(FrameReader(path, ZeroIsNodata::kAlways).read_all()); };
  std::atomic<int> waiting = 4;
  std::vector<std::string> read(4 * 4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (--waiting; waiting > 0;) std::this_thread::yield();
      for (std::size_t i = 0; i < 4; ++i) read[4 * t + i] = digest();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read, std::vector<std::string>(read.size(), digest()));
}

TEST(FrameReader, BandsOfACompressedFrameAreThoseOfTheWhole) {
  TILECOMPILE_NEEDS_DATA("seestar_rgb");
  for (const auto& entry : std::filesystem::directory_iterator(test_data() / "seestar_rgb")) {
    FrameReader reader(entry.path(), ZeroIsNodata::kAlways);
    const Image whole = reader.read_all();
    const int width = reader.facts().width, height = reader.facts().height;
    std::vector<float> band;
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < height; y += 97) {
        const int rows = std::min(97, height - y);
        band.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
        reader.read_rows(c, y, rows, band.data());
        ASSERT_EQ(
            std::memcmp(band.data(), whole[static_cast<std::size_t>(c)].row(y), band.size() * sizeof(float)),
            0);
      }
    break;
  }
}

}  // namespace
}  // namespace tilecompile

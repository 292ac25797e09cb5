#include <fitsio.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"

/// On damaged table headers cfitsio asks calloc for absurd sizes and copes with the refusal; a
/// sanitizer is to refuse likewise instead of stopping.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace tilecompile {
namespace {

/// Reads the whole file and expects an InputError that names it and holds `word`.
void expect_refused(const std::filesystem::path& path, const std::string& word) {
  try {
    FrameReader(path, ZeroIsNodata::kAlways).read_all();
    FAIL() << path << " was read";
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
    EXPECT_NE(text.find(word), std::string::npos) << text;
    EXPECT_NE(text.find("; "), std::string::npos) << "no remedy in: " << text;
  }
}

/// Least upper bound of the memory this process ever held, in bytes.
long peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024L;
}

const std::string kPixels = padded(std::string(64, '\1'), 0);

struct Case {
  const char* name;
  std::string bytes;
  const char* word;
};

std::vector<Case> hostile_files() {
  return {
      {"empty", "", "empty"},
      {"text", "These are my notes of the night.\n", "not a FITS file"},
      {"png", "\x89PNG\r\n\x1a\n" + std::string(3000, 'x'), "not a FITS file"},
      {"short", fits_header(8, {8, 8}).substr(0, 1000), "cut off"},
      {"no_end", padded(fits_header(8, {8, 8}).substr(0, 400), ' '), "cannot be read"},
      {"no_data", fits_header(8, {8, 8}), "cut off"},
      {"half_data", fits_header(16, {100, 100}) + std::string(5760, '\1'), "cut off"},
      {"no_image", fits_header(8, {}), "no HDU holds an image"},
      {"one_axis", fits_header(8, {64}) + kPixels, "1 axes"},
      {"four_axes", fits_header(8, {2, 2, 2, 2}) + kPixels, "4 axes"},
      {"depth_seven", fits_header(8, {2, 2, 7}) + kPixels, "NAXIS3 = 7"},
      {"depth_two", fits_header(8, {2, 2, 2}) + kPixels, "NAXIS3 = 2"},
      {"zero_width", fits_header(8, {0, 8}) + kPixels, "empty"},
      {"zero_height", fits_header(8, {8, 0}) + kPixels, "empty"},
      {"negative", fits_header(8, {-8, 8}) + kPixels, "cannot be read"},
      {"huge_axis", fits_header(8, {2147483647, 1}) + kPixels, "NAXIS1 = 2147483647"},
      {"huge_axes", fits_header(-64, {65535, 65535}) + kPixels, "more than"},
      {"overflow", fits_header(-64, {2147483647, 2147483647, 3}) + kPixels, "NAXIS1"},
      {"big_claim", fits_header(-32, {30000, 30000}) + kPixels, "cut off"},
      {"many_axes", fits_header(8, std::vector<long>(999, 1)) + kPixels, "NAXIS = 999"},
      {"ninety_nine_axes", fits_header(8, std::vector<long>(99, 1)) + kPixels, "99 axes"},
      {"bad_bitpix", fits_header(12, {8, 8}) + kPixels, "cannot be read"},
      {"groups",
       fits_header(8, {0, 8},
                   fits_card("GROUPS", "T") + fits_card("PCOUNT", "0") + fits_card("GCOUNT", "8")) +
           kPixels,
       "random groups"},
      {"zero_scale", fits_header(16, {2, 2}, fits_card("BSCALE", "0.0")) + kPixels, ""},
      {"text_scale", fits_header(16, {2, 2}, fits_card("BSCALE", "'big'")) + kPixels, ""},
      {"bad_gzip", "\x1f\x8b\x08" + std::string(200, 'z'), ""},
      {"short_gzip", "\x1f\x8b", "cut off"},
  };
}

TEST(RefusedFrames, EachSaysWhichFileAndWhy) {
  TempDir dir;
  for (const Case& c : hostile_files()) {
    SCOPED_TRACE(c.name);
    expect_refused(write_bytes(dir / (std::string(c.name) + ".fits"), c.bytes), c.word);
  }
  EXPECT_LT(peak_memory_bytes(), 600L << 20) << "a hostile header made the reader allocate";
}

// cfitsio has one stack of messages for all threads: what another one left there is not this frame's fault.
TEST(RefusedFrames, AMessageAboutAnotherFileIsNotToldOfThisOne) {
  const TempDir dir;
  for (const Case& c : hostile_files()) {
    std::ofstream(dir / c.name, std::ios::binary) << c.bytes;
    fits_write_errmsg("trouble in another file");
    try {
      FrameReader(dir / c.name, ZeroIsNodata::kAlways).read_all();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("another file"), std::string::npos) << error.what();
    }
  }
  fits_clear_errmsg();
}

TEST(RefusedFrames, CompressedImageThatClaimsTooMuch) {
  TempDir dir;
  const auto compressed = [](long width, long height, long tile1, long tile2, long rows, long block = 32,
                             long byte_pix = 2) {
    const std::string header =
        fits_card("XTENSION", "'BINTABLE'") + fits_card("BITPIX", "8") + fits_card("NAXIS", "2") +
        fits_card("NAXIS1", "8") + fits_card("NAXIS2", std::to_string(rows)) + fits_card("PCOUNT", "100") +
        fits_card("GCOUNT", "1") + fits_card("TFIELDS", "1") + fits_card("TTYPE1", "'COMPRESSED_DATA'") +
        fits_card("TFORM1", "'1PB(10)'") + fits_card("ZIMAGE", "T") + fits_card("ZBITPIX", "16") +
        fits_card("ZNAXIS", "2") + fits_card("ZNAXIS1", std::to_string(width)) +
        fits_card("ZNAXIS2", std::to_string(height)) + fits_card("ZTILE1", std::to_string(tile1)) +
        fits_card("ZTILE2", std::to_string(tile2)) + fits_card("ZCMPTYPE", "'RICE_1  '") +
        fits_card("ZNAME1", "'BLOCKSIZE'") + fits_card("ZVAL1", std::to_string(block)) +
        fits_card("ZNAME2", "'BYTEPIX '") + fits_card("ZVAL2", std::to_string(byte_pix)) + raw_card("END");
    return fits_header(8, {}, fits_card("EXTEND", "T")) + padded(header, ' ') + std::string(2880, '\0');
  };
  expect_refused(write_bytes(dir / "a.fits", compressed(60000, 10000, 60000, 10000, 1)), "compressed bytes");
  expect_refused(write_bytes(dir / "b.fits", compressed(70000, 10, 70000, 1, 10)), "65535");
  expect_refused(write_bytes(dir / "c.fits", compressed(10, 10, 10, 1, 3)), "uncompressing");
  expect_refused(write_bytes(dir / "d.fits", compressed(10, 10, 900000, 900000, 1)), "compressed bytes");
  expect_refused(write_bytes(dir / "e.fits", compressed(10, 10, 0, 1, 10)), "ZTILE1 = 0");
  expect_refused(write_bytes(dir / "g.fits", compressed(10, 10, 10, 1, 10, 0)), "BLOCKSIZE = 0");
  expect_refused(write_bytes(dir / "h.fits", compressed(10, 10, 10, 1, 10, 32, 8)), "BYTEPIX = 8");
  expect_refused(write_bytes(dir / "f.fits", compressed(10, 10, 10, 1, 1000)), "");
  EXPECT_LT(peak_memory_bytes(), 600L << 20);
}

TEST(RefusedFrames, OperatingSystemDecidesTheKind) {
  TempDir dir;
  EXPECT_THROW(FrameReader(dir / "missing.fits", ZeroIsNodata::kAlways), InputError);
  EXPECT_THROW(FrameReader(dir.path() / "not-mounted" / "a.fits", ZeroIsNodata::kAlways), TransientError);
  EXPECT_THROW(FrameReader(dir.path(), ZeroIsNodata::kAlways), InputError);
  const auto pipe = dir / "pipe.fits";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(pipe, "regular file");
  expect_refused(dir / std::string(250, 'n'), "");
}

TEST(RefusedFrames, TooManyOpenFilesMayPass) {
  TempDir dir;
  const auto path = write_bytes(dir / "a.fits", fits_header(8, {2, 1}) + padded("\1\2", 0));
  EXPECT_NO_THROW(FrameReader(path, ZeroIsNodata::kAlways));
  // The sanitizer opens a pipe to look at an object of a kind it has not met: let it meet them all before.
  EXPECT_THROW(FrameReader(dir / "away" / "a.fits", ZeroIsNodata::kAlways), TransientError);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  for (const rlim_t spare : {0, 1}) {  // none for us, none for the library
    std::vector<int> held;
    rlimit tight = before;
    tight.rlim_cur = 64;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int fd = dup(0); fd >= 0; fd = dup(0)) held.push_back(fd);
    for (rlim_t i = 0; i < spare; ++i) {
      close(held.back());
      held.pop_back();
    }
    EXPECT_THROW(FrameReader(path, ZeroIsNodata::kAlways), TransientError) << spare;
    for (const int fd : held) close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
  }
}

TEST(RefusedFrames, DamagedRealFramesNeverCrash) {
  TILECOMPILE_NEEDS_DATA("hatp32");
  TempDir dir;
  const std::string good = read_bytes(test_data() / "hatp32" / "r_i_00001.fits.fz");
  std::uint32_t state = 12345;
  const auto next = [&] { return state = state * 1664525u + 1013904223u; };
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    if (i % 4 == 0) bad.resize(next() % bad.size());
    const std::size_t range = i % 2 == 0 ? std::min<std::size_t>(bad.size(), 14400) : bad.size();
    for (int k = 0; k < 4 && range > 0; ++k) bad[next() % range] = static_cast<char>(next() >> 24);
    const auto path = write_bytes(dir / "bad.fits.fz", bad);
    try {
      FrameReader(path, ZeroIsNodata::kAlways).read_all();
    } catch (const InputError&) {
    }
  }
}

TEST(RefusedFrames, DamagedGzipNeverCrashes) {
  TILECOMPILE_NEEDS_DATA("odd");
  TempDir dir;
  const std::string good = read_bytes(test_data() / "odd" / "ds9" / "fits~short.fits.gz");
  ASSERT_GT(good.size(), 1000u);
  const auto path = dir / "bad.fits.gz";
  for (std::size_t size = 2; size < good.size(); size += 61)
    expect_refused(write_bytes(path, good.substr(0, size)), "");
  for (std::size_t i = 2; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    write_bytes(path, bad);
    try {
      FrameReader(path, ZeroIsNodata::kAlways).read_all();
      EXPECT_LT(i, 40u) << "only the name and the time in the gzip header may change";
    } catch (const InputError&) {
    }
  }
  std::string bomb = good;
  bomb.replace(bomb.size() - 4, 4, "\xff\xff\xff\x7f");
  expect_refused(write_bytes(path, bomb), "impossible");
  expect_refused(write_bytes(path, good + good), "");
}

TEST(RefusedFrames, NothingIsPrinted) {
  TempDir dir;
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  for (const Case& c : hostile_files())
    EXPECT_THROW(FrameReader(write_bytes(dir / "x.fits", c.bytes), ZeroIsNodata::kAlways).read_all(),
                 InputError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace tilecompile

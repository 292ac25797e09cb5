#include "tilecompile/fits/image_file.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <thread>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

Image ramp(int channels, int width, int height) {
  Image image;
  for (int c = 0; c < channels; ++c) {
    image.emplace_back(width, height);
    for (std::size_t i = 0; i < image.back().size(); ++i)
      image.back().samples()[i] = 0.1F * static_cast<float>(i) + static_cast<float>(c);
  }
  image[0].at(1, 1) = std::bit_cast<float>(0xffc12345u);  // a NaN with a payload
  return image;
}

ProductHeader header_with_everything() {
  ProductHeader header;
  header.kept_records = {fits_card("TELESCOP", "'S50'"),
                         fits_card("EXPTIME", "99."),
                         fits_card("OBJECT", "'M 94'"),
                         fits_card("object", "'lower case'"),
                         raw_card("BROKEN  = 'no end"),
                         fits_card("NAXIS1", "7"),
                         fits_card("BZERO", "32768"),
                         raw_card("HISTORY of the frame"),
                         fits_card("TELESCOP", "'twice'"),
                         raw_card("SPACE D = 1"),
                         raw_card("CONTINUE  'alone'"),
                         fits_card("DATE-OBS", "'yesterday'"),
                         raw_card("BELL    = '\a'"),
                         fits_card("CRVAL1", "'text'"),
                         "SHORT   = 1"};
  header.cards = {{"EXPTIME", 10.5, "one exposure"},
                  {"STACKCNT", std::int64_t{142}, "frames"},
                  {"PROGRAM", std::string("tilecompile"), ""},
                  {"LONGTEXT", std::string(150, 'x') + "'quoted'", "goes over several cards"},
                  {"UNKNOWN", std::numeric_limits<double>::quiet_NaN(), ""},
                  {"FLAG", true, "a logical"},
                  {"UMLAUT", std::string("M\xc3\xbcnchen"), ""}};
  header.history = {"short", std::string(200, 'h')};
  return header;
}

void expect_verified(const std::filesystem::path& path) {
  const std::string said = run_command("fitsverify " + path.string());
  EXPECT_NE(said.find(" 0 warning(s) and 0 error(s)"), std::string::npos) << said;
}

TEST(ImageFile, ComesBackBitForBit) {
  TempDir dir;
  for (const int channels : {1, 3}) {
    const Image image = ramp(channels, 7, 5);
    write_image(dir / "a.fits", image, {});
    const Image back = read_image(dir / "a.fits");
    EXPECT_EQ(back.size(), image.size());
    EXPECT_EQ(pixel_digest(back), pixel_digest(image));
  }
}

TEST(ImageFile, DigestIsThatOfTheDataUnit) {
  TempDir dir;
  const Image image = ramp(3, 7, 5);
  write_image(dir / "a.fits", image, {});
  const std::string bytes = read_bytes(dir / "a.fits");
  EXPECT_EQ(bytes.size() % 2880, 0u);
  EXPECT_EQ(pixel_digest(image),
            sha256_hex(std::string_view(bytes).substr(bytes.size() - 2880, 3 * 7 * 5 * 4)));
}

TEST(ImageFile, IntegersComeBack) {
  TempDir dir;
  std::vector<Plane<std::int32_t>> counts(1, Plane<std::int32_t>(5, 3, 7));
  counts[0].at(4, 2) = 1 << 20;
  write_image(dir / "n.fits", counts, {});
  EXPECT_EQ(read_image(dir / "n.fits")[0].at(4, 2), 1 << 20);
  std::vector<Plane<std::uint16_t>> raw(1, Plane<std::uint16_t>(5, 3, 65535));
  raw[0].at(0, 0) = 0;
  write_image(dir / "u.fits", raw, {});
  FrameReader reader(dir / "u.fits", ZeroIsNodata::kAlways);
  EXPECT_EQ(reader.facts().largest_code, 65535);
  const Image back = reader.read_all();
  EXPECT_TRUE(std::isnan(back[0].at(0, 0)));
  EXPECT_EQ(back[0].at(1, 0), 65535);
}

TEST(ImageFile, TwoRunsGiveTheSameBytes) {
  TempDir dir;
  write_image(dir / "a.fits", ramp(3, 31, 17), header_with_everything());
  std::this_thread::sleep_for(
      std::chrono::milliseconds(1100));  // the library's comments would hold the second
  write_image(dir / "b.fits", ramp(3, 31, 17), header_with_everything());
  EXPECT_EQ(read_bytes(dir / "a.fits"), read_bytes(dir / "b.fits"));
}

TEST(ImageFile, KeepsGoodRecordsAndOwnCardsWin) {
  TempDir dir;
  write_image(dir / "a.fits", ramp(1, 7, 5), header_with_everything());
  const std::string bytes = read_bytes(dir / "a.fits");
  const auto count = [&](const std::string& text) {
    int n = 0;
    for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("EXPTIME ="), 1);
  EXPECT_EQ(count("EXPTIME =                 10.5"), 1);
  EXPECT_EQ(count("TELESCOP= 'S50'"), 1);
  EXPECT_EQ(count("'M 94'"), 1);
  EXPECT_EQ(FrameReader(dir / "a.fits", ZeroIsNodata::kNever).facts().exposure_s, 10.5);
  for (const char* gone : {"lower case", "no end", "BZERO", "of the frame", "twice", "SPACE D", "alone",
                           "yesterday", "BELL", "CRVAL1", "UNKNOWN"})
    EXPECT_EQ(count(gone), 0) << gone;
}

TEST(ImageFile, SatisfiesFitsverify) {
  TILECOMPILE_NEEDS_TOOL(have_fitsverify(), "fitsverify");
  TempDir dir;
  write_image(dir / "a.fits", ramp(3, 7, 5), header_with_everything());
  expect_verified(dir / "a.fits");
  write_image(dir / "n.fits", std::vector<Plane<std::int32_t>>(1, Plane<std::int32_t>(5, 3, 7)), {});
  expect_verified(dir / "n.fits");
  write_image(dir / "u.fits", std::vector<Plane<std::uint16_t>>(1, Plane<std::uint16_t>(5, 3, 7)), {});
  expect_verified(dir / "u.fits");
}

TEST(ImageFile, ProductsOfRealFramesSatisfyFitsverify) {
  TILECOMPILE_NEEDS_DATA("hatp32");
  TILECOMPILE_NEEDS_TOOL(have_fitsverify(), "fitsverify");
  TempDir dir;
  for (const char* folder : {"hatp32", "akb64", "seestar_rgb"}) {
    int checked = 0;
    for (const auto& entry : std::filesystem::directory_iterator(test_data() / folder)) {
      ProductHeader header = header_with_everything();
      header.kept_records = product_header_records(entry.path());
      EXPECT_GT(header.kept_records.size(), 10u);
      write_image(dir / "p.fits", read_image(entry.path()), header);
      expect_verified(dir / "p.fits");
      if (++checked == 3) break;
    }
  }
}

TEST(ImageFile, RefusalOfTheFileSystemIsTransient) {
  TempDir dir;
  EXPECT_THROW(write_image(dir.path() / "no" / "a.fits", ramp(1, 3, 3), {}), TransientError);
  EXPECT_THROW(write_image(dir / "a.fits", Image{}, {}), ContractError);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace tilecompile

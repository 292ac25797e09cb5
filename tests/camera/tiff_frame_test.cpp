#include "tilecompile/camera/tiff_frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include <fstream>

#include "handmade_dng.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

constexpr int kWidth = 53, kHeight = 41;

std::uint16_t code_at(int c, int x, int y) {
  return static_cast<std::uint16_t>(20000 * c + 300 * y + 7 * x + (x == 3 && y == 2 ? 20000 : 0));
}

struct TiffKind {
  int samples = 1, compression = COMPRESSION_NONE, planar = PLANARCONFIG_CONTIG, tile = 0;
  int orientation = ORIENTATION_TOPLEFT, bits = 16, format = SAMPLEFORMAT_UINT, pictures = 1;
  const char* date = nullptr;
};

void fill(std::vector<std::uint16_t>& row, const TiffKind& kind, int plane, int x0, int columns, int y) {
  const int each = kind.planar == PLANARCONFIG_SEPARATE ? 1 : kind.samples;
  for (int x = 0; x < columns; ++x)
    for (int c = 0; c < each; ++c)
      row[static_cast<std::size_t>(x * each + c)] = code_at(each == 1 ? plane : c, x0 + x, y);
}

void write_picture(TIFF* tiff, const TiffKind& kind) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, kWidth);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, kHeight);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, kind.bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, kind.format);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, kind.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, kind.planar);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, kind.compression);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, kind.orientation);
  TIFFSetField(tiff, TIFFTAG_MAKE, "Maker");
  TIFFSetField(tiff, TIFFTAG_MODEL, "Model 7");
  if (kind.date != nullptr) TIFFSetField(tiff, TIFFTAG_DATETIME, kind.date);
  const int passes = kind.planar == PLANARCONFIG_SEPARATE ? kind.samples : 1;
  if (kind.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, kind.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, kind.tile);
    const int each = kind.samples / passes;
    for (int plane = 0; plane < passes; ++plane)
      for (int y0 = 0; y0 < kHeight; y0 += kind.tile)
        for (int x0 = 0; x0 < kWidth; x0 += kind.tile) {
          std::vector<std::uint16_t> tile, row(static_cast<std::size_t>(kind.tile * each));
          for (int y = 0; y < kind.tile; ++y) {
            fill(row, kind, plane, x0, kind.tile, y0 + y);
            tile.insert(tile.end(), row.begin(), row.end());
          }
          TIFFWriteTile(tiff, tile.data(), static_cast<std::uint32_t>(x0), static_cast<std::uint32_t>(y0), 0,
                        static_cast<std::uint16_t>(plane));
        }
    return;
  }
  TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 7);
  std::vector<std::uint16_t> row(static_cast<std::size_t>(2 * kWidth * kind.samples));
  for (int plane = 0; plane < passes; ++plane)
    for (int y = 0; y < kHeight; ++y) {
      fill(row, kind, plane, 0, kWidth, y);
      TIFFWriteScanline(tiff, row.data(), static_cast<std::uint32_t>(y), static_cast<std::uint16_t>(plane));
    }
}

void write_kind(const std::filesystem::path& path, const TiffKind& kind) {
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  ASSERT_NE(tiff, nullptr);
  for (int i = 0; i < kind.pictures; ++i) {
    write_picture(tiff, kind);
    TIFFWriteDirectory(tiff);
  }
  TIFFClose(tiff);
}

std::string tiff_refusal(const std::filesystem::path& path) {
  try {
    read_tiff_frame(path);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

std::string refusal_of(const TiffKind& kind) {
  const TempDir dir;
  write_kind(dir / "a.tif", kind);
  return tiff_refusal(dir / "a.tif");
}

TEST(TiffFrame, IsKnownByItsName) {
  for (const char* name : {"a.tif", "b/c.TIFF", "x.Tif"}) EXPECT_TRUE(is_tiff(name)) << name;
  for (const char* name : {"a.fits", "tif", "a.tif.gz", "a.dng"}) EXPECT_FALSE(is_tiff(name)) << name;
}

TEST(TiffFrame, EveryWayToStoreSamplesGivesTheSame) {
  const TempDir dir;
  const std::vector<TiffKind> kinds = {
      {},
      {3},
      {1, COMPRESSION_LZW},
      {3, COMPRESSION_ADOBE_DEFLATE},
      {3, COMPRESSION_PACKBITS, PLANARCONFIG_SEPARATE},
      {1, COMPRESSION_NONE, PLANARCONFIG_CONTIG, 16},
      {3, COMPRESSION_LZW, PLANARCONFIG_CONTIG, 32},
      {3, COMPRESSION_NONE, PLANARCONFIG_SEPARATE, 16},
  };
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    write_kind(dir / "a.tif", kinds[k]);
    const TiffFrame frame = read_tiff_frame(dir / "a.tif");
    ASSERT_EQ(frame.planes.size(), static_cast<std::size_t>(kinds[k].samples)) << k;
    for (int c = 0; c < kinds[k].samples; ++c) {
      const Plane<std::uint16_t>& plane = frame.planes[static_cast<std::size_t>(c)];
      ASSERT_EQ(plane.width(), kWidth);
      ASSERT_EQ(plane.height(), kHeight);
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x)
          ASSERT_EQ(plane.at(x, y), code_at(c, x, y)) << k << ": " << x << "," << y;
    }
    EXPECT_EQ(frame.camera, "Maker Model 7");
    EXPECT_EQ(frame.exposure_s, 0);
    EXPECT_FALSE(frame.bottom_up);
  }
}

TEST(TiffFrame, SaysWhenAndWhichWayUp) {
  const TempDir dir;
  TiffKind kind;
  kind.date = "2025:01:10 20:01:02";
  kind.orientation = ORIENTATION_BOTLEFT;
  write_kind(dir / "a.tif", kind);
  const TiffFrame frame = read_tiff_frame(dir / "a.tif");
  EXPECT_EQ(frame.date_obs, "2025-01-10T20:01:02");
  EXPECT_TRUE(frame.bottom_up);
  kind.date = "10th of January    ";
  write_kind(dir / "b.tif", kind);
  EXPECT_EQ(read_tiff_frame(dir / "b.tif").date_obs, "");
}

TEST(TiffFrame, TheExposureIsThatOfTheCamerasDirectory) {
  const TempDir dir;
  TIFF* tiff = TIFFOpen((dir / "a.tif").c_str(), "w");
  write_picture(tiff, {});
  TIFFWriteDirectory(tiff);
  TIFFCreateEXIFDirectory(tiff);
  TIFFSetField(tiff, EXIFTAG_EXPOSURETIME, 2.5);
  std::uint64_t offset = 0;
  TIFFWriteCustomDirectory(tiff, &offset);
  TIFFSetDirectory(tiff, 0);
  TIFFSetField(tiff, TIFFTAG_EXIFIFD, offset);
  TIFFRewriteDirectory(tiff);
  TIFFClose(tiff);
  const TiffFrame frame = read_tiff_frame(dir / "a.tif");
  EXPECT_EQ(frame.exposure_s, 2.5);
  EXPECT_EQ(frame.planes.front().at(3, 2), code_at(0, 3, 2));
}

TEST(TiffFrame, OtherSamplesAreRefused) {
  EXPECT_THAT(refusal_of({1, COMPRESSION_NONE, PLANARCONFIG_CONTIG, 0, 1, 8}), HasSubstr("8 bits a sample"));
  EXPECT_THAT(refusal_of({1, COMPRESSION_NONE, PLANARCONFIG_CONTIG, 0, 1, 32, SAMPLEFORMAT_IEEEFP}),
              HasSubstr("32 bits a sample"));
  EXPECT_THAT(refusal_of({1, COMPRESSION_NONE, PLANARCONFIG_CONTIG, 0, 1, 16, SAMPLEFORMAT_INT}),
              HasSubstr("numbers with a sign"));
  EXPECT_THAT(refusal_of({4}), HasSubstr("4 samples a pixel"));
  TiffKind two;
  two.pictures = 2;
  EXPECT_THAT(refusal_of(two), HasSubstr("several pictures"));
}

TEST(TiffFrame, DamageIsSaidAndHarmless) {
  const TempDir dir;
  std::ofstream(dir / "text.tif") << "no picture at all";
  EXPECT_THAT(tiff_refusal(dir / "text.tif"), HasSubstr("it is no TIFF"));
  write_kind(dir / "cut.tif", {3, COMPRESSION_LZW});
  const auto size = std::filesystem::file_size(dir / "cut.tif");
  for (const double share : {0.02, 0.3, 0.7, 0.95}) {
    write_kind(dir / "cut.tif", {3, COMPRESSION_LZW});
    std::filesystem::resize_file(dir / "cut.tif",
                                 static_cast<std::uintmax_t>(share * static_cast<double>(size)));
    EXPECT_THAT(tiff_refusal(dir / "cut.tif"), HasSubstr("copy it again")) << share;
  }
}

TEST(TiffFrame, ASizeThatTheFileCannotHoldTakesNoMemory) {
  const TempDir dir;
  TiffDirectory directory(8);
  directory.number(TIFFTAG_IMAGEWIDTH, 1000000);
  directory.number(TIFFTAG_IMAGELENGTH, 1000000);
  directory.shorts(TIFFTAG_BITSPERSAMPLE, {16});
  directory.shorts(TIFFTAG_COMPRESSION, {COMPRESSION_ADOBE_DEFLATE});
  directory.shorts(TIFFTAG_PHOTOMETRIC, {PHOTOMETRIC_MINISBLACK});
  directory.number(TIFFTAG_STRIPOFFSETS, 8);
  directory.number(TIFFTAG_ROWSPERSTRIP, 1000000);
  directory.number(TIFFTAG_STRIPBYTECOUNTS, 40);
  std::ofstream(dir / "a.tif", std::ios::binary)
      << std::string("II\x2a\0\x08\0\0\0", 8) << directory.finish();
  EXPECT_THAT(tiff_refusal(dir / "a.tif"), HasSubstr("1000000 x 1000000 px, which is not in it"));
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/picture/preview.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

// It wants the two above.
#include <jpeglib.h>
#include <tiffio.h>

#include "paths.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

struct Picture {
  int width = 0, height = 0, channels = 0;
  std::vector<int> samples;
  int at(int x, int y, int c = 0) const {
    return samples[static_cast<std::size_t>((y * width + x) * channels + c)];
  }
};

Picture read_png(const std::filesystem::path& path) {
  const std::string script = source_dir() + "/tests/picture/read_png.py";
  std::FILE* pipe = popen(("python3 " + script + " " + path.string()).c_str(), "r");
  Picture picture;
  if (pipe == nullptr) return picture;
  std::string text;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0);
  std::stringstream stream(text);
  stream >> picture.width >> picture.height >> picture.channels;
  for (int v = 0; stream >> v;) picture.samples.push_back(v);
  return picture;
}

/// Sky of 1000 with a noise of 10, one bright star at (30, 5), no data left of column 10.
Plane<float> star_field(int width, int height) {
  Plane<float> plane(width, height);
  std::uint32_t state = 7;
  for (float& v : plane.samples()) {
    float noise = 0;
    for (int k = 0; k < 4; ++k) {
      state = state * 1664525u + 1013904223u;
      noise += static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
    }
    v = 1000 + 17 * noise;
  }
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const float r2 = static_cast<float>((x - 30) * (x - 30) + (y - 5) * (y - 5));
      plane.at(x, y) += 20000 * std::exp(-r2 / 4);
      if (x < 10) plane.at(x, y) = kNan;
    }
  return plane;
}

TEST(Preview, LooksLikeAStarField) {
  TempDir dir;
  write_pictures({dir / "p.png"}, {star_field(61, 47)}, {100});
  const Picture p = read_png(dir / "p.png");
  ASSERT_EQ(p.width, 61);
  ASSERT_EQ(p.height, 47);
  ASSERT_EQ(p.channels, 1);
  EXPECT_GT(p.at(30, 47 - 1 - 5), 240) << "the star must stand near the bottom: FITS rows run upwards";
  double sky = 0;
  int n = 0;
  for (int y = 0; y < 30; ++y)
    for (int x = 15; x < 61; ++x, ++n) sky += p.at(x, y);
  EXPECT_GT(sky / n, 15);
  EXPECT_LT(sky / n, 60);
  for (int y = 0; y < 47; ++y) EXPECT_LE(p.at(3, y), 24);
  EXPECT_NE(p.at(0, 0), p.at(8, 0)) << "no data is a checker";
}

TEST(Preview, ScalesDownColourAndIsReproducible) {
  TempDir dir;
  const Image image = {star_field(200, 100), star_field(200, 100), star_field(200, 100)};
  write_pictures({dir / "a.png"}, image, {50});
  write_pictures({dir / "b.png"}, image, {50});
  const Picture p = read_png(dir / "a.png");
  EXPECT_EQ(p.width, 50);
  EXPECT_EQ(p.height, 25);
  EXPECT_EQ(p.channels, 3);
  EXPECT_EQ(p.samples, read_png(dir / "b.png").samples);
}

TEST(Preview, PicturesToBeComparedShareOneStretch) {
  TempDir dir;
  Plane<float> brighter = star_field(61, 47);
  for (float& v : brighter.samples()) v += 30;
  const std::vector<std::string> pngs =
      preview_pngs({{star_field(61, 47)}, {star_field(61, 47)}, {brighter}});
  ASSERT_EQ(pngs.size(), 3u);
  EXPECT_EQ(pngs[0], pngs[1]);
  std::vector<Picture> pictures;
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    std::ofstream(dir / "p.png", std::ios::binary) << pngs[i];
    pictures.push_back(read_png(dir / "p.png"));
  }
  EXPECT_GT(pictures[1].at(50, 20), pictures[0].at(50, 20)) << "a sky that is brighter looks brighter";
  EXPECT_THROW(preview_pngs({{brighter}, {brighter, brighter, brighter}}), ContractError);
  EXPECT_THROW(preview_pngs({{}}), ContractError);
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Preview, LinkedChannelsKeepTheirColours) {
  TempDir dir;
  Plane<float> redder = star_field(61, 47);
  for (float& v : redder.samples()) v += 20;
  const Image image = {redder, star_field(61, 47), star_field(61, 47)};
  write_pictures({dir / "own.png"}, image);
  write_pictures({dir / "linked.png"}, image, {0, true});
  const auto sky = [&](const char* file, int channel) {
    const Picture p = read_png(dir / file);
    double sum = 0;
    for (int y = 0; y < 30; ++y)
      for (int x = 15; x < 61; ++x) sum += p.at(x, y, channel);
    return sum / (30 * 46);
  };
  EXPECT_NEAR(sky("own.png", 0), sky("own.png", 1), 1);
  EXPECT_GT(sky("linked.png", 0), sky("linked.png", 1) + 10);
}

/// Samples of a TIFF as they stand in the file, row by row.
std::vector<std::uint16_t> read_tiff(const std::filesystem::path& file, int* width, int* bits) {
  TIFF* tiff = TIFFOpen(file.c_str(), "r");
  std::vector<std::uint16_t> samples;
  std::uint32_t w = 0, h = 0;
  std::uint16_t per_sample = 0, channels = 0;
  if (tiff == nullptr) return samples;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &w);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &h);
  TIFFGetField(tiff, TIFFTAG_BITSPERSAMPLE, &per_sample);
  TIFFGetField(tiff, TIFFTAG_SAMPLESPERPIXEL, &channels);
  samples.resize(std::size_t{w} * h * channels);
  for (std::uint32_t y = 0; y < h; ++y)
    TIFFReadScanline(tiff, samples.data() + std::size_t{y} * w * channels, y);
  TIFFClose(tiff);
  *width = static_cast<int>(w);
  *bits = per_sample;
  return samples;
}

Picture read_jpeg(const std::string& bytes) {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  jpeg_start_decompress(&info);
  Picture picture{
      static_cast<int>(info.output_width), static_cast<int>(info.output_height), info.output_components, {}};
  std::vector<unsigned char> row(info.output_width * static_cast<unsigned>(info.output_components));
  while (info.output_scanline < info.output_height) {
    JSAMPROW to = row.data();
    jpeg_read_scanlines(&info, &to, 1);
    picture.samples.insert(picture.samples.end(), row.begin(), row.end());
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return picture;
}

TEST(Preview, JpegsAndTiffsHoldThePicture) {
  TempDir dir;
  const Plane<float> field = star_field(61, 47);
  write_pictures({dir / "p.png", dir / "p.jpg", dir / "p.tif"}, {field});
  const Picture png = read_png(dir / "p.png"), jpeg = read_jpeg(bytes_of(dir / "p.jpg"));
  ASSERT_EQ(jpeg.samples.size(), png.samples.size());
  EXPECT_EQ(png.at(30, 41), 255);
  int width = 0, bits = 0;
  const std::vector<std::uint16_t> tiff = read_tiff(dir / "p.tif", &width, &bits);
  EXPECT_EQ(width, 61);
  EXPECT_EQ(bits, 16);
  ASSERT_EQ(tiff.size(), png.samples.size());
  EXPECT_EQ(tiff[41 * 61 + 30], 65535);
  double off = 0;
  for (std::size_t i = 0; i < png.samples.size(); ++i) {
    EXPECT_NEAR(tiff[i] / 257.0, png.samples[i], 0.51);
    off += std::abs(jpeg.samples[i] - png.samples[i]);
  }
  EXPECT_LT(off / static_cast<double>(png.samples.size()), 6);
  write_pictures({dir / "c.jpeg", dir / "c.TIFF"}, {field, field, field}, {20});
  EXPECT_EQ(read_jpeg(bytes_of(dir / "c.jpeg")).channels, 3);
  EXPECT_EQ(read_tiff(dir / "c.TIFF", &width, &bits).size(), 20u * 15u * 3u);
  EXPECT_THROW(write_pictures({dir / "p.bmp"}, {field}), UsageError);
}

TEST(Preview, GridAndMarksLieOnThePixelsTheyName) {
  TempDir dir;
  PictureStyle style;
  style.grid_step_px = 20;
  style.marks = {{30, 5, 4}};
  write_pictures({dir / "p.png"}, {star_field(61, 47)}, style);
  const Picture p = read_png(dir / "p.png");
  ASSERT_EQ(p.channels, 3);
  const auto blue = [&](int x, int y) { return p.at(x, 46 - y, 2) > p.at(x, 46 - y, 0) + 100; };
  const auto orange = [&](int x, int y) { return p.at(x, 46 - y, 0) > p.at(x, 46 - y, 2) + 100; };
  for (const int at : {0, 20, 40}) {
    EXPECT_TRUE(blue(at, 33)) << at;
    EXPECT_TRUE(blue(55, at)) << at;
  }
  EXPECT_FALSE(blue(55, 33));
  EXPECT_TRUE(orange(34, 5));
  EXPECT_TRUE(orange(30, 9));
  EXPECT_FALSE(orange(30, 5)) << "the star itself is not covered";
}

TEST(Preview, OddPicturesAreDrawn) {
  TempDir dir;
  for (const Plane<float>& plane :
       {Plane<float>(5, 3, kNan), Plane<float>(5, 3, 7.0F), Plane<float>(1, 1, 0.0F),
        Plane<float>(300, 1, 2.0F), Plane<float>(5, 3, -1e30F),
        Plane<float>(5, 3, std::numeric_limits<float>::infinity())}) {
    write_pictures({dir / "p.png"}, {plane}, {64});
    EXPECT_GT(read_png(dir / "p.png").samples.size(), 0u);
  }
  EXPECT_THROW(write_pictures({dir / "p.png"}, {}), ContractError);
  EXPECT_THROW(write_pictures({dir / "p.png"}, {Plane<float>(2, 2), Plane<float>(2, 2)}), ContractError);
  EXPECT_THROW(write_pictures({dir.path() / "no" / "p.png"}, {Plane<float>(2, 2)}), TransientError);
}

}  // namespace
}  // namespace tilecompile

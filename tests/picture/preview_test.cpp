#include "tilecompile/picture/preview.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>

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
  write_preview_png(dir / "p.png", {star_field(61, 47)}, 100);
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
  write_preview_png(dir / "a.png", image, 50);
  write_preview_png(dir / "b.png", image, 50);
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

TEST(Preview, OddPicturesAreDrawn) {
  TempDir dir;
  for (const Plane<float>& plane :
       {Plane<float>(5, 3, kNan), Plane<float>(5, 3, 7.0F), Plane<float>(1, 1, 0.0F),
        Plane<float>(300, 1, 2.0F), Plane<float>(5, 3, -1e30F),
        Plane<float>(5, 3, std::numeric_limits<float>::infinity())}) {
    write_preview_png(dir / "p.png", {plane}, 64);
    EXPECT_GT(read_png(dir / "p.png").samples.size(), 0u);
  }
  EXPECT_THROW(write_preview_png(dir / "p.png", {}, 64), ContractError);
  EXPECT_THROW(write_preview_png(dir / "p.png", {Plane<float>(2, 2), Plane<float>(2, 2)}, 64), ContractError);
  EXPECT_THROW(write_preview_png(dir.path() / "no" / "p.png", {Plane<float>(2, 2)}, 64), TransientError);
}

}  // namespace
}  // namespace tilecompile

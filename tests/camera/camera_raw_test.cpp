#include "tilecompile/camera/camera_raw.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "handmade_dng.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

std::string raw_refusal(const std::filesystem::path& path) {
  try {
    read_camera_raw(path);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

bool built_with_libraw() {
  const TempDir dir;
  return raw_refusal(dir / "none.dng").find("built without LibRaw") == std::string::npos;
}

Plane<std::uint16_t> mosaic() {
  Plane<std::uint16_t> codes(64, 48);
  for (int y = 0; y < 48; ++y)
    for (int x = 0; x < 64; ++x) codes.at(x, y) = static_cast<std::uint16_t>(1000 + 37 * y + 11 * x);
  return codes;
}

TEST(CameraRaw, IsKnownByItsName) {
  for (const char* name : {"a.CR2", "a.cr3", "b/c.NEF", "x.arw", "x.RAF", "x.orf", "x.dng"})
    EXPECT_TRUE(is_camera_raw(name)) << name;
  for (const char* name : {"a.fits", "a.jpg", "dng", "a.dng.fits"}) EXPECT_FALSE(is_camera_raw(name)) << name;
}

TEST(CameraRaw, ADngComesAsTheSensorGaveIt) {
  const TempDir dir;
  HandmadeDng dng;
  dng.codes = mosaic();
  dng.cfa = "GRBG";
  write_dng(dir / "a.dng", dng);
  if (!built_with_libraw()) {
    EXPECT_THAT(raw_refusal(dir / "a.dng"), HasSubstr("libraw-dev"));
    return;
  }
  const CameraRaw raw = read_camera_raw(dir / "a.dng");
  EXPECT_EQ(raw.codes.width(), 64);
  EXPECT_EQ(raw.codes.height(), 48);
  EXPECT_EQ(raw.codes.samples(), dng.codes.samples());
  EXPECT_EQ(raw.cfa, "GRBG");
  EXPECT_EQ(raw.black, 512);
  EXPECT_EQ(raw.white, 16383);
  EXPECT_NEAR(raw.exposure_s, 30, 1e-6);
  EXPECT_EQ(raw.iso, 800);
  EXPECT_EQ(raw.date_obs, "2025-01-10T20:01:02");
  EXPECT_THAT(raw.camera, HasSubstr("Handmade"));
}

TEST(CameraRaw, DamagedFilesAndOthersAreRefused) {
  if (!built_with_libraw()) return;
  const TempDir dir;
  std::ofstream(dir / "a.nef") << "nothing of a camera";
  EXPECT_THAT(raw_refusal(dir / "a.nef"), HasSubstr("LibRaw says: "));
  HandmadeDng dng;
  dng.codes = mosaic();
  write_dng(dir / "b.dng", dng);
  std::filesystem::resize_file(dir / "b.dng", std::filesystem::file_size(dir / "b.dng") / 2);
  EXPECT_NE(raw_refusal(dir / "b.dng"), "");
  dng.cfa = "CMYG";
  write_dng(dir / "c.dng", dng);
  EXPECT_NE(raw_refusal(dir / "c.dng"), "");
}

TEST(CameraRaw, AnActiveAreaIsCutOutAndMustLieOnTheSensor) {
  if (!built_with_libraw()) return;
  const TempDir dir;
  HandmadeDng dng;
  dng.codes = mosaic();
  dng.active_area = {4, 8, 44, 60};
  write_dng(dir / "a.dng", dng);
  const CameraRaw raw = read_camera_raw(dir / "a.dng");
  EXPECT_EQ(raw.codes.width(), 52);
  EXPECT_EQ(raw.codes.height(), 40);
  EXPECT_EQ(raw.codes.at(0, 0), dng.codes.at(8, 4));
  for (const auto& area : std::vector<std::vector<std::uint32_t>>{{40, 0, 87, 64}, {0, 60, 48, 123}}) {
    dng.active_area = area;
    write_dng(dir / "b.dng", dng);
    EXPECT_THAT(raw_refusal(dir / "b.dng"), HasSubstr("reaches beyond its sensor"));
  }
}

}  // namespace
}  // namespace tilecompile

#include <gtest/gtest.h>

#include "handmade_dng.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

Plane<std::uint16_t> mosaic() {
  Plane<std::uint16_t> codes(64, 48);
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes.samples()[i] = static_cast<std::uint16_t>(600 + 13 * i % 9000);
  return codes;
}

TEST(CameraFrame, ARawFileOfACameraReadsLikeAFrame) {
  const TempDir dir;
  HandmadeDng dng;
  dng.codes = mosaic();
  dng.cfa = "BGGR";
  write_dng(dir / "a.dng", dng);
  try {
    FrameReader reader(dir / "a.dng", ZeroIsNodata::kNever);
    const FrameFacts& facts = reader.facts();
    EXPECT_EQ(facts.width, 64);
    EXPECT_EQ(facts.height, 48);
    EXPECT_EQ(facts.channels, 1);
    EXPECT_EQ(facts.bayer_pattern, "BGGR");
    EXPECT_EQ(facts.exposure_s, 30);
    EXPECT_EQ(facts.code_step, 1);
    EXPECT_EQ(facts.largest_code, 16383);  // the level of white, not what 16 bits can hold
    EXPECT_EQ(facts.time.date_obs, "2025-01-10T20:01:02");
    EXPECT_GT(reader.held_bytes(), 2 * dng.codes.size());
    const Image image = reader.read_all();
    for (std::size_t i = 0; i < dng.codes.size(); ++i)
      ASSERT_EQ(image[0].samples()[i], static_cast<float>(dng.codes.samples()[i]));
  } catch (const InputError& e) {
    ASSERT_NE(std::string(e.what()).find("built without LibRaw"), std::string::npos) << e.what();
  }
}

TEST(CameraFrame, ATiffFileReadsLikeAFrame) {
  const TempDir dir;
  const Plane<std::uint16_t> codes = mosaic();
  write_tiff(dir / "a.tiff", codes);
  FrameReader reader(dir / "a.tiff", ZeroIsNodata::kNever);
  const FrameFacts& facts = reader.facts();
  EXPECT_EQ(facts.width, 64);
  EXPECT_EQ(facts.height, 48);
  EXPECT_EQ(facts.channels, 1);
  EXPECT_EQ(facts.bayer_pattern, "");
  EXPECT_EQ(facts.code_step, 1);
  EXPECT_EQ(facts.largest_code, 65535);
  EXPECT_EQ(facts.time.date_obs, "2025-01-10T20:01:02");
  const Image image = reader.read_all();
  for (std::size_t i = 0; i < codes.size(); ++i)
    ASSERT_EQ(image[0].samples()[i], static_cast<float>(codes.samples()[i]));
}

TEST(CameraFrame, NamesOfFramesAreFitsAndCameraRaw) {
  for (const char* name : {"a.fits", "A.FIT", "b.fts.gz", "c.fit.fz", "d.CR3", "e.dng", "f.tif", "g.TIFF"})
    EXPECT_TRUE(names_a_frame(name));
  for (const char* name : {"a.xisf", "a.png", "fits", "a.fits.txt"}) EXPECT_FALSE(names_a_frame(name));
}

}  // namespace
}  // namespace tilecompile

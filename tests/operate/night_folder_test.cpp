#include "operate/night_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class NightFolder : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& imagetyp = "") {
    fs::create_directories((dir_ / path).parent_path());
    ProductHeader header;
    if (!imagetyp.empty()) header.cards.push_back({"IMAGETYP", imagetyp, ""});
    write_image(dir_ / path, {Plane<float>(8, 6, 1.0F)}, header);
  }
  std::string relative(const FoundFrames& found) const {
    return found.folder.lexically_relative(fs::canonical(dir_.path())).string();
  }
  std::string refusal(const std::string& folder) const {
    try {
      find_night(dir_ / folder);
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  }
  TempDir dir_;
};

TEST_F(NightFolder, FoldersAreFoundByTheirHeadersWhateverTheyAreCalled) {
  put("n/a/1.fits", "Light Frame");
  put("n/b/1.fits", "Dark Frame");
  put("n/c/1.fits", "Flat Field");
  put("n/d/1.fits", "Bias Frame");
  put("n/d/2.fits", "Bias Frame");
  put("n/e/1.fits", "FLATDARK");
  const FoundNight night = find_night(dir_ / "n");
  EXPECT_EQ(relative(night.lights), "n/a");
  EXPECT_EQ(relative(*night.darks), "n/b");
  EXPECT_EQ(relative(*night.flats), "n/c");
  EXPECT_EQ(relative(*night.biases), "n/d");
  EXPECT_EQ(night.biases->count, 2U);
  EXPECT_EQ(night.biases->why, "by the headers");
  EXPECT_EQ(relative(*night.flat_darks), "n/e");
}

TEST_F(NightFolder, WithoutWordsInTheHeadersNamesTell) {
  put("n/LIGHT_M31/1.fits");
  put("n/Darks 30s/1.fits");
  put("n/my-flats/1.fits");
  put("n/Offsets/1.fits");
  put("n/flat_darks/1.fits");
  const FoundNight night = find_night(dir_ / "n");
  EXPECT_EQ(relative(night.lights), "n/LIGHT_M31");
  EXPECT_EQ(relative(*night.darks), "n/Darks 30s");
  EXPECT_EQ(relative(*night.flats), "n/my-flats");
  EXPECT_EQ(relative(*night.biases), "n/Offsets");
  EXPECT_EQ(relative(*night.flat_darks), "n/flat_darks");
}

TEST_F(NightFolder, HeadersCountForMoreThanNames) {
  put("n/Dark Nebula LDN 1251/1.fits", "LIGHT");
  put("n/cal/1.fits", "DARK");
  const FoundNight night = find_night(dir_ / "n");
  EXPECT_EQ(relative(night.lights), "n/Dark Nebula LDN 1251");
  EXPECT_EQ(relative(*night.darks), "n/cal");
}

TEST_F(NightFolder, FramesOfAKindInSeveralFoldersTakeTheOneAboveThem) {
  put("n/lights/night1/1.fits");
  put("n/lights/night2/1.fits");
  put("n/cal/darks/30/1.fits");
  put("n/cal/darks/60/1.fits");
  put("n/cal/flats/1.fits");
  const FoundNight night = find_night(dir_ / "n");
  EXPECT_EQ(relative(night.lights), "n/lights");
  EXPECT_EQ(night.lights.count, 2U);
  EXPECT_EQ(relative(*night.darks), "n/cal/darks");
  EXPECT_EQ(relative(*night.flats), "n/cal/flats");
}

TEST_F(NightFolder, FramesThatNothingNamesAreLights) {
  put("n/1.fits");
  put("n/2.fits");
  put("n/darks/1.fits");
  EXPECT_THAT(refusal("n"),
              HasSubstr("the light frames lie in several folders"));  // darks would count as lights
  put("m/M31/1.fits");
  put("m/darks/1.fits");
  EXPECT_EQ(relative(find_night(dir_ / "m").lights), "m/M31");
}

TEST_F(NightFolder, MastersThatRunsShareAreNoFrames) {
  put("n/M31/1.fits");
  put("n/darks/1.fits");
  put("n/out/masters/1.fits");
  fs::create_directories(dir_ / "n/out/masters/of");
  EXPECT_EQ(relative(find_night(dir_ / "n").lights), "n/M31");
}

TEST_F(NightFolder, DarksBesideAFolderOfLightsAreFound) {
  put("n/lights/1.fits");
  put("n/darks/1.fits", "Dark");
  put("n/flats/1.fits");
  put("n/other/1.fits");
  put("n/lights of M33/1.fits");
  fs::create_directories(dir_ / "n/biases");
  const FoundNight night = find_night(dir_ / "n/lights");
  EXPECT_EQ(relative(night.lights), "n/lights");
  EXPECT_EQ(relative(*night.darks), "n/darks");
  EXPECT_EQ(relative(*night.flats), "n/flats");
  EXPECT_FALSE(night.biases);
}

TEST_F(NightFolder, MixturesAndFoldersWithoutLightsAreNamed) {
  put("n/all/1_light.fits", "Light");
  put("n/all/2_dark.fits", "Dark");
  EXPECT_THAT(refusal("n"),
              HasSubstr("all holds frames of several kinds: 1_light.fits is a light, 2_dark.fits a dark"));
  put("m/darks/1.fits", "Dark");
  EXPECT_THAT(refusal("m"), HasSubstr("no lights below"));
  put("k/lights/1.fits");
  put("k/more/lights/1.fits");
  put("k/more/darks/1.fits");
  EXPECT_THAT(refusal("k"), HasSubstr("the light frames lie in several folders below"));
}

}  // namespace
}  // namespace tilecompile

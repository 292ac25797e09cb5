#include "tilecompile/operate/folder_configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "test_data.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

void put(const fs::path& path, std::vector<HeaderCard> cards = {}, std::size_t planes = 1) {
  fs::create_directories(path.parent_path());
  ProductHeader header;
  header.cards = std::move(cards);
  write_image(path, Image(planes, Plane<float>(8, 6, 1.0F)), header);
}

RunConfig config_of(const FolderConfiguration& found) { return load_run_text(found.yaml, "F", {}); }

TEST(FolderConfiguration, RawLightsAreCalibratedWithWhatThereIs) {
  const TempDir dir;
  put(dir / "my night/lights/l.fits", {{"BAYERPAT", std::string("RGGB"), ""}, {"EXPTIME", 120.0, ""}});
  put(dir / "my night/darks/d.fits");
  put(dir / "my night/flat darks/f.fits");
  const FolderConfiguration found = configure_folder(dir / "my night");
  const RunConfig config = config_of(found);
  EXPECT_TRUE(calibrates(config));
  EXPECT_EQ(config.profile, Profile::kRecommended);
  EXPECT_EQ(config.input.dir, fs::canonical(dir / "my night/lights").string());
  EXPECT_TRUE(config.calibration.use_dark);
  EXPECT_EQ(config.calibration.darks_dir, fs::canonical(dir / "my night/darks").string());
  EXPECT_EQ(config.calibration.flat_darks_dir, fs::canonical(dir / "my night/flat darks").string());
  EXPECT_FALSE(config.calibration.use_flat);
  EXPECT_FALSE(config.calibration.use_bias);
  EXPECT_THAT(found.choices, Contains(HasSubstr("darks (1 frame, by the name of the folder)")));
  EXPECT_THAT(found.choices, Contains(HasSubstr("colour filters: RGGB, as BAYERPAT of l.fits says")));
  EXPECT_THAT(found.choices, Contains(HasSubstr("no flats: corners stay dark")));
}

TEST(FolderConfiguration, ManyShortColourExposuresAreOfASmartTelescope) {
  const TempDir dir;
  for (int i = 0; i < 100; ++i)
    put(dir / ("l" + std::to_string(i) + ".fits"),
        {{"BAYERPAT", std::string("GRBG"), ""}, {"EXPTIME", 10.0, ""}});
  const FolderConfiguration found = configure_folder(dir.path());
  EXPECT_EQ(config_of(found).profile, Profile::kSmartTelescope);
  EXPECT_THAT(found.choices, Contains(HasSubstr("no darks, flats or biases: the lights are not calibrated")));
}

TEST(FolderConfiguration, RegisteredFramesAreStackedAsTheyAre) {
  const TempDir dir;
  put(dir / "a/l.fits", {}, 3);
  put(dir / "b/r_pp_light_00001.fit");
  for (const char* folder : {"a", "b"}) {
    const FolderConfiguration found = configure_folder(dir / folder);
    EXPECT_EQ(config_of(found).input.stage, InputStage::kRegistered) << folder;
    EXPECT_THAT(found.choices, Contains(HasSubstr("taken as registered")));
  }
}

}  // namespace
}  // namespace tilecompile

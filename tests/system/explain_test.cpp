#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const char* const kExplainedRun = "0a1b2c3d-0000-4000-8000-000000000041";

/// A small night in colour with trails, and a run over it.
class Explain : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    ASSERT_EQ(run_program("simulate '" + path("night") +
                          "' --frames 14 --width 190 --height 130 --channels 3 --stars 60 --drift 12 "
                          "--trails 0.7 --threads 2")
                  .exit_code,
              0);
    const ProgramOutput run =
        run_program("run '" + path("night/run.yaml") + "' --quiet --run-id " + kExplainedRun + " --output '" +
                    path("out") + "' --set data.frames_min=5");
    ASSERT_THAT(run.exit_code, testing::AnyOf(0, 3)) << run.text;
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  static ProgramOutput explain(const std::string& arguments) {
    return run_program("explain " + std::string(kExplainedRun) + " --output '" + path("out") + "' " +
                       arguments);
  }
  static std::unique_ptr<TempDir> folder_;
};
std::unique_ptr<TempDir> Explain::folder_;

TEST_F(Explain, EveryTileIsTheSumOfWhatItsFramesBring) {
  for (const std::string place : {"90 60", "0 0", "189 129", "100 30", "47 101"}) {
    const ProgramOutput out = explain("--json " + place);
    ASSERT_EQ(out.exit_code, 0) << out.text;
    const json pixel = json::parse(out.text);
    ASSERT_EQ(pixel.at("channels").size(), 3u);
    for (const json& channel : pixel.at("channels")) {
      const json& frames = channel.at("frames");
      ASSERT_EQ(frames.size(), 14u);
      double share = 0;
      for (const json& frame : frames) share += frame.at("share").get<double>();
      EXPECT_NEAR(share, 1, 1e-9) << place;
      for (std::size_t t = 0; t < channel.at("tiles").size(); ++t) {
        double value = channel.at("tiles").at(t).at("star_light");
        for (const json& frame : frames) {
          const json& part = frame.at("in_tiles").at(t);
          if (part.at("share") > 0) value += part.at("share").get<double>() * part.at("value").get<double>();
        }
        const double told = channel.at("tiles").at(t).at("value");
        EXPECT_NEAR(value, told, 1e-5 * std::abs(told)) << place;
        EXPECT_NEAR(told, channel.at("picture").get<double>(), 40)
            << place << ": tiles differ by their level";
      }
    }
  }
}

TEST_F(Explain, TheTableNamesFramesAndOneChannelCanBeAskedFor) {
  const ProgramOutput out = explain("90 60 --channel 1");
  ASSERT_EQ(out.exit_code, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("channel    1:"));
  EXPECT_THAT(out.text, testing::Not(HasSubstr("channel    0:")));
  EXPECT_THAT(out.text, HasSubstr("frame_00007.fits"));
  EXPECT_THAT(out.text, HasSubstr("14 frames, "));
}

TEST_F(Explain, PixelsOutsideAreRefusedAndMissingFramesAreNamed) {
  ProgramOutput out = explain("190 3");
  EXPECT_EQ(out.exit_code, 4);
  EXPECT_THAT(out.text, HasSubstr("columns 0 to 189 and rows 0 to 129"));
  const fs::path frame = path("night/frames/frame_00003.fits"), away = path("away.fits");
  fs::rename(frame, away);
  out = explain("90 60");
  fs::rename(away, frame);
  EXPECT_EQ(out.exit_code, 4);
  EXPECT_THAT(out.text, HasSubstr("1 of 14"));
  EXPECT_THAT(out.text, HasSubstr("frame_00003.fits"));
  EXPECT_THAT(out.text, HasSubstr("--input-dir"));
}

}  // namespace
}  // namespace tilecompile

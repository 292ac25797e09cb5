#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "handmade_dng.hpp"
#include "run_program.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/simulate/simulate_raw.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const char* const kRawRun = "0a1b2c3d-0000-4000-8000-000000000017";

RawNightOptions small_night() {
  RawNightOptions o;
  o.night.frames = 6;
  o.night.width = 260;
  o.night.height = 200;
  o.night.stars = 160;
  o.night.nebula = false;
  o.night.clouds = 0;
  o.night.night_sky.vignetting = 0.3;
  o.night.hot_pixel_fraction = 1e-3;
  o.camera.darks = o.camera.flats = o.camera.biases = 3;
  o.pointing.shift_px = 20;
  return o;
}

/// A small raw night that a case spoils, and a run of its folder.
class RawInput : public testing::Test {
 protected:
  fs::path night() const { return dir_ / "night"; }
  void simulate_night(const RawNightOptions& options = small_night()) { simulate_raw(options, night()); }
  /// Puts frame `from` of a night with other options among the lights, as the frame `to`.
  void intrude(const RawNightOptions& options, const std::string& from, const std::string& to) {
    const fs::path other = dir_ / ("other" + std::to_string(++others_));
    simulate_raw(options, other);
    fs::copy(other / from, night() / to, fs::copy_options::overwrite_existing);
  }
  ProgramEnd run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "run", night().string(), "--run-id", kRawRun, "--threads", "1", "--output", (dir_ / "out").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {0, 0, 300, {}});
  }
  /// Quarantine lets three of six frames go.
  static std::vector<std::string> lenient() { return {"--set", "input.max_bad_share=0.5"}; }
  std::string file(const std::string& name) const { return bytes_of(dir_ / "out" / kRawRun / name); }
  std::string quarantined() const {
    std::string text;
    const auto record = nlohmann::json::parse(file("run.json"));
    for (const auto& frame : record.at("quarantined_frames"))
      text += frame.at("path").get<std::string>() + ": " + frame.at("reason").get<std::string>() + "\n";
    return text;
  }
  TempDir dir_;
  int others_ = 0;
};

bool has_ended_with_a_picture(const ProgramEnd& end) { return end.code == 0 || end.code == 3; }

TEST_F(RawInput, AFolderIsAllThatIsNeeded) {
  simulate_night();
  const ProgramEnd end = run();
  ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
  for (const char* text :
       {"lights: ", "darks: ", "flats: ", "biases: ", "the lights are raw", "profile recommended"})
    EXPECT_THAT(end.err, HasSubstr(text));
  EXPECT_THAT(file("run.yaml"),
              AllOf(HasSubstr("# - darks: "), HasSubstr("use_dark: true"), HasSubstr("stage: \"raw\"")));
  EXPECT_TRUE(fs::exists(dir_ / "out" / kRawRun / "calibration/master_flat.fits"));
  // what it wrote does the same again
  const ProgramEnd again = run_program({"run", (dir_ / "out" / kRawRun / "run.yaml").string(), "--output",
                                        (dir_ / "again").string(), "--threads", "1", "--quiet"},
                                       {0, 0, 300, {}});
  ASSERT_TRUE(has_ended_with_a_picture(again)) << again.err;
  const auto digest = [](const std::string& out) {
    const std::size_t at = out.find("digest", out.find("\nreconstruction"));
    return out.substr(at, out.find('\n', at) - at);
  };
  EXPECT_EQ(digest(again.out), digest(end.out));
}

TEST_F(RawInput, RawFilesOfACameraGiveTheBitsOfTheSameFits) {
  RawNightOptions options = small_night();
  options.camera.cfa = "GRBG";
  simulate_night(options);
  for (const char* folder : {"darks", "flats", "biases", "truth"}) fs::remove_all(night() / folder);
  const ProgramEnd fits = run({"--set", "data.saturation=60000"});
  ASSERT_TRUE(has_ended_with_a_picture(fits)) << fits.err;
  const auto digest = [&] {
    return nlohmann::json::parse(file("run.json"))
        .at("products")
        .at("reconstruction")
        .at("digest")
        .get<std::string>();
  };
  const std::string expected = digest();
  fs::remove_all(dir_ / "out");
  for (const auto& entry : fs::directory_iterator(night() / "lights")) {
    const Plane<float> light = read_image(entry.path()).front();
    HandmadeDng dng;
    dng.codes = Plane<std::uint16_t>(light.width(), light.height());
    std::copy(light.samples().begin(), light.samples().end(), dng.codes.samples().begin());
    dng.cfa = "GRBG";
    dng.exposure_s = 10;
    fs::path name = entry.path();
    write_dng(name.replace_extension(".dng"), dng);
    fs::remove(entry.path());
  }
  const ProgramEnd camera = run({"--set", "data.saturation=60000"});
  if (camera.err.find("built without LibRaw") != std::string::npos) {
    EXPECT_EQ(camera.code, 4);
    return;
  }
  ASSERT_TRUE(has_ended_with_a_picture(camera)) << camera.err;
  EXPECT_EQ(digest(), expected);
}

TEST_F(RawInput, TiffFilesGiveTheBitsOfTheSameFits) {
  simulate_night();
  for (const char* folder : {"darks", "flats", "biases", "truth"}) fs::remove_all(night() / folder);
  const auto digest = [&] {
    return nlohmann::json::parse(file("run.json"))
        .at("products")
        .at("reconstruction")
        .at("digest")
        .get<std::string>();
  };
  const std::vector<std::string> saturated = {"--set", "data.saturation=60000"};
  const ProgramEnd fits = run(saturated);
  ASSERT_TRUE(has_ended_with_a_picture(fits)) << fits.err;
  const std::string expected = digest();
  fs::remove_all(dir_ / "out");
  for (const auto& entry : fs::directory_iterator(night() / "lights")) {
    const Plane<float> light = read_image(entry.path()).front();
    Plane<std::uint16_t> codes(light.width(), light.height());
    std::copy(light.samples().begin(), light.samples().end(), codes.samples().begin());
    fs::path name = entry.path();
    write_tiff(name.replace_extension(".tif"), codes);
    fs::remove(entry.path());
  }
  const ProgramEnd tiff = run(saturated);
  ASSERT_TRUE(has_ended_with_a_picture(tiff)) << tiff.err;
  EXPECT_EQ(digest(), expected);
}

TEST_F(RawInput, AReferenceThatCannotBeOneIsNamed) {
  simulate_night();
  RawNightOptions cloud = small_night();
  cloud.night.stars = 0;
  intrude(cloud, "lights/light_0002.fits", "lights/light_0002.fits");
  const ProgramEnd end = run({"--set", "registration.reference=light_0002.fits"});
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, AllOf(HasSubstr("cannot be the reference: light_0002.fits: it shows no stars"),
                             HasSubstr("name another one, or auto"), Not(HasSubstr("light_0003.fits"))));
  fs::remove_all(dir_ / "out");
  const ProgramEnd good = run({"--set", "registration.reference=light_0003.fits"});
  ASSERT_TRUE(has_ended_with_a_picture(good)) << good.err;
  EXPECT_THAT(quarantined(), AllOf(HasSubstr("light_0002.fits: "), Not(HasSubstr("light_0004.fits"))));
}

TEST_F(RawInput, APlanOfAFolderSaysWhatTheRunDoes) {
  for (const std::string cfa : {"", "RGGB"}) {
    fs::remove_all(night());
    fs::remove_all(dir_ / "out");
    RawNightOptions options = small_night();
    options.camera.cfa = cfa;
    simulate_night(options);
    const ProgramEnd planned =
        run_program({"plan", night().string(), "--json", "--quiet", "--output", (dir_ / "never").string()},
                    {0, 0, 300, {}});
    ASSERT_EQ(planned.code, 0) << planned.err;
    const auto plan = nlohmann::json::parse(planned.out);
    EXPECT_FALSE(fs::exists(dir_ / "never"));
    const ProgramEnd end = run();
    ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
    const auto record = nlohmann::json::parse(file("run.json"));
    EXPECT_EQ(plan.at("frames"), record.at("frames"));
    EXPECT_NEAR(plan.at("seeing_px").get<double>(), record.at("seeing_px").get<double>(), 0.6);
    std::vector<std::string> names;
    double memory = 0;
    for (const auto& phase : plan.at("phases")) {
      names.push_back(phase.at("name"));
      memory = std::max(memory, phase.at("memory_bytes").get<double>());
    }
    EXPECT_EQ(names, (std::vector<std::string>{"scan", "calibration", "register frames", "analyse frames",
                                               "measure seeing", "reconstruct tiles", "write products"}));
    EXPECT_GT(memory, 0.3 * record.at("peak_memory_bytes").get<double>());
    EXPECT_LT(memory, 3 * record.at("peak_memory_bytes").get<double>());
    std::uintmax_t masters = 0;
    for (const fs::path& folder : {dir_ / "out" / kRawRun / "calibration", dir_ / "out/masters"})
      for (const auto& item : fs::recursive_directory_iterator(folder))
        if (item.path().extension() == ".fits") masters += item.file_size();
    EXPECT_NEAR(plan.at("disk").at("masters_bytes").get<double>(), static_cast<double>(masters),
                0.3 * static_cast<double>(masters));
    EXPECT_EQ(plan.at("disk").at("registered_bytes"), 0);
  }
}

TEST_F(RawInput, XisfFilesAreNamed) {
  fs::create_directories(night());
  write_text(night() / "a.xisf", "XISF0100");
  const ProgramEnd end = run();
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("XISF files, which this program does not read; convert them to FITS"));
}

TEST_F(RawInput, NoStarsAtAll) {
  RawNightOptions options = small_night();
  options.night.stars = 0;
  simulate_night(options);
  const ProgramEnd end = run();
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("none of the 6 raw frames shows stars"));
}

TEST_F(RawInput, AFrameUnderCloudIsLeftOut) {
  simulate_night();
  RawNightOptions cloud = small_night();
  cloud.night.stars = 0;
  intrude(cloud, "lights/light_0002.fits", "lights/light_0002.fits");
  const ProgramEnd end = run();
  ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
  EXPECT_THAT(quarantined(), AllOf(HasSubstr("light_0002.fits: "), Not(HasSubstr("light_0003.fits"))));
}

TEST_F(RawInput, AFrameOfAnotherFieldIsLeftOut) {
  simulate_night();
  RawNightOptions other = small_night();
  other.night.seed = 77;
  intrude(other, "lights/light_0005.fits", "lights/light_0005.fits");
  const ProgramEnd end = run();
  ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
  EXPECT_THAT(quarantined(), AllOf(HasSubstr("light_0005.fits: "), Not(HasSubstr("light_0004.fits"))));
}

TEST_F(RawInput, FramesThatAreAllOfOtherFieldsEndTheRun) {
  simulate_night();
  for (int i = 1; i <= 6; ++i) {
    RawNightOptions other = small_night();
    other.night.seed = static_cast<std::uint64_t>(100 + i);
    other.camera.darks = other.camera.flats = other.camera.biases = 0;
    other.night.frames = 1;
    intrude(other, "lights/light_0001.fits", "lights/light_000" + std::to_string(i) + ".fits");
  }
  const ProgramEnd end = run();
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("5 of 6 frames cannot be used"));
}

TEST_F(RawInput, MirroredFramesAreNamed) {
  simulate_night();
  RawNightOptions mirrored = small_night();
  mirrored.pointing.mirrored = true;
  intrude(mirrored, "lights/light_0004.fits", "lights/light_0004.fits");
  const ProgramEnd end = run();
  ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
  EXPECT_THAT(quarantined(), AllOf(HasSubstr("light_0004.fits: "), HasSubstr("mirror")));
}

TEST_F(RawInput, ABiasAmongTheLightsIsLeftOut) {
  simulate_night();
  fs::copy(night() / "biases/bias_0001.fits", night() / "lights/light_0003b.fits");
  const ProgramEnd end = run(lenient());
  ASSERT_TRUE(has_ended_with_a_picture(end)) << end.err;
  EXPECT_THAT(quarantined(),
              HasSubstr("light_0003b.fits: is no light, its header says IMAGETYP 'Bias Frame'"));
}

TEST_F(RawInput, AWrongColourPatternIsNamed) {
  RawNightOptions options = small_night();
  options.camera.cfa = "GRBG";
  simulate_night(options);
  const ProgramEnd end = run({"--set", "data.cfa_pattern=RGGB"});
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, AllOf(HasSubstr("the colour filters of flat_0001.fits are other ones"),
                             HasSubstr("the pattern is GRBG or GBRG")));
}

TEST_F(RawInput, DarksOfAnotherExposureEndTheRun) {
  RawNightOptions options = small_night();
  options.camera.dark_exposure_s = 5;
  simulate_night(options);
  const ProgramEnd end = run();
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err,
              HasSubstr("no dark fits the light light_0001.fits of 10 s: the darks have 5 s (3 frames)"));
}

TEST_F(RawInput, AFolderWithoutLightsIsNamed) {
  simulate_night();
  fs::remove_all(night() / "lights");
  fs::remove_all(night() / "truth");
  const ProgramEnd end = run();
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("no lights below"));
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/passes/calibration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/passes/master_making.hpp"
#include "tilecompile/simulate/simulate_raw.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// A raw night of few small frames, and what calibrates it.
struct RawFolder {
  explicit RawFolder(const std::function<void(RawNightOptions&)>& change = [](RawNightOptions&) {}) {
    options.night.frames = 2;
    options.night.width = 140;
    options.night.height = 96;
    options.night.stars = 0;
    options.night.nebula = false;
    options.night.clouds = 0;
    options.night.cosmic_rays = options.night.trail_probability = 0;
    options.night.hot_pixel_fraction = 1e-3;
    options.night.night_sky.vignetting = 0.4;
    options.night.exposure_s = 30;
    options.night.sky_adu = 2000;
    options.night.threads = 1;
    options.camera.darks = options.camera.biases = options.camera.flats = 3;
    options.camera.cfa = "GRBG";
    change(options);
    simulate_raw(options, dir / "night");
    fs::create_directory(dir / "store");
    store = open_file_store(dir / "store");
    config.input.stage = InputStage::kRaw;
    config.registration.engine = RegistrationConfig::Engine::kInternal;
    CalibrationConfig& c = config.calibration;
    c.use_dark = c.use_flat = c.use_bias = true;
    c.darks_dir = path("darks");
    c.flats_dir = path("flats");
    c.bias_dir = path("biases");
    lights = scanned("lights");
  }
  std::string path(const std::string& folder) const { return (dir / "night" / folder).string(); }
  Manifest scanned(const std::string& folder) const {
    const FrameOrigin origin{fs::path(path(folder))};
    return scan_frames(origin, list_frames(origin, "").paths, 1, {data, true},
                       std::make_shared<VerifiedFiles>())
        .manifest;
  }
  CalibrationPlan plan(int threads = 1, const std::string& run = "run") {
    const FrameSource source({fs::path(path("lights"))}, std::make_shared<Manifest>(lights),
                             ZeroIsNodata::kNever, std::make_shared<VerifiedFiles>());
    const CalibrationPlan made =
        make_calibration({config, source, *store, dir / run, std::make_shared<VerifiedFiles>(), threads});
    remember_masters(*store, made.made);
    return made;
  }
  std::string refusal() {
    try {
      plan();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  }

  TempDir dir;
  RawNightOptions options;
  DataParams data;
  RunConfig config;
  Manifest lights;
  std::unique_ptr<ObjectStore> store;
};

/// Writes the frames of a folder anew with other cards, or other samples.
void rewrite(
    const fs::path& folder, const std::vector<HeaderCard>& cards,
    const std::function<std::uint16_t(std::uint16_t)>& change = [](std::uint16_t s) { return s; }) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const Plane<float> old = read_image(entry.path()).front();
    std::vector<Plane<std::uint16_t>> codes(1, Plane<std::uint16_t>(old.width(), old.height()));
    for (std::size_t i = 0; i < old.size(); ++i)
      codes[0].samples()[i] = change(static_cast<std::uint16_t>(old.samples()[i]));
    ProductHeader header;
    header.kept_records = product_header_records(entry.path());
    header.cards = cards;
    write_image(entry.path(), codes, header);
  }
}

double mean_of(const Plane<float>& plane, const std::function<bool(int, int)>& take) {
  double sum = 0, count = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (take(x, y) && plane.at(x, y) == plane.at(x, y)) {
        sum += plane.at(x, y);
        ++count;
      }
  return sum / count;
}

TEST(MakeCalibration, TakesVignettingDarkCurrentAndHotPixelsAway) {
  RawFolder night;
  const CalibrationPlan plan = night.plan();
  ASSERT_EQ(plan.groups.size(), 1U);
  EXPECT_EQ(plan.cfa, "GRBG");
  EXPECT_EQ(plan.group_of_frame, (std::vector<int>{0, 0}));
  const auto masters = load_masters(*night.store, plan.groups[0]);
  Plane<float> light = read_image(night.path("lights/light_0001.fits")).front();
  calibrate(*masters, {0, 0, light.width(), light.height()}, light.data());
  const double centre = mean_of(light, [](int x, int y) { return std::hypot(x - 70, y - 48) < 15; });
  const double corner = mean_of(light, [](int x, int y) { return std::hypot(x, y) < 20; });
  // the flat is 1 on average, not in the centre; noise and the sky's slope leave 2 %
  EXPECT_NEAR(corner / centre, 1, 0.06);
  const double left = mean_of(light, [](int x, int) { return x < 30; });
  EXPECT_NEAR(left / centre, 1, 0.06);
  const auto invalid =
      std::count_if(light.samples().begin(), light.samples().end(), [](float s) { return s != s; });
  EXPECT_GE(invalid, 10);  // of 13 hot pixels
  EXPECT_LE(invalid, 20);
}

TEST(MakeCalibration, GivesTheSameObjectsForAnyThreadsAndMakesMastersOnce) {
  RawFolder night, other;
  const CalibrationPlan one = night.plan(1), two = other.plan(2), again = night.plan(2, "second");
  EXPECT_EQ(one.groups, two.groups);
  EXPECT_EQ(one.groups, again.groups);
  EXPECT_THAT(one.notes, testing::Not(testing::Contains(HasSubstr("known from an earlier run"))));
  EXPECT_THAT(again.notes, testing::Contains(AllOf(HasSubstr("master dark of 3 frames"),
                                                   HasSubstr("known from an earlier run"))));
  for (const char* name : {"master_bias.fits", "master_dark_30s.fits", "master_flat.fits"})
    EXPECT_TRUE(fs::exists(night.dir / "second/calibration" / name)) << name;
}

TEST(MakeCalibration, MastersOfARunServeTheNext) {
  RawFolder night;
  const CalibrationPlan made = night.plan();
  CalibrationConfig& c = night.config.calibration;
  c.dark_use_master = c.flat_use_master = c.bias_use_master = true;
  c.dark_master = (night.dir / "run/calibration/master_dark_30s.fits").string();
  c.flat_master = (night.dir / "run/calibration/master_flat.fits").string();
  c.bias_master = (night.dir / "run/calibration/master_bias.fits").string();
  const CalibrationPlan given = night.plan(1, "second");
  EXPECT_EQ(given.groups[0].dark, made.groups[0].dark);
  const auto a = load_masters(*night.store, made.groups[0]), b = load_masters(*night.store, given.groups[0]);
  for (std::size_t i = 0; i < a->flat.size(); ++i)
    EXPECT_NEAR(a->flat.samples()[i], b->flat.samples()[i], 1e-5);
}

TEST(MakeCalibration, LightsTakeTheDarksOfTheirExposure) {
  RawFolder night([](RawNightOptions& o) { o.camera.dark_e_per_s = 20; });
  RawFolder shorter([](RawNightOptions& o) {
    o.camera.dark_e_per_s = 20;
    o.camera.dark_exposure_s = 10;
  });
  for (const auto& entry : fs::directory_iterator(shorter.path("darks")))
    fs::copy(entry.path(), night.path("darks") + "/short_" + entry.path().filename().string());
  const CalibrationPlan plan = night.plan();
  ASSERT_EQ(plan.groups.size(), 1U);
  const Plane<float> dark = load_masters(*night.store, plan.groups[0])->dark;
  EXPECT_NEAR(mean_of(dark, [](int x, int y) { return x < 60 && y < 60; }), 500 + 600 * 1.046, 12);
  EXPECT_TRUE(fs::exists(night.dir / "run/calibration/master_dark_30s.fits"));
  EXPECT_FALSE(fs::exists(night.dir / "run/calibration/master_dark_10s.fits"));
  night.config.calibration.dark_auto_select = false;
  EXPECT_NE(night.plan().groups[0].dark, plan.groups[0].dark);
}

TEST(MakeCalibration, DarksOfAnotherExposureAreNamedOrScaled) {
  RawFolder night([](RawNightOptions& o) {
    o.camera.dark_e_per_s = 20;
    o.camera.dark_exposure_s = 10;
  });
  EXPECT_THAT(night.refusal(), AllOf(HasSubstr("no dark fits the light light_0001.fits of 30 s"),
                                     HasSubstr("the darks have 10 s (3 frames)")));
  night.config.calibration.dark_scaling = true;
  const CalibrationPlan plan = night.plan();
  const Plane<float> dark = load_masters(*night.store, plan.groups[0])->dark;
  EXPECT_NEAR(mean_of(dark, [](int x, int y) { return x < 60 && y < 60; }), 500 + 600 * 1.046, 20);
  EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("scaled by 3")));
}

TEST(MakeCalibration, WhatDoesNotFitIsNamedWithItsCards) {
  RawFolder night;
  rewrite(night.path("darks"), {{"XBINNING", std::int64_t{2}, ""}});
  EXPECT_THAT(night.refusal(),
              AllOf(HasSubstr("darks of "), HasSubstr("(calibration.darks_dir) do not fit"),
                    HasSubstr("dark_0003.fits: state XBINNING 2, the light light_0001.fits 1")));
  RawFolder gain;
  rewrite(gain.path("biases"), {{"GAIN", std::int64_t{120}, ""}});
  EXPECT_THAT(gain.refusal(), HasSubstr("state GAIN 120, the light light_0001.fits 100"));
  RawFolder pattern;
  rewrite(pattern.path("flats"), {{"BAYERPAT", std::string("RGGB"), ""}});
  EXPECT_THAT(pattern.refusal(), HasSubstr("have colour filters RGGB as rows are stored"));
  RawFolder filter;
  rewrite(filter.path("flats"), {{"FILTER", std::string("Ha"), ""}});
  rewrite(filter.path("lights"), {{"FILTER", std::string("L"), ""}});
  filter.lights = filter.scanned("lights");
  EXPECT_THAT(filter.refusal(), HasSubstr("state FILTER Ha, the light light_0001.fits L"));
  RawFolder size;
  RawFolder large([](RawNightOptions& o) { o.night.width = 160; });
  size.config.calibration.darks_dir = large.path("darks");
  EXPECT_THAT(size.refusal(), HasSubstr("have 160 x 96 pixels, the light light_0001.fits 140 x 96 pixels"));
}

TEST(MakeCalibration, FramesOfAnotherKindAreRefused) {
  RawFolder night;
  fs::copy(night.path("flats/flat_0002.fits"), night.path("darks/a.fits"));
  EXPECT_THAT(night.refusal(), HasSubstr("a.fits: are no such frames, the header says flat"));
  RawFolder lights;
  fs::copy(lights.path("lights/light_0001.fits"), lights.path("flats/b.fits"));
  EXPECT_THAT(lights.refusal(), HasSubstr("b.fits: are no such frames, the header says light"));
}

TEST(MakeCalibration, OverexposedAndDarkFlatsAreRefused) {
  RawFolder night([](RawNightOptions& o) { o.camera.flat_adu = 90000; });
  EXPECT_THAT(night.refusal(), AllOf(HasSubstr("are overexposed"), HasSubstr("flat_0003.fits")));
  RawFolder below;  // a camera of 14 bits
  rewrite(below.path("flats"), {}, [](std::uint16_t s) { return std::min<std::uint16_t>(s, 16383); });
  EXPECT_THAT(below.refusal(), HasSubstr("are overexposed"));
  RawFolder dark;
  rewrite(dark.path("flats"), {}, [](std::uint16_t s) { return static_cast<std::uint16_t>(s % 200); });
  EXPECT_THAT(dark.refusal(), HasSubstr("show no light above what is subtracted from them"));
}

TEST(MakeCalibration, PixelsWithoutASampleHideNoOverexposure) {
  RawFolder night;
  std::size_t pixel = 0;  // the first one of every frame has no sample: BLANK, 65535 as it is stored
  rewrite(night.path("flats"), {{"BLANK", std::int64_t{32767}, ""}}, [&pixel](std::uint16_t s) {
    return pixel++ % (140 * 96) == 0 ? std::uint16_t{65535} : std::min<std::uint16_t>(s, 16383);
  });
  EXPECT_THAT(night.refusal(), HasSubstr("are overexposed"));
}

TEST(MakeCalibration, FlatsWithoutBiasTakeDarksWithAWarning) {
  RawFolder night;
  night.config.calibration.use_bias = false;
  EXPECT_THAT(night.plan().warnings,
              testing::Contains(HasSubstr("the shortest darks (30 s) are subtracted from them instead")));
  night.config.calibration.use_dark = false;
  EXPECT_THAT(night.plan().warnings, testing::Contains(HasSubstr("nothing is subtracted from the flats")));
  night.config.calibration.use_flat = false;
  const CalibrationPlan none = night.plan();
  ASSERT_EQ(none.groups.size(), 1U);
  EXPECT_EQ(none.groups[0], CalibrationObjects{});
  EXPECT_TRUE(load_masters(*night.store, none.groups[0])->dark.empty());
}

TEST(MakeCalibration, APatternThatTheFlatsContradictIsNamed) {
  RawFolder night;
  night.config.registration.cfa_pattern = "RGGB";
  EXPECT_THAT(night.refusal(), AllOf(HasSubstr("the colour filters of flat_0001.fits are other ones"),
                                     HasSubstr("the pattern is GRBG or GBRG")));
}

TEST(MakeCalibration, FoldersThatAreNotThereAreNamed) {
  RawFolder night;
  night.config.calibration.flats_dir = night.path("flat");
  EXPECT_THAT(night.refusal(), AllOf(HasSubstr("calibration.flats_dir"), HasSubstr("is not a folder")));
  night.config.calibration.flats_dir = night.path("flats");
  night.config.calibration.pattern = "*.xyz";
  EXPECT_THAT(night.refusal(), HasSubstr("calibration.pattern '*.xyz'"));
}

TEST(MakeCalibration, DamagedMastersAreRefusedAndMadeAgain) {
  RawFolder night;
  const CalibrationPlan plan = night.plan();
  std::string bytes = night.store->get(plan.groups[0].flat.key);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  night.store->put(plan.groups[0].flat.key, bytes);
  EXPECT_THROW(load_masters(*night.store, plan.groups[0]), InputError);
  EXPECT_EQ(night.plan().groups, plan.groups);
  EXPECT_NO_THROW(load_masters(*night.store, plan.groups[0]));
}

/// Somebody else, who says of every flat that it is overexposed.
struct Slanderer : LocalPasses {
  using LocalPasses::LocalPasses;
  bool by_others() const override { return true; }
  std::vector<FlatLook> look_at_flats(const MasterMaking& making) override {
    std::vector<FlatLook> looks = LocalPasses::look_at_flats(making);
    for (FlatLook& look : looks) look.fault = FlatFault::kOverexposed;
    return looks;
  }
};

TEST(MakeCalibration, OthersAreToldWhereFramesLieAndEndNoRunByTheirWord) {
  RawFolder night, other;
  night.config.input.dir = night.path("lights");
  const FrameSource lights({fs::path(night.path("lights"))}, std::make_shared<Manifest>(night.lights),
                           ZeroIsNodata::kNever, std::make_shared<VerifiedFiles>());
  std::vector<std::string> places;
  const auto passes_over = [&](const FrameSource& frames, const std::string& place) {
    places.push_back(place);
    return std::make_unique<Slanderer>(frames, night.config.method, 1, nobody());
  };
  const CalibrationPlan plan =
      make_calibration({night.config, lights, *night.store, night.dir / "run",
                        std::make_shared<VerifiedFiles>(), 1, nobody(), passes_over});
  EXPECT_EQ(places, (std::vector<std::string>{"../biases", "../flats", "../flats", "../darks"}));
  EXPECT_EQ(plan.groups, other.plan().groups);
  ASSERT_EQ(plan.made.size(), 3U);
  for (const MadeMaster& made : plan.made) {
    EXPECT_TRUE(made.by_others);
    EXPECT_FALSE(night.store->exists("masters/of/" + sha256_hex(made.input)));
  }
  remember_masters(*night.store, plan.made);
  const CalibrationPlan later = night.plan(1, "later");
  EXPECT_TRUE(later.made.empty()) << "they are known";
  EXPECT_EQ(later.groups, plan.groups);
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/passes/raw_sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "night/raw_test_night.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

RunConfig raw_config() {
  RunConfig config;
  config.input.stage = InputStage::kRaw;
  config.registration.engine = RegistrationConfig::Engine::kInternal;
  return config;
}

TEST(RawSample, FramesAreReadAsInARun) {
  const RawTestNight night;
  RunConfig config = raw_config();
  const RawSample mono = register_sample(config, night.folder(), *night.manifest, night.verified, 4, 2);
  EXPECT_EQ(mono.manifest->frames.size(), 4u);
  EXPECT_TRUE(mono.not_registered.empty());
  EXPECT_EQ(mono.manifest->width(), RawTestNight::kWidth);
  EXPECT_EQ(mono.manifest->channels(), 1);
  EXPECT_EQ(mono.manifest->registration, sha256_hex(mono.registration_json));
  const FrameSource source(night.folder(), mono.manifest, ZeroIsNodata::kAuto, night.verified, mono.night);
  EXPECT_EQ(source.band_samples().planes, 1);
  EXPECT_EQ(source.open(3).read_all().size(), 1u);
  // Frame 0 lies where the truth says in all of them.
  const auto& frames = mono.night->registration.frames;
  const Point at{100, 90};
  const auto reference = unmap(frames[0].transform, at);
  ASSERT_TRUE(reference);
  for (int f = 1; f < 4; ++f) {
    const Point is = map(frames[static_cast<std::size_t>(f)].transform, *reference),
                should = map(RawTestNight::truth(f), at);
    EXPECT_NEAR(is.x, should.x, 0.08) << f;
    EXPECT_NEAR(is.y, should.y, 0.08) << f;
  }
  config.registration.output_scale = 2;
  config.registration.debayer = "drizzle";
  const RawSample fine = register_sample(config, night.folder(), *night.manifest, night.verified, 4, 1);
  EXPECT_EQ(fine.manifest->width(), 2 * RawTestNight::kWidth);
  EXPECT_EQ(FrameSource(night.folder(), fine.manifest, ZeroIsNodata::kAuto, night.verified, fine.night)
                .band_samples()
                .planes,
            2);
}

TEST(RawSample, TellsWhetherAllFramesWillBeDrizzled) {
  const RawTestNight night;
  RunConfig config = raw_config();
  config.method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
  config.registration.cfa_pattern = "RGGB";
  const auto sample_of = [&](int frames) {
    return register_sample(config, night.folder(), *night.manifest, night.verified, frames, 2);
  };
  const RawSample few = sample_of(4), many = sample_of(400);
  EXPECT_FALSE(few.drizzle.drizzle) << few.drizzle.why;
  EXPECT_EQ(few.night->registration.drop_px, 0);
  EXPECT_TRUE(many.drizzle.drizzle) << many.drizzle.why;
  EXPECT_EQ(many.night->registration.drop_px, config.registration.drop_fraction);
  EXPECT_THAT(many.drizzle.why, HasSubstr("400 frames"));
  config.registration.debayer = "interpolate";
  EXPECT_FALSE(sample_of(400).drizzle.drizzle);
}

TEST(RawSample, FramesThatCannotBeRegisteredAreNamed) {
  RawTestNight night(3);
  const auto blank = [&](int f) {
    const std::string name = RawTestNight::name(f);
    write_image(night.folder() / name,
                std::vector<Plane<std::uint16_t>>{{RawTestNight::kWidth, RawTestNight::kHeight, 400}}, {});
    ManifestEntry& entry = night.manifest->frames[static_cast<std::size_t>(f)];
    entry.sha256 = sha256_file(night.folder() / name);
    entry.size_bytes = std::filesystem::file_size(night.folder() / name);
  };
  blank(1);
  const RawSample two = register_sample(raw_config(), night.folder(), *night.manifest, night.verified, 4, 1);
  EXPECT_EQ(two.manifest->frames.size(), 2u);
  ASSERT_EQ(two.not_registered.size(), 1u);
  EXPECT_EQ(two.not_registered.front().path, "raw1.fits");
  blank(2);
  try {
    register_sample(raw_config(), night.folder(), *night.manifest, night.verified, 4, 1);
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("of a sample of 3 raw frames fewer than two can be registered"));
    EXPECT_THAT(e.what(), HasSubstr("raw2.fits"));
  }
}

TEST(RawSample, CostsAreThoseOfMastersAndKeptFrames) {
  const RawTestNight night;
  RunConfig config = raw_config();
  const std::uint64_t plane = RawTestNight::kWidth * RawTestNight::kHeight * sizeof(float);
  config.parallel.memory_limit_mb = 1;  // a quarter of it is less than one frame
  RawCosts costs = raw_costs(config, *night.manifest, plane);
  EXPECT_EQ(costs.kept_bytes, std::uint64_t{1} << 18);
  EXPECT_NEAR(costs.unkept, 1 - 262144.0 / (4.0 * static_cast<double>(plane)), 1e-9);
  EXPECT_EQ(costs.masters_bytes, 0u);
  const TempDir darks;
  std::ofstream(darks / "dark_1.fits") << std::string(5760, 'x');
  std::ofstream(darks / "notes.txt") << "no frame";
  config.calibration.use_dark = true;
  config.calibration.darks_dir = darks.path().string();
  config.parallel.memory_limit_mb = 1000;
  costs = raw_costs(config, *night.manifest, plane);
  EXPECT_EQ(costs.kept_bytes, 4 * plane);
  EXPECT_EQ(costs.unkept, 0);
  EXPECT_EQ(costs.masters_bytes, plane);
  EXPECT_EQ(costs.masters_disk_bytes, 3 * plane);
  EXPECT_EQ(costs.calibration_bytes, 5760u);
  config.input.stage = InputStage::kRegistered;
  EXPECT_EQ(raw_costs(config, *night.manifest, plane).masters_bytes, 0u);
}

}  // namespace
}  // namespace tilecompile

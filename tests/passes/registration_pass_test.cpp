#include "tilecompile/passes/registration_pass.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "night/raw_test_night.hpp"

namespace tilecompile {
namespace {

NightFits registered(const FrameSource& source, int threads, int reference = -1) {
  return register_night(find_night_stars(source, {"", 1e9}, threads), reference, {}, threads);
}

TEST(RegistrationPass, FindsTheTransformsOfANight) {
  const RawTestNight night;
  const FrameSource source = night.stored();
  const NightFits fits = registered(source, 1, 0);
  EXPECT_EQ(fits.reference, 0);
  for (int f = 1; f < 4; ++f) {
    const FrameFit& fit = fits.fits[static_cast<std::size_t>(f)];
    ASSERT_TRUE(fit.transform) << fit.problem;
    for (const Point at : {Point{40, 40}, Point{280, 50}, Point{160, 200}}) {
      const Point is = map(*fit.transform, at), should = map(RawTestNight::truth(f), at);
      EXPECT_NEAR(is.x, should.x, 0.05) << f;
      EXPECT_NEAR(is.y, should.y, 0.05) << f;
    }
  }
}

TEST(RegistrationPass, ThreadsChangeNothing) {
  const RawTestNight night;
  const FrameSource source = night.stored();
  std::vector<std::string> paths;
  for (const ManifestEntry& f : night.manifest->frames) paths.push_back(f.path);
  const NightFits one = registered(source, 1), three = registered(source, 3);
  EXPECT_EQ(registration_csv(one, paths), registration_csv(three, paths));
  for (std::size_t f = 0; f < paths.size(); ++f) EXPECT_EQ(one.fits[f].transform, three.fits[f].transform);
}

TEST(RegistrationPass, AFrameWithoutStarsIsNamedAndNeverTheReference) {
  RawTestNight night;
  write_image(night.folder() / "raw2.fits",
              std::vector<Plane<std::uint16_t>>{{RawTestNight::kWidth, RawTestNight::kHeight, 400}}, {});
  night.manifest->frames[2].sha256 = sha256_file(night.folder() / "raw2.fits");
  night.manifest->frames[2].size_bytes = std::filesystem::file_size(night.folder() / "raw2.fits");
  const FrameSource source = night.stored();
  const NightFits fits = registered(source, 2);
  EXPECT_NE(fits.reference, 2);
  EXPECT_FALSE(fits.fits[2].transform);
  EXPECT_THAT(fits.fits[2].problem, testing::HasSubstr("shows 0 stars"));
  EXPECT_TRUE(fits.fits[1].transform);
  EXPECT_TRUE(fits.fits[3].transform);
}

TEST(RegistrationPass, TheTableHasARowAFrame) {
  const RawTestNight night;
  const FrameSource source = night.stored();
  const std::string csv = registration_csv(registered(source, 1, 0), {"a", "b,c", "d", "e"});
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_THAT(csv, testing::HasSubstr("1,\"b,c\",1,"));
  EXPECT_THAT(csv, testing::HasSubstr(",shift,0.00000,1.0000000,0.000,0.000,,\n"));
}

}  // namespace
}  // namespace tilecompile

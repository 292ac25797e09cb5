#include "tilecompile/align/registration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "align/test_sky.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using ::testing::HasSubstr;

class Registering : public testing::Test {
 protected:
  FrameStars stars(const Pointing& how, std::uint64_t seed) const {
    FrameStars s;
    s.chosen = choose_stars(observe(field_, how, sky_, seed), field_.width, field_.height);
    s.found = static_cast<int>(s.chosen.size());
    s.fwhm_px = 3;
    s.width = field_.width;
    s.height = field_.height;
    return s;
  }
  SkyField field_;
  std::vector<SkyStar> sky_ = make_sky(field_, 3);
};

TEST_F(Registering, AFrameOfTheFieldIsFitted) {
  const FrameFit fit = fit_frame(stars({}, 1).chosen, stars({40, 10, 5}, 2), {});
  ASSERT_TRUE(fit.transform) << fit.problem;
  EXPECT_GE(fit.matched, 100);
  EXPECT_LT(fit.rms_px, 0.3);
  EXPECT_EQ(fit.problem, "");
}

TEST_F(Registering, ProblemsAreNamedWithFigures) {
  const auto reference = stars({}, 1).chosen;
  EXPECT_THAT(fit_frame(reference, stars({0, 0, 0, 1, 0, 0, true}, 2), {}).problem,
              HasSubstr("mirror image"));
  const FrameFit few = fit_frame(reference, stars({20, 5, 0}, 3), {{}, 500});
  EXPECT_THAT(few.problem, HasSubstr("fewer than registration.min_star_matches = 500"));
  EXPECT_FALSE(few.transform);
  const FrameFit none = fit_frame(reference, {}, {});
  EXPECT_THAT(none.problem, HasSubstr("shows 0 stars, fewer than registration.min_star_matches = 10: cloud"));
  EXPECT_FALSE(none.transform);
  const FrameFit stiff = fit_frame(reference, stars({7, 0, 0, 1.03}, 4), {TransformModel::kShift, 10});
  EXPECT_THAT(stiff.problem, HasSubstr("px rms beside their places"));
  EXPECT_FALSE(stiff.transform);
}

TEST_F(Registering, AFrameIsChainedThroughANeighbour) {
  const Pointing beside{0, 900, 0}, far{0, 1650, 0};
  const FrameStars reference = stars({}, 1), neighbour = stars(beside, 2), frame = stars(far, 3);
  EXPECT_FALSE(fit_frame(reference.chosen, frame, {}).transform);
  const FrameFit known = fit_frame(reference.chosen, neighbour, {});
  ASSERT_TRUE(known.transform) << known.problem;
  const FrameFit fit = fit_through(neighbour, *known.transform, frame, {});
  ASSERT_TRUE(fit.transform) << fit.problem;
  const Point sky{-800, 100}, at = seen(field_, {}, sky), to = seen(field_, far, sky),
                              put = map(*fit.transform, at);
  EXPECT_NEAR(put.x, to.x, 0.3);
  EXPECT_NEAR(put.y, to.y, 0.3);
}

TEST_F(Registering, TheReferenceHasManySharpStars) {
  std::vector<FrameStars> frames(5, stars({}, 1));
  frames[1].found = frames[3].found = 900;
  frames[3].fwhm_px = 2.5;
  frames[4].found = 0;
  EXPECT_EQ(reference_candidates(frames), (std::vector<int>{3, 1, 0, 2}));
  const std::vector<FrameStars> many(100, frames[0]);
  EXPECT_EQ(reference_candidates(many).size(), 32u);
  EXPECT_TRUE(reference_candidates({}).empty());
}

Registration sample() {
  Registration r;
  r.reference = "night/a.fits";
  r.grid = {1000, 700, -12, 3, 1 / 1.5};
  r.cfa_pattern = "GRBG";
  r.calibrations = {{{"masters/d", std::string(64, '1')}, {"masters/f", std::string(64, '2')}}};
  Transform t;
  t.model = TransformModel::kCubic;
  t.centre_x = 1.0 / 3;
  t.scale = 977.1;
  t.u = {1.1, 2.2, 1e-17, 0.1, 0.2, 0.3, 1e-300, 5, 6, 7};
  t.v = {-1, 0.1 + 0.2, 3};
  t.g = 1e-5;
  r.frames = {{"night/a.fits", 990, 710, shift_transform(0, 0), -1}, {"night/b.fits", 990, 710, t, 0}};
  return r;
}

TEST(RegistrationJson, RoundTripKeepsBits) {
  const Registration r = sample(), back = decode_registration(encode_registration(r));
  EXPECT_EQ(encode_registration(back), encode_registration(r));
  EXPECT_EQ(back.grid, r.grid);
  EXPECT_EQ(back.calibrations, r.calibrations);
  ASSERT_EQ(back.frames.size(), 2u);
  EXPECT_EQ(back.frames[1].transform, r.frames[1].transform);
  EXPECT_EQ(back.frames[1].calibration, 0);
  EXPECT_EQ(back.channels(), 3);
}

TEST(RegistrationJson, OnlyDrizzledNightsNameTheirDrop) {
  Registration r = sample();
  EXPECT_EQ(encode_registration(r).find("drop_px"), std::string::npos);
  EXPECT_FALSE(decode_registration(encode_registration(r)).drizzles());
  r.drop_px = 0.7;
  const std::string bytes = encode_registration(r);
  EXPECT_EQ(decode_registration(bytes).drop_px, 0.7);
  for (const char* wrong : {"0.0", "1.5", "-1.0", "null"}) {
    std::string other = bytes;
    other.replace(other.find("0.7"), 3, wrong);
    EXPECT_THROW(decode_registration(other), InputError) << wrong;
  }
}

TEST(RegistrationJson, DamageIsRefused) {
  const std::string bytes = encode_registration(sample());
  for (std::size_t n = 0; n + 2 < bytes.size(); ++n)
    EXPECT_THROW(decode_registration(std::string_view(bytes).substr(0, n)), InputError) << n;
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = bytes;
    const auto at = other.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return other.replace(at, from.size(), to);
  };
  for (const auto& [from, to] :
       {std::pair{"\"cubic\"", "\"quintic\""}, std::pair{"\"GRBG\"", "\"CMYG\""},
        std::pair{"\"width\": 1000", "\"width\": 0"}, std::pair{"\"scale\": 977.1", "\"scale\": 0"},
        std::pair{"\"calibration\": 0", "\"calibration\": 1"}, std::pair{"\"schema\": 1", "\"schema\": 2"},
        std::pair{"\"step\": 0.6", "\"step\": 60.6"}})
    EXPECT_THROW(decode_registration(changed(from, to)), InputError) << from;
}

}  // namespace
}  // namespace tilecompile

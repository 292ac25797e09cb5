#include "tilecompile/frame/flux_scale.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

#include "tilecompile/frame/aperture.hpp"

namespace tilecompile {
namespace {

std::vector<ReferenceStar> places() {
  std::vector<ReferenceStar> stars;
  for (int j = 0; j < 3; ++j)
    for (int i = 0; i < 4; ++i) stars.push_back({40.3 + 60 * i, 40.6 + 60 * j});
  return stars;
}

// Stars of flux 10000 a star's number + 1, Moffat profile of exponent 3.
Plane<float> frame(double transparency, double fwhm, double sky) {
  Plane<float> p(260, 200, static_cast<float>(sky));
  const double core = fwhm / (2 * std::sqrt(std::pow(2, 1.0 / 3) - 1));
  const auto stars = places();
  for (std::size_t s = 0; s < stars.size(); ++s)
    for (int y = 0; y < 200; ++y)
      for (int x = 0; x < 260; ++x) {
        const double r2 = (x - stars[s].x) * (x - stars[s].x) + (y - stars[s].y) * (y - stars[s].y);
        const double flux = 10000.0 * static_cast<double>(s + 1) * transparency;
        p.at(x, y) +=
            static_cast<float>(flux * 2 / (M_PI * core * core) * std::pow(1 + r2 / (core * core), -3));
      }
  return p;
}

TEST(FluxScale, IsTheTransparencyWhateverTheSeeing) {
  const auto reference = star_fluxes(frame(1, 3, 100).view(), places(), 3);
  for (const double fwhm : {2.4, 3.0, 4.2}) {
    const auto phi = flux_scale(star_fluxes(frame(0.7, fwhm, 180).view(), places(), fwhm), reference);
    ASSERT_TRUE(phi.has_value());
    EXPECT_NEAR(*phi, 0.7, 0.7 * 0.005) << fwhm;
  }
}

TEST(FluxScale, ToleratesMissingStarsAndRefusesTooFew) {
  auto reference = star_fluxes(frame(1, 3, 100).view(), places(), 3);
  Plane<float> image = frame(0.5, 3, 100);
  for (int y = 0; y < 130; ++y)
    for (int x = 0; x < 260; ++x) image.at(x, y) = std::nanf("");
  const auto fluxes = star_fluxes(image.view(), places(), 3);
  EXPECT_TRUE(std::isnan(fluxes[0]));
  EXPECT_FALSE(flux_scale(fluxes, reference).has_value()) << "four stars are left";
  image = frame(0.5, 3, 100);
  for (int x = 0; x < 130; ++x) image.at(x, 40) = std::nanf("");
  const auto phi = flux_scale(star_fluxes(image.view(), places(), 3), reference);
  ASSERT_TRUE(phi.has_value());
  EXPECT_NEAR(*phi, 0.5, 0.001);
}

TEST(StarFluxes, AreThoseOfAperturesInUnitsOfTheFwhm) {
  const Plane<float> image = frame(1, 3, 100);
  const auto stars = places();
  for (const double fwhm : {2.5, 3.7}) {
    const auto fluxes = star_fluxes(image.view(), stars, fwhm);
    ASSERT_EQ(fluxes.size(), stars.size());
    for (std::size_t i = 0; i < stars.size(); ++i)
      EXPECT_EQ(fluxes[i],
                aperture_flux(image.view(), stars[i].x, stars[i].y, 2 * fwhm, 3 * fwhm, 4.5 * fwhm).flux);
  }
}

TEST(StarFluxes, AHoleInTheSkyIsNoStar) {
  Plane<float> image(80, 80, 100);
  image.at(40, 40) = 50;
  EXPECT_TRUE(std::isnan(star_fluxes(image.view(), {{40, 40}}, 3)[0])) << "below its sky";
  EXPECT_TRUE(std::isnan(star_fluxes(Plane<float>(80, 80, 100).view(), {{40, 40}}, 3)[0]))
      << "no flux at all";
}

TEST(FluxScale, IsTheMedianOfTheRatiosThatBothHave) {
  const double none = std::nan("");
  EXPECT_EQ(flux_scale({1, 4, 9, 20, 500}, {1, 2, 3, 4, 5}), std::optional(3.0));
  EXPECT_EQ(flux_scale({1, 4, 9, 20, 500, 12}, {1, 2, 3, 4, 5, 2}), std::optional(4.0)) << "of 1 2 3 5 6 100";
  EXPECT_EQ(flux_scale({none, 1, 4, none, 9, 20, 500}, {7, 1, 2, 3, 3, 4, 5}), std::optional(3.0));
  EXPECT_EQ(flux_scale({1, 4, 9, 20, 500}, {1, 2, 3, 4, none}), std::nullopt) << "four are too few";
  EXPECT_EQ(flux_scale({}, {}), std::nullopt);
}

}  // namespace
}  // namespace tilecompile

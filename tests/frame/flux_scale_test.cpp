#include "tilecompile/frame/flux_scale.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

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

}  // namespace
}  // namespace tilecompile

#include "tile/local_sky.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "tilecompile/frame/sky_surfaces.hpp"

namespace tilecompile {
namespace {

// A frame of a bent sky in an image of 300 x 200 px.
struct OneSky {
  SkyMesh mesh = sky_mesh(300, 200);
  Plane<float> plane{300, 200};
  FrameChannel frame;

  OneSky() {
    frame.noise = 2;
    frame.normalization = {100, 0.25, 7};
    std::vector<double> surface(mesh.size());
    for (std::size_t i = 0; i < surface.size(); ++i) surface[i] = std::sin(static_cast<double>(i));
    keep_sky(frame, surface);
    for (int y = 0; y < 200; ++y)
      for (int x = 0; x < 300; ++x) plane.at(x, y) = static_cast<float>(1000 + x % 7 + y % 5);
    plane.at(130, 80) = std::nanf("");
  }
  Plane<float> in(const Box& box) const {
    FrameMetrics metrics;
    metrics.image_width = 300;
    metrics.image_height = 200;
    metrics.channels = {{frame}};
    TileInput input;
    input.box = box;
    input.metrics = &metrics;
    input.frame_index = {0};
    input.cutouts = {{FrameCutout{plane.view(box)}}};
    const SampleBlock block = without_own_skies(input, 0);
    Plane<float> levelled(box.w, box.h);
    for (int y = 0; y < box.h; ++y) std::copy_n(block.view(0).row(y), box.w, levelled.row(y));
    return levelled;
  }
};

TEST(LocalSky, TakesTheSurfaceFromNormalisedSamples) {
  const OneSky sky;
  const Box box{90, 40, 64, 64};
  const Plane<float> levelled = sky.in(box);
  const Plane<double> surface = surface_in(kept_sky(sky.frame), sky.mesh, box);
  double largest = 0;
  for (int y = 0; y < box.h; ++y)
    for (int x = 0; x < box.w; ++x) {
      const float before = sky.plane.at(box.x0 + x, box.y0 + y), after = levelled.at(x, y);
      if (before != before) {
        EXPECT_TRUE(after != after);
        continue;
      }
      EXPECT_NEAR(sky.frame.normalization(before) - sky.frame.normalization(after), surface.at(x, y), 2e-5);
      largest = std::max(largest, std::abs(surface.at(x, y)));
    }
  EXPECT_GT(largest, 0.3);
}

TEST(LocalSky, TilesThatOverlapHaveTheSameSamples) {
  const OneSky sky;
  const Plane<float> whole = sky.in({0, 0, 300, 200});
  for (const Box box : {Box{0, 0, 64, 64}, Box{48, 48, 64, 64}, Box{236, 136, 64, 64}}) {
    const Plane<float> tile = sky.in(box);
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(tile.at(x, y)),
                  std::bit_cast<std::uint32_t>(whole.at(box.x0 + x, box.y0 + y)));
  }
}

}  // namespace
}  // namespace tilecompile

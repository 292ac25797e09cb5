#include "tilecompile/align/resample.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "align/row_kernel.hpp"
#include "bent_frame.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

const float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Star {
  double x, y, fwhm, flux;
};

Plane<float> sky_with(const std::vector<Star>& stars, int width, int height, double sky, double noise = 0) {
  Plane<float> plane(width, height);
  const CounterRandom random(4);
  std::uint64_t k = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double value = sky + noise * random.gaussian(k++);
      for (const Star& s : stars) {
        const double sigma = s.fwhm / 2.3548200450309493, dx = x - s.x, dy = y - s.y;
        value += s.flux / (2 * 3.14159265358979 * sigma * sigma) *
                 exact_exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
      }
      plane.at(x, y) = static_cast<float>(value);
    }
  return plane;
}

Plane<float> resampled(const Transform& t, const OutputGrid& grid, const Plane<float>& frame) {
  Plane<float> out(grid.width, grid.height);
  resample(t, grid, {0, 0, grid.width, grid.height}, whole(frame), out.data());
  return out;
}

double flux_at(const Plane<float>& plane, double x, double y, double radius, double sky) {
  double sum = 0;
  for (int j = 0; j < plane.height(); ++j)
    for (int i = 0; i < plane.width(); ++i)
      if ((i - x) * (i - x) + (j - y) * (j - y) < radius * radius) sum += plane.at(i, j) - sky;
  return sum;
}

TEST(Resample, AWholeShiftMovesSamplesToTheBit) {
  const Plane<float> frame = sky_with({{30, 25, 3, 9000}}, 61, 47, 300, 12);
  const Plane<float> out = resampled(shift_transform(3, -2), {40, 30, 5, 6}, frame);
  for (int y = 0; y < 30; ++y)
    for (int x = 0; x < 40; ++x) EXPECT_EQ(out.at(x, y), frame.at(x + 5 + 3, y + 6 - 2));
}

TEST(Resample, AFlatImageStaysFlatToTheBit) {
  const Plane<float> frame(70, 50, 123.456F);
  const Plane<float> out = resampled(shift_transform(0.3, 0.77), {60, 40, 4, 4}, frame);
  for (const float v : out.samples()) EXPECT_EQ(v, 123.456F);
}

TEST(Resample, StarsKeepTheirFluxAndComeHome) {
  for (const double degrees : {0.0, 11.0, 45.0, 90.0, 180.0, 233.0})
    for (const double fwhm : {2.0, 3.0, 5.0}) {
      const Transform t = turned(degrees, 120, 120, 0.6);
      const Point at{57.3, 61.8}, there = map(t, at);
      const Plane<float> frame = sky_with({{there.x, there.y, fwhm, 50000}}, 120, 120, 0);
      const Plane<float> out = resampled(t, {120, 120}, frame);
      double sum = 0, sx = 0, sy = 0;
      for (int y = 40; y < 84; ++y)
        for (int x = 36; x < 80; ++x) {
          sum += out.at(x, y);
          sx += out.at(x, y) * x;
          sy += out.at(x, y) * y;
        }
      EXPECT_NEAR(sum / 50000, 1, 0.003) << degrees << " " << fwhm;
      EXPECT_NEAR(sx / sum, at.x, 0.01) << degrees << " " << fwhm;
      EXPECT_NEAR(sy / sum, at.y, 0.01) << degrees << " " << fwhm;
    }
}

TEST(Resample, AFinerGridKeepsFluxToo) {
  const Plane<float> frame = sky_with({{40.4, 37.7, 3, 50000}}, 80, 80, 0);
  for (const double output_scale : {1.5, 2.0}) {
    const int side = static_cast<int>(80 * output_scale);
    const Plane<float> out = resampled(shift_transform(0, 0), {side, side, 0, 0, 1 / output_scale}, frame);
    EXPECT_NEAR(flux_at(out, (40.4 + 0.5) * output_scale - 0.5, (37.7 + 0.5) * output_scale - 0.5,
                        15 * output_scale, 0) /
                    50000,
                1, 0.003);
  }
}

TEST(Resample, DoesNotDependOnHowTheOutputIsCut) {
  Plane<float> frame = sky_with({{50, 40, 3, 30000}, {20, 70, 2, 60000}}, 130, 97, 500, 20);
  for (int i = 0; i < 60; ++i) frame.at((i * 37) % 130, (i * 53) % 97) = kNaN;
  for (const double degrees : {0.0, 17.0, 90.0, 200.0}) {
    const Transform t = turned(degrees, 130, 97, 1.5);
    const OutputGrid grid{140, 101, -4, -2, 1};
    const Plane<float> all = resampled(t, grid, frame);
    for (const auto& [w, h] : {std::pair{140, 1}, std::pair{1, 101}, std::pair{13, 7}, std::pair{64, 32}})
      for (int y0 = 0; y0 < grid.height; y0 += h)
        for (int x0 = 0; x0 < grid.width; x0 += w) {
          const Box out{x0, y0, std::min(w, grid.width - x0), std::min(h, grid.height - y0)};
          const Box from = source_box(t, grid, out, frame.width(), frame.height());
          Plane<float> piece(out.w, out.h);
          if (from.w > 0 && from.h > 0) {
            resample(t, grid, out, {frame.view(from), from, frame.width(), frame.height()}, piece.data());
          } else {
            for (float& v : piece.samples()) v = kNaN;
          }
          for (int y = 0; y < out.h; ++y)
            for (int x = 0; x < out.w; ++x)
              ASSERT_EQ(std::bit_cast<std::uint32_t>(piece.at(x, y)),
                        std::bit_cast<std::uint32_t>(all.at(out.x0 + x, out.y0 + y)))
                  << degrees << " " << w << "x" << h << " at " << out.x0 + x << "," << out.y0 + y;
        }
  }
}

// The kernel as the header says it, where all of it lies in the frame.
float plain_pixel(const Transform& t, const OutputGrid& grid, int x, int y, const Plane<float>& frame) {
  const Point at = map(t, {grid.x(x), grid.y(y)});
  const auto u = static_cast<int>(std::floor(at.x * 1024 + 0.5)),
             v = static_cast<int>(std::floor(at.y * 1024 + 0.5));
  const int left = (u >> 10) - 2, top = (v >> 10) - 2;
  if (left < 0 || top < 0 || left + 6 > frame.width() || top + 6 > frame.height()) return kNaN;
  double lowest = frame.at(left, top), highest = lowest, sum = 0;
  for (int j = 0; j < 6; ++j)
    for (int i = 0; i < 6; ++i) {
      lowest = std::min<double>(lowest, frame.at(left + i, top + j));
      highest = std::max<double>(highest, frame.at(left + i, top + j));
    }
  for (std::size_t i = 0; i < 6; ++i) {
    double column = 0;
    for (std::size_t j = 0; j < 6; ++j)
      column += kernel_phase(v & 1023).weight[j] *
                (frame.at(left + static_cast<int>(i), top + static_cast<int>(j)) - lowest);
    sum += kernel_phase(u & 1023).weight[i] * column;
  }
  const double area = grid.step * grid.step * std::abs(tilecompile::area(t, {grid.x(x), grid.y(y)}));
  return static_cast<float>(area * (lowest + std::max(sum, -0.02 * (highest - lowest))));
}

TEST(Resample, IsThePlainSumToTheBitWithAnyVectors) {
  const Plane<float> frame = sky_with({{50, 40, 3, 30000}, {20, 70, 1.2, 60000}}, 131, 97, 500, 20);
  Transform bent = turned(12, 131, 97, 1.5), divided = turned(3, 131, 97, 0);
  divided.g = 0.01;
  divided.h = -0.02;
  const VectorLevel widest = widest_vector_level();
  for (const Transform& t : {shift_transform(0.31, -1.77), shift_transform(2, 3), bent, divided})
    for (const double scale : {1.0, 1.5}) {
      const OutputGrid grid{static_cast<int>(140 * scale), static_cast<int>(101 * scale), -4, -2, 1 / scale};
      for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
        if (level > widest) continue;
        set_vector_level(level);
        const Plane<float> out = resampled(t, grid, frame);
        int whole = 0;
        for (int y = 0; y < grid.height; ++y)
          for (int x = 0; x < grid.width; ++x) {
            const float plain = plain_pixel(t, grid, x, y, frame);
            if (plain != plain) continue;
            ++whole;
            ASSERT_EQ(std::bit_cast<std::uint32_t>(out.at(x, y)), std::bit_cast<std::uint32_t>(plain))
                << x << "," << y;
          }
        EXPECT_GT(whole, 0.6 * grid.width * grid.height);
      }
    }
  set_vector_level(widest);
}

TEST(Resample, PlanesOfAFrameComeAsEachByItself) {
  const Plane<float> first = sky_with({{50, 40, 3, 30000}}, 90, 80, 500, 20),
                     second = sky_with({{20, 30, 2, 9000}}, 90, 80, 90, 5);
  const Transform t = turned(7, 90, 80, 0.4);
  const OutputGrid grid{80, 70, 3, 2, 1};
  Plane<float> one(100, 70, -1.0F), two(80, 70);
  resample(t, grid, {0, 0, 80, 70}, {whole(first), whole(second)}, {{one.data() + 5, 100}, {two.data(), 80}});
  const Plane<float> alone = resampled(t, grid, first);
  EXPECT_EQ(0, std::memcmp(two.data(), resampled(t, grid, second).data(), two.size() * sizeof(float)));
  for (int y = 0; y < 70; ++y) {
    EXPECT_EQ(0, std::memcmp(one.row(y) + 5, alone.row(y), 80 * sizeof(float)));
    EXPECT_EQ(one.at(4, y), -1.0F);
    EXPECT_EQ(one.at(85, y), -1.0F);
  }
}

TEST(Resample, PixelsNextToInvalidOnesAreInvalidWhereItMatters) {
  Plane<float> frame(40, 40, 100.0F);
  frame.at(20, 20) = kNaN;
  const Plane<float> whole_px = resampled(shift_transform(0, 0), {40, 40}, frame);
  EXPECT_NE(whole_px.at(20, 20), whole_px.at(20, 20));
  EXPECT_EQ(whole_px.at(19, 20), 100.0F);
  // Half a pixel off: the four nearest have a weight of 0.37, the next ones of -0.08.
  const Plane<float> half = resampled(shift_transform(0.5, 0.5), {39, 39}, frame);
  int invalid = 0;
  for (const float v : half.samples()) invalid += v != v ? 1 : 0;
  for (const int y : {19, 20})
    for (const int x : {19, 20}) EXPECT_NE(half.at(x, y), half.at(x, y));
  EXPECT_EQ(half.at(18, 19), 100.0F);
  // Along the border one column of taps outside is borne, two are not.
  EXPECT_EQ(half.at(1, 10), 100.0F);
}

TEST(Resample, TheRingOfASteepStarIsShallow) {
  Plane<float> frame(60, 60, 100.0F);
  frame.at(30, 30) = 10100;
  const Plane<float> out = resampled(shift_transform(0.37, 0.21), {59, 59}, frame);
  float lowest = 100;
  for (const float v : out.samples())
    if (v == v) lowest = std::min(lowest, v);
  EXPECT_GE(lowest, 100 - 0.0201F * 10000);
  EXPECT_LT(lowest, 100 - 0.0199F * 10000);
}

TEST(Resample, NoiseIsNotTouchedByTheClamp) {
  const Plane<float> frame = sky_with({}, 400, 400, 1000, 10);
  const Plane<float> out = resampled(shift_transform(0.5, 0.5), {380, 380, 10, 10}, frame);
  double sum = 0, own = 0;
  for (int y = 0; y < 380; ++y)
    for (int x = 0; x < 380; ++x) {
      sum += out.at(x, y);
      own += frame.at(x + 10, y + 10);
    }
  EXPECT_NEAR(sum / (380 * 380), own / (380 * 380), 0.02);
}

TEST(Resample, PixelsBesideTheFrameAreInvalid) {
  const Plane<float> frame(30, 20, 5.0F);
  const Plane<float> out = resampled(shift_transform(25, 0), {30, 20}, frame);
  EXPECT_EQ(out.at(0, 10), 5.0F);
  EXPECT_NE(out.at(10, 10), out.at(10, 10));
  const Box none = source_box(shift_transform(100, 0), {30, 20}, {0, 0, 30, 20}, 30, 20);
  EXPECT_EQ(none.area(), 0u);
}

TEST(Resample, RefusesWhatWasNotRead) {
  const Plane<float> frame(40, 40, 1.0F);
  const Box part{0, 0, 20, 20};
  Plane<float> out(40, 40);
  EXPECT_THROW(resample(shift_transform(0.5, 0), {40, 40}, {0, 0, 40, 40}, {frame.view(part), part, 40, 40},
                        out.data()),
               ContractError);
}

}  // namespace
}  // namespace tilecompile

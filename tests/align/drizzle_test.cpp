#include "tilecompile/align/drizzle.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "bent_frame.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

const float kEmpty = std::numeric_limits<float>::quiet_NaN();

using Polygon = std::vector<Point>;

double area_of(const Polygon& p) {
  double twice = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const Point &a = p[i], &b = p[(i + 1) % p.size()];
    twice += a.x * b.y - b.x * a.y;
  }
  return 0.5 * std::abs(twice);
}

// What of a polygon lies where n . p <= c.
Polygon cut(const Polygon& p, Point n, double c) {
  const auto over = [&](Point q) { return n.x * q.x + n.y * q.y - c; };
  Polygon left;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const Point &a = p[i], &b = p[(i + 1) % p.size()];
    if (over(a) <= 0) left.push_back(a);
    if ((over(a) <= 0) == (over(b) <= 0)) continue;
    const double part = over(a) / (over(a) - over(b));
    left.push_back({a.x + part * (b.x - a.x), a.y + part * (b.y - a.y)});
  }
  return left;
}

double area_in_square(Polygon p, Point centre, double edge) {
  const double half = 0.5 * edge;
  p = cut(p, {1, 0}, centre.x + half);
  p = cut(p, {-1, 0}, half - centre.x);
  p = cut(p, {0, 1}, centre.y + half);
  return area_of(cut(p, {0, -1}, half - centre.y));
}

struct Drizzled {
  std::vector<Plane<float>> samples, shares;
};

Drizzled drizzled(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
                  const std::string& letters, double drop) {
  const std::size_t channels = letters.empty() ? 1 : 3;
  Drizzled d;
  d.samples.assign(channels, Plane<float>(out.w, out.h));
  d.shares = d.samples;
  std::vector<DrizzledChannel> to;
  for (std::size_t c = 0; c < channels; ++c) to.push_back({d.samples[c].data(), d.shares[c].data()});
  std::optional<CfaPattern> pattern;
  if (!letters.empty()) pattern = cfa_pattern(letters);
  drizzle(t, grid, out, part, pattern, drop, to);
  return d;
}

Box all_of(const OutputGrid& grid) { return {0, 0, grid.width, grid.height}; }

Plane<float> noise(int width, int height) {
  Plane<float> plane(width, height);
  const CounterRandom random(7);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane.samples()[i] = static_cast<float>(100 + 10 * random.gaussian(i));
  return plane;
}

double light_in(const Plane<float>& samples, const Plane<float>& shares) {
  double sum = 0;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (shares.samples()[i] > 0)
      sum += static_cast<double>(samples.samples()[i]) * static_cast<double>(shares.samples()[i]);
  return sum;
}

TEST(Drizzle, AreasInTheUnitSquareAreThoseOfPolygonsThatAreCut) {
  const CounterRandom random(3);
  std::uint64_t k = 0;
  double most = 0;
  for (int i = 0; i < 4000; ++i) {
    const double a = 6.3 * random.uniform(k++), r = 0.05 + 2 * random.uniform(k++);
    const double x = 3 * random.uniform(k++) - 1, y = 3 * random.uniform(k++) - 1;
    Point q[4];
    for (int c = 0; c < 4; ++c) {
      const double angle = a + 1.5707963267948966 * c, far = r * (0.8 + 0.4 * random.uniform(k++));
      q[c] = {x + far * std::cos(angle), y + far * std::sin(angle)};
    }
    const double wanted = area_in_square({q[0], q[1], q[2], q[3]}, {0.5, 0.5}, 1);
    most = std::max(most, wanted);
    EXPECT_NEAR(area_in_unit_square(q), wanted, 1e-12) << i;
    const Point back[4] = {q[3], q[2], q[1], q[0]};
    EXPECT_NEAR(area_in_unit_square(back), wanted, 1e-12) << i;
  }
  EXPECT_GT(most, 0.9);
  const Point straight[4] = {{0.25, -1}, {0.75, -1}, {0.75, 0.5}, {0.25, 0.5}};
  EXPECT_EQ(area_in_unit_square(straight), 0.25);
}

TEST(Drizzle, EverySampleIsTheMeanOfTheDropsThatReachIt) {
  const Plane<float> frame = noise(31, 23);
  const CfaPattern pattern = cfa_pattern("GRBG");
  for (const double degrees : {0.0, 17.0, 180.0, 271.0})
    for (const double scale : {1.0, 1.5, 2.0})
      for (const double drop : {0.5, 1.0}) {
        const Transform t = turned(degrees, 31, 23, 0.3);
        const OutputGrid grid{20, 14, 5, 4, 1 / scale};
        const Drizzled d = drizzled(t, grid, all_of(grid), whole(frame), "GRBG", drop);
        for (int y = 0; y < grid.height; ++y)
          for (int x = 0; x < grid.width; ++x) {
            const double h = 0.5 * grid.step, u = grid.x(x), v = grid.y(y);
            const Polygon pixel = {map(t, {u - h, v - h}), map(t, {u + h, v - h}), map(t, {u + h, v + h}),
                                   map(t, {u - h, v + h})};
            double area[3] = {}, light[3] = {};
            for (int j = 0; j < 23; ++j)
              for (int i = 0; i < 31; ++i) {
                const double a = area_in_square(pixel, {1.0 * i, 1.0 * j}, drop);
                area[pattern.at(i, j)] += a;
                light[pattern.at(i, j)] += a * static_cast<double>(frame.at(i, j));
              }
            for (std::size_t c = 0; c < 3; ++c) {
              const double share = area[c] / area_of(pixel);
              if (std::abs(share - kLeastShare) < 1e-9) continue;
              const bool any = share > kLeastShare;
              EXPECT_NEAR(d.shares[c].at(x, y), any ? share : 0, 1e-6) << degrees << " " << x << " " << y;
              EXPECT_EQ(std::isnan(d.samples[c].at(x, y)), !any);
              if (!any) continue;
              EXPECT_NEAR(d.samples[c].at(x, y), area_of(pixel) * light[c] / area[c], 1e-3)
                  << degrees << " " << x << " " << y;
            }
          }
      }
}

// All light of a frame falls on the output, times the drop's area.
TEST(Drizzle, KeepsTheLight) {
  Plane<float> frame(40, 36);
  double light = 0;
  for (int y = 12; y < 24; ++y)
    for (int x = 12; x < 28; ++x) light += frame.at(x, y) = static_cast<float>(1 + (x * 7 + y * 3) % 11);
  for (const double degrees : {0.0, 33.0, 180.0})
    for (const double scale : {1.0, 1.5, 2.0})
      for (const double drop : {0.6, 1.0}) {
        const OutputGrid grid{static_cast<int>(60 * scale), static_cast<int>(60 * scale), -10, -12,
                              1 / scale};
        const Drizzled d = drizzled(turned(degrees, 40, 36, 0.4), grid, all_of(grid), whole(frame), "", drop);
        EXPECT_NEAR(light_in(d.samples[0], d.shares[0]) / (light * drop * drop), 1, 0.003)
            << degrees << " " << scale << " " << drop;
      }
}

TEST(Drizzle, AWholeShiftOfFullDropsChangesNothing) {
  const Plane<float> frame = noise(20, 17);
  const OutputGrid grid{20, 17, 0, 0, 1};
  const Drizzled d = drizzled(shift_transform(3, -2), grid, all_of(grid), whole(frame), "", 1);
  for (int y = 0; y < 17; ++y)
    for (int x = 0; x < 20; ++x) {
      const bool there = x + 3 < 20 && y - 2 >= 0;
      EXPECT_EQ(d.shares[0].at(x, y), there ? 1 : 0);
      if (there) {
        EXPECT_EQ(d.samples[0].at(x, y), frame.at(x + 3, y - 2));
      } else {
        EXPECT_TRUE(std::isnan(d.samples[0].at(x, y)));
      }
    }
}

TEST(Drizzle, PixelsThatAreInvalidTakeNoPart) {
  Plane<float> frame(9, 9, 5);
  frame.at(4, 4) = kEmpty;
  const OutputGrid grid{9, 9, 0, 0, 1};
  const Drizzled d = drizzled(shift_transform(0.25, 0), grid, all_of(grid), whole(frame), "", 1);
  EXPECT_NEAR(d.shares[0].at(4, 4), 0.25, 1e-7);
  EXPECT_NEAR(d.shares[0].at(3, 4), 0.75, 1e-7);
  EXPECT_EQ(d.samples[0].at(4, 4), 5);
  EXPECT_EQ(d.shares[0].at(5, 4), 1);
}

TEST(Drizzle, BoxesGiveTheSameBits) {
  const Plane<float> frame = noise(70, 50);
  const Transform t = turned(41, 70, 50, 0.5);
  const OutputGrid grid{90, 66, -10, -8, 1 / 1.5};
  const Drizzled all = drizzled(t, grid, all_of(grid), whole(frame), "RGGB", 0.8);
  for (const Box& box : {Box{0, 0, 13, 66}, Box{31, 20, 24, 17}, Box{80, 60, 10, 6}}) {
    const Box from = source_box(t, grid, box, 70, 50);
    const Drizzled part = drizzled(t, grid, box, {frame.view(from), from, 70, 50}, "RGGB", 0.8);
    for (std::size_t c = 0; c < 3; ++c)
      for (int y = 0; y < box.h; ++y)
        for (int x = 0; x < box.w; ++x) {
          EXPECT_EQ(std::bit_cast<std::uint32_t>(part.samples[c].at(x, y)),
                    std::bit_cast<std::uint32_t>(all.samples[c].at(x + box.x0, y + box.y0)));
          EXPECT_EQ(part.shares[c].at(x, y), all.shares[c].at(x + box.x0, y + box.y0));
        }
  }
}

TEST(Drizzle, PlacesThatNoImageHasAreEmpty) {
  const Plane<float> frame = noise(10, 10);
  const OutputGrid grid{4, 4, 0, 0, 1};
  const Drizzled d = drizzled(shift_transform(1e12, 0), grid, all_of(grid), whole(frame), "", 1);
  for (const float share : d.shares[0].samples()) EXPECT_EQ(share, 0);
}

TEST(Drizzle, APartThatLacksPixelsIsNamed) {
  const Plane<float> frame = noise(10, 10);
  const OutputGrid grid{4, 4, 3, 3, 1};
  const FramePart part{frame.view({0, 0, 3, 3}), {0, 0, 3, 3}, 10, 10};
  EXPECT_THROW(drizzled(shift_transform(0, 0), grid, all_of(grid), part, "", 1), ContractError);
}

}  // namespace
}  // namespace tilecompile

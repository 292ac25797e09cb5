#include "tilecompile/frame/star_match.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

using Turn = FieldMatch::Turn;
constexpr int kMatchWidth = 400, kMatchHeight = 300;

std::vector<ReferenceStar> field(std::uint64_t seed, int stars) {
  const CounterRandom random(seed);
  std::vector<ReferenceStar> all;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(stars); ++i)
    all.push_back(
        {random.uniform(2 * i) * (kMatchWidth - 1), random.uniform(2 * i + 1) * (kMatchHeight - 1)});
  return all;
}

// The stars after a turn and a move, without those that leave the image.
std::vector<ReferenceStar> moved(const std::vector<ReferenceStar>& stars, Turn turn, double dx, double dy) {
  std::vector<ReferenceStar> all;
  for (ReferenceStar s : stars) {
    if (turn == Turn::kHalf || turn == Turn::kLeftRight) s.x = kMatchWidth - 1 - s.x;
    if (turn == Turn::kHalf || turn == Turn::kUpDown) s.y = kMatchHeight - 1 - s.y;
    s.x += dx;
    s.y += dy;
    if (s.x >= 0 && s.y >= 0 && s.x < kMatchWidth && s.y < kMatchHeight) all.push_back(s);
  }
  return all;
}

TEST(StarMatch, FindsEveryTurnAndMove) {
  const auto list = field(1, 60);
  for (const Turn turn : {Turn::kNone, Turn::kHalf, Turn::kLeftRight, Turn::kUpDown})
    for (const auto& [dx, dy] :
         std::vector<std::pair<double, double>>{{0, 0}, {2, 0}, {-4, 3}, {12.1, 7}, {-40, 20}, {150, -80}}) {
      const FieldMatch match = match_fields(list, moved(list, turn, dx, dy), kMatchWidth, kMatchHeight);
      EXPECT_GE(match.matched, 12) << dx << " " << dy;
      EXPECT_EQ(match.turn, turn) << dx << " " << dy;
      EXPECT_NEAR(match.dx, dx, 0.1);
      EXPECT_NEAR(match.dy, dy, 0.1);
    }
}

TEST(StarMatch, StandsFaintStarsThatAreMissingAndStrangersBetween) {
  const auto list = field(1, 60);
  auto own = moved(list, Turn::kNone, 9, -5);
  own.resize(own.size() / 2);
  for (const ReferenceStar& s : field(7, 20)) own.push_back(s);
  const FieldMatch match = match_fields(list, own, kMatchWidth, kMatchHeight);
  EXPECT_GE(match.matched, 20);
  EXPECT_NEAR(match.dx, 9, 0.1);
  EXPECT_NEAR(match.dy, -5, 0.1);
}

TEST(StarMatch, AnotherFieldDoesNotFit) {
  for (std::uint64_t seed = 2; seed < 12; ++seed)
    EXPECT_EQ(match_fields(field(1, 60), field(seed, 60), kMatchWidth, kMatchHeight).matched, 0) << seed;
}

TEST(StarMatch, FourStarsAndNoneAreTooFew) {
  const auto four = field(1, 4), five = field(1, 5);
  EXPECT_EQ(match_fields(four, four, kMatchWidth, kMatchHeight).matched, 0);
  EXPECT_EQ(match_fields(five, five, kMatchWidth, kMatchHeight).matched, 5);
  EXPECT_EQ(match_fields(five, {}, kMatchWidth, kMatchHeight).matched, 0);
  EXPECT_EQ(match_fields({}, five, kMatchWidth, kMatchHeight).matched, 0);
}

}  // namespace
}  // namespace tilecompile

#include <gtest/gtest.h>

#include "tilecompile/coadd/states.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

std::vector<StateVector> on_a_line(const std::vector<double>& places) {
  std::vector<StateVector> states;
  for (const double x : places) states.push_back({x, 0, 0, 0, 0});
  return states;
}

// Of -1, 0, 1 in two clusters the middle one can go with either end, always at the inertia 0.5: what decides
// is the first start alone, and there the lower of two centres at equal distance.
TEST(KMeans, TiesGoToTheLowerStartAndToTheLowerCentre) {
  int with_first = 0;
  for (std::uint64_t key = 0; key < 64; ++key) {
    const CounterRandom random(key, 0);
    const std::vector<double> places = {-1, 0, 1};
    const double first = places[static_cast<std::size_t>(random.uniform(0) * 3)];
    // The second centre is drawn with probability proportional to the squared distance from the first.
    const std::vector<double> distance = {(first + 1) * (first + 1), first * first,
                                          (first - 1) * (first - 1)};
    const double drawn = random.uniform(1) * (distance[0] + distance[1] + distance[2]);
    const double second = drawn < distance[0] ? -1 : drawn < distance[0] + distance[1] ? 0 : 1;
    // The end that the middle is not drawn to: the one that is a centre beside the middle, or the second of
    // two ends.
    const double alone = first == 0 ? second : second == 0 ? first : second;
    with_first += alone == 1 ? 1 : 0;
    const auto expected = alone == 1 ? std::vector<int>{0, 0, 1} : std::vector<int>{0, 1, 1};
    EXPECT_EQ(cluster_states(on_a_line(places), 2, key), expected) << "key " << key;
  }
  EXPECT_GT(with_first, 10);
  EXPECT_LT(with_first, 54);
}

TEST(KMeans, OfFramesThatAreAllAlikeTheFirstOnesFillTheEmptyClusters) {
  EXPECT_EQ(cluster_states(on_a_line({7, 7, 7, 7}), 2, 1), (std::vector<int>{0, 1, 1, 1}));
  EXPECT_EQ(cluster_states(on_a_line({7, 7, 7, 7}), 3, 1), (std::vector<int>{0, 1, 2, 2}));
}

TEST(KMeans, FindsGroupsAndNumbersThemByTheirFirstFrame) {
  EXPECT_EQ(cluster_states(on_a_line({9, 0, 9.5, 0.25, -20, 0.5}), 3, 5),
            (std::vector<int>{0, 1, 0, 1, 2, 1}));
  EXPECT_EQ(cluster_states(on_a_line({3, 4}), 9, 5), (std::vector<int>{0, 1})) << "at most as many as frames";
  EXPECT_TRUE(cluster_states({}, 3, 5).empty());
}

}  // namespace
}  // namespace tilecompile

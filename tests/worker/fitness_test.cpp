#include "worker/fitness.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

ResultMessage well() { return {}; }
ResultMessage ill(const std::string& text = "no space left") {
  ResultMessage result;
  result.failure = TileFailure{ErrorKind::kTransient, text};
  return result;
}

TEST(Fitness, TheFirstTileTellsWhetherAWorkerIsSetUp) {
  Fitness fitness;
  fitness.note({}, "tile.results.x", ill("cannot reach frame a.fits"));
  EXPECT_TRUE(fitness.unfit());
  EXPECT_EQ(fitness.trouble().text, "cannot reach frame a.fits");
  EXPECT_EQ(fitness.trouble().reply_to, "tile.results.x");
}

TEST(Fitness, AWorkerThatHasWorkedMayFailTwice) {
  Fitness fitness;
  fitness.note({}, "", well());
  for (int turn = 0; turn < 5; ++turn) {
    fitness.note({}, "", ill());
    fitness.note({}, "", ill());
    EXPECT_FALSE(fitness.unfit());
    fitness.note({}, "", well());
  }
  for (int i = 0; i < Fitness::kFailuresInARow; ++i) fitness.note({}, "", ill());
  EXPECT_TRUE(fitness.unfit());
}

TEST(Fitness, MastersThatItCannotMakeSayNothingOfTheRest) {
  Fitness fitness;
  TileTask of_masters;
  of_masters.work = TaskWork::kMaster;
  ResultMessage not_here;
  not_here.failure = TileFailure{ErrorKind::kUsage, "the frames of calibration cannot be read here"};
  for (int i = 0; i < 2 * Fitness::kFailuresInARow; ++i) fitness.note(of_masters, "", not_here);
  EXPECT_FALSE(fitness.unfit());
  fitness.note(of_masters, "", ill());
  EXPECT_TRUE(fitness.unfit());
}

TEST(Fitness, AfterARestTheNextTileDecides) {
  Fitness fitness;
  fitness.note({}, "", ill());
  fitness.try_again();
  EXPECT_FALSE(fitness.unfit());
  EXPECT_EQ(fitness.rests_in_a_row(), 1);
  fitness.note({}, "", ill());
  EXPECT_TRUE(fitness.unfit());
  fitness.try_again();
  EXPECT_EQ(fitness.rests_in_a_row(), 2);
  fitness.note({}, "", well());
  EXPECT_EQ(fitness.rests_in_a_row(), 0);
  fitness.note({}, "", ill());
  EXPECT_FALSE(fitness.unfit());
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/launch/vector_choice.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

class VectorChoice : public testing::Test {
 protected:
  ~VectorChoice() override {
    unsetenv("TILECOMPILE_VECTORS");
    set_vector_level(widest_vector_level());
  }
  static void choose(const char* word) {
    setenv("TILECOMPILE_VECTORS", word, 1);
    choose_vectors();
  }
};

TEST_F(VectorChoice, TakesTheNamedLevelAndLeavesTheWidestAlone) {
  choose_vectors();
  EXPECT_EQ(vector_level(), widest_vector_level());
  choose("");
  EXPECT_EQ(vector_level(), widest_vector_level());
  choose("baseline");
  EXPECT_EQ(vector_level(), VectorLevel::kBaseline);
}

TEST_F(VectorChoice, RefusesOtherWordsAndUnitsThatAreNotThere) {
  EXPECT_THROW(choose("sse"), UsageError);
  if (widest_vector_level() < VectorLevel::kAvx512) {
    EXPECT_THROW(choose("avx512"), UsageError);
  }
}

}  // namespace
}  // namespace tilecompile

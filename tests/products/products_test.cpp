#include "tilecompile/products/products.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(OutputUnits, NormalizedOnesNeedASkyToDivideBy) {
  FrameMetrics metrics;
  metrics.sky = {100, -0.25};
  EXPECT_NO_THROW(check_output_units(metrics, false));
  try {
    check_output_units(metrics, true);
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("-0.250000 in channel 1: set 'output.units: input'"));
  }
  metrics.sky = {100, 0.5};
  EXPECT_NO_THROW(check_output_units(metrics, true));
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/products/products.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// The second name is given only after the first call of add has returned: nobody waited for it.
TEST(NamesToCome, AreGivenBesideOtherWorkAndAllThereAfterAWait) {
  const TempDir folder;
  const auto image =
      std::make_shared<ImageRows>(folder.path() / "a.fits", ImageSamples::kFloat32, 2, 1, 1, ProductHeader{});
  image->add(0, Plane<float>(2, 1, 3));
  std::promise<void> added;
  NamesToCome names;
  names.add([image, go = added.get_future().share()] {
    go.wait();
    image->finish();
  });
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a.fits"));
  added.set_value();
  names.wait();
  EXPECT_EQ(read_image(folder.path() / "a.fits").front().samples(), (std::vector<float>{3, 3}));
}

TEST(NamesToCome, TheOldestIsWaitedForWhereThereAreTooMany) {
  NamesToCome names;
  names.add([] { throw TransientError("the disk is full"); });
  for (std::size_t i = 1; i < NamesToCome::kMostAtATime; ++i) names.add([] {});
  EXPECT_THROW(names.add([] {}), TransientError);
  EXPECT_NO_THROW(names.wait());
}

TEST(NamesToCome, ARunThatFailsOtherwiseHearsOfItInTheLogAlone) {
  NamesToCome names;
  int finished = 0;
  names.add([] { throw TransientError("the disk is full"); });
  names.add([&] { finished = 1; });
  names.settle();
  EXPECT_EQ(finished, 1);
  EXPECT_NO_THROW(names.wait());
}

TEST(NamesToCome, WaitTellsWhatWentWrongOnce) {
  NamesToCome names;
  names.add([] { throw TransientError("the disk is full"); });
  EXPECT_THROW(names.wait(), TransientError);
  EXPECT_NO_THROW(names.wait());
}

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

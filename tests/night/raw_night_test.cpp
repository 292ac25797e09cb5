#include "tilecompile/night/raw_night.hpp"

#include <gtest/gtest.h>

#include "raw_test_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/storage/memory_store.hpp"

namespace tilecompile {
namespace {

TEST(RawNight, IsFetchedByTheChecksumOfTheManifest) {
  const auto memory = open_memory_store();
  ObjectStore& store = *memory;
  Manifest manifest;
  EXPECT_EQ(fetch_raw_night(store, "run", manifest), nullptr);
  Registration registration;
  registration.reference = "a.fits";
  registration.grid = {100, 80};
  registration.frames = {{"a.fits", 90, 70, shift_transform(1, 2), -1}};
  const std::string bytes = encode_registration(registration);
  store.put(registration_key("run"), bytes);
  manifest.registration = sha256_hex(bytes);
  const auto night = fetch_raw_night(store, "run", manifest);
  ASSERT_TRUE(night);
  EXPECT_EQ(night->frame("a.fits").width, 90);
  EXPECT_EQ(night->masters_of(night->frame("a.fits")), nullptr);
  EXPECT_THROW(night->frame("b.fits"), InputError);
  store.put(registration_key("run"), bytes + " ");
  EXPECT_THROW(fetch_raw_night(store, "run", manifest), InputError);
}

TEST(RawNight, MastersAreOfTheSizeOfTheirFrames) {
  const auto store = open_memory_store();
  const std::string plane = encode_image("a master", {Plane<float>(90, 70)}, {});
  store->put("masters/a.fits", plane);
  Registration registration;
  registration.reference = "a.fits";
  registration.grid = {100, 80};
  registration.calibrations = {{{"masters/a.fits", sha256_hex(plane)}, {}}};
  const auto fetch = [&](int width) {
    registration.frames = {{"a.fits", width, 70, shift_transform(1, 2), 0}};
    const std::string bytes = encode_registration(registration);
    store->put(registration_key("run"), bytes);
    Manifest manifest;
    manifest.registration = sha256_hex(bytes);
    return fetch_raw_night(*store, "run", manifest);
  };
  EXPECT_TRUE(fetch(90));
  EXPECT_THROW(fetch(91), InputError);
}

TEST(RawNight, StarsOfColourFramesAreFoundOnTheGreenPlane) {
  const RawTestNight night(1);
  FrameReader raw(night.folder() / RawTestNight::name(0), ZeroIsNodata::kNever);
  const Plane<float> stored = calibrated_frame(raw, nullptr, ""),
                     green = calibrated_frame(raw, nullptr, "RGGB");
  EXPECT_EQ(stored.at(11, 20), green.at(11, 20));
  EXPECT_EQ(green.at(10, 20), static_cast<float>((static_cast<double>(stored.at(10, 19)) + stored.at(9, 20) +
                                                  stored.at(11, 20) + stored.at(10, 21)) /
                                                 4));
}

}  // namespace
}  // namespace tilecompile

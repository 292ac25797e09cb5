#include "launch/worker_places.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

class PlacesOf : public testing::Test {
 protected:
  PlacesOf() {
    config_.input.dir = (folder_ / "frames").string();
    config_.storage.root = (folder_ / "storage").string();
  }
  std::string trouble() const {
    try {
      open_worker_places(config_);
      return "";
    } catch (const TransientError& e) {
      return e.what();
    }
  }
  void make_all() const {
    fs::create_directory(folder_ / "storage");
    fs::create_directory(folder_ / "frames");
    std::ofstream(folder_ / "frames/a.fits") << "x";
  }
  TempDir folder_;
  WorkerConfig config_;
};

TEST_F(PlacesOf, WhatIsNotMountedIsNamed) {
  EXPECT_NE(trouble().find("storage.root " + config_.storage.root + " is no folder"), std::string::npos);
  fs::create_directory(folder_ / "storage");
  EXPECT_NE(trouble().find("input.dir " + config_.input.dir + " is no folder"), std::string::npos);
  fs::create_directory(folder_ / "frames");
  EXPECT_NE(trouble().find("is empty"), std::string::npos);
  std::ofstream(folder_ / "frames/a.fits") << "x";
  EXPECT_EQ(trouble(), "");
}

TEST_F(PlacesOf, TheyAreWaitedForAndEachLookIsTold) {
  int told = 0;
  const auto places = await_worker_places(
      config_,
      [&](const std::string& why, int again_in_s) {
        EXPECT_FALSE(why.empty());
        EXPECT_GE(again_in_s, 1);
        ++told;
        make_all();
      },
      [] { return false; });
  ASSERT_TRUE(places);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(places->frames.folder, config_.input.dir);
}

TEST_F(PlacesOf, ASignalEndsTheWait) {
  bool over = false;
  EXPECT_FALSE(await_worker_places(
      config_, [&](const std::string&, int) { over = true; }, [&] { return over; }));
}

}  // namespace
}  // namespace tilecompile

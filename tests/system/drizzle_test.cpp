// A small raw night of a colour sensor that is drizzled: one digest however it is computed, recomputed from
// its raw frames by tests/oracle/check_drizzle.py.
#include <gtest/gtest.h>

#include <thread>

#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "oracle_fixture.hpp"
#include "program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

class DrizzledNights : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    night_ = new TempDir();
    const auto made =
        run_program("simulate '" + (*night_ / "sky").string() +
                    "' --raw --cfa RGGB --frames 26 --width 280 --height 220 --stars 70 --shift 20 "
                    "--seed 3 --darks 3 --flats 3 --biases 3 --quiet");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    if (PrivateBroker::installed()) broker_ = &shared_broker();
    reference_ = product_digests(directory_of(go("run", "")));
    ASSERT_GE(reference_.size(), 2u);
  }
  static void TearDownTestSuite() { delete night_; }

  static std::vector<std::string> words(const std::string& mode) {
    std::vector<std::string> all = {mode,
                                    (*night_ / "sky/raw.yaml").string(),
                                    "--quiet",
                                    "--output",
                                    (*night_ / "out").string(),
                                    "--set",
                                    "tile.min_size=48",
                                    "--set",
                                    "data.frames_min=3",
                                    "--set",
                                    "registration.debayer=drizzle"};
    if (mode == "master") all.insert(all.end(), {"--set", "broker.port=" + std::to_string(broker_->port())});
    return all;
  }
  static fs::path directory_of(const std::string& id) { return *night_ / "out" / id; }
  /// The id of the run.
  static std::string go(const std::string& mode, const std::string& flags) {
    const std::string id = new_uuid();
    std::string line;
    for (const std::string& word : words(mode)) line += "'" + word + "' ";
    const auto ended = run_program(line + "--run-id " + id + " " + flags);
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;
    return id;
  }

  static inline TempDir* night_ = nullptr;
  static inline PrivateBroker* broker_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
};

TEST_F(DrizzledNights, ThreadsBatchesAndMemoryChangeNoBit) {
  EXPECT_EQ(product_digests(directory_of(go("run", "--threads 3 --set parallel.batch=1"))), reference_);
  EXPECT_EQ(product_digests(directory_of(go("run", "--threads 2 --set parallel.memory_limit_mb=1"))),
            reference_);
}

TEST_F(DrizzledNights, WorkersGiveTheBitsOfTheRunAlsoWhenOneIsKilled) {
  TILECOMPILE_NEEDS_RABBITMQ
  EXPECT_EQ(product_digests(directory_of(go("master", "--workers 2"))), reference_);
  broker_->wait_until_quiet();
  HandWorker victim(night_->path(), "victim",
                    "--input.dir '" + (*night_ / "sky/lights").string() + "' --storage.root '" +
                        (*night_ / "out").string() + "' --broker.port " + std::to_string(broker_->port()));
  bool struck = false;
  std::thread killer([&] {
    struck = victim.wait_for("tile done");
    victim.end(SIGKILL);
  });
  EXPECT_EQ(product_digests(directory_of(go("master", "--workers 1 --set parallel.batch=2"))), reference_);
  killer.join();
  EXPECT_TRUE(struck);
}

TEST_F(DrizzledNights, AgreesWithRawFramesThatAreClippedByHand) {
  const std::string python = oracle::find_python();
  ASSERT_FALSE(python.empty());
  const auto checked =
      oracle::shell(python + " '" + source_dir() + "/tests/oracle/check_drizzle.py' '" +
                    directory_of(go("run", "")).string() + "' '" + (*night_ / "sky/lights").string() + "' '" +
                    (*night_ / "out").string() + "'");
  EXPECT_EQ(checked.exit_code, 0) << checked.text;
}

TEST_F(DrizzledNights, APictureOfSmallerPixelsIsTwiceAsWide) {
  const fs::path directory =
      directory_of(go("run", "--set registration.output_scale=2 --set registration.drop_fraction=1"));
  const Image picture = read_image(directory / "reconstruction.fits");
  EXPECT_EQ(picture.size(), 3u);
  EXPECT_EQ(picture[0].width(), 2 * 280);
  EXPECT_EQ(picture[0].height(), 2 * 220);
}

TEST_F(DrizzledNights, TooFewFramesAreRefusedWithTheNumberThatIsNeeded) {
  fs::create_directories(*night_ / "few");
  for (int f = 1; f <= 4; ++f) {
    const std::string name = "light_000" + std::to_string(f) + ".fits";
    fs::copy(*night_ / "sky/lights" / name, *night_ / "few" / name);
  }
  std::string line;
  for (const std::string& word : words("run")) line += "'" + word + "' ";
  const auto ended = run_program(line + "--set input.dir='" + (*night_ / "few").string() + "'");
  EXPECT_EQ(ended.exit_code, 4) << ended.text;
  EXPECT_NE(ended.text.find("frames shifted as these are would be needed"), std::string::npos) << ended.text;
}

}  // namespace
}  // namespace tilecompile

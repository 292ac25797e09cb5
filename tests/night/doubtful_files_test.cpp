#include "tilecompile/night/doubtful_files.hpp"

#include <gtest/gtest.h>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// What is true of five files.
class DoubtfulFiles : public testing::Test {
 protected:
  DoubtfulFiles()
      : night_(
            1, 5, [](MethodConfig&) {}, [](SimulateOptions& sky) { sky.width = 500, sky.height = 400; }) {
    for (const ManifestEntry& frame : night_.manifest->frames)
      contents_.push_back({frame.sha256, *night_.verified->sums_of(frame)});
  }
  std::set<std::size_t> doubtful() const {
    return doubtful_files(night_.frames_dir(), *night_.manifest, contents_, *night_.verified, 2, nobody());
  }
  SmallNight night_;
  std::vector<FileContent> contents_;
};

TEST_F(DoubtfulFiles, AreNoneWhereAllIsTrueOrNothingIsSaid) {
  EXPECT_EQ(doubtful(), std::set<std::size_t>{});
  contents_[2] = {};
  EXPECT_EQ(doubtful(), std::set<std::size_t>{});
}

// As of a worker that has an older export of the frames.
TEST_F(DoubtfulFiles, AreThoseOfAnotherFile) {
  contents_[3] = contents_[1];
  contents_[3].sha256[0] = contents_[3].sha256[0] == 'a' ? 'b' : 'a';
  EXPECT_EQ(doubtful(), std::set<std::size_t>{3});
}

// Whoever reads the honest one would find it damaged.
TEST_F(DoubtfulFiles, AreBothOfOneHashWithUnequalSums) {
  contents_[4].sha256 = contents_[0].sha256;
  EXPECT_EQ(doubtful(), (std::set<std::size_t>{0, 4}));
  contents_[0].sums = contents_[4].sums;
  EXPECT_EQ(doubtful(), std::set<std::size_t>{0}) << "files of one content are none";
}

TEST_F(DoubtfulFiles, AFileThatChangedEndsTheMatter) {
  const fs::path file = night_.frames_dir() / night_.manifest->frames[1].path;
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_THROW(doubtful(), InputError);
  fs::remove(file);
  EXPECT_EQ(doubtful(), std::set<std::size_t>{}) << "others could read it";
}

}  // namespace
}  // namespace tilecompile

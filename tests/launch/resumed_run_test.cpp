#include "tilecompile/launch/resumed_run.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/kept_settings.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
const std::string kOld = "66666666-7777-4888-9999-aaaaaaaaaaaa",
                  kNew = "67777777-7777-4888-9999-aaaaaaaaaaaa";

class ResumedRunOf : public testing::Test {
 protected:
  ResumedRunOf() {
    for (const std::string& id : {kOld, kNew}) {
      fs::create_directories(output() / id);
      std::ofstream(output() / id / "events.jsonl") << "{}\n";
    }
    fs::last_write_time(output() / kOld / "events.jsonl",
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
    std::ofstream(output() / kNew / kSettingsFile)
        << encode_settings({"tile.min_size=48", "output.dir=elsewhere", "parallel.batch=2"});
  }
  fs::path output() const { return folder_ / "out"; }
  TempDir folder_;
};

TEST_F(ResumedRunOf, HasTheSettingsOfItsFirstStartButItsPlace) {
  const std::vector<std::string> settings = {"tile.min_size=48", "parallel.batch=2"};
  for (const std::string& name :
       {kNew, std::string("67"), std::string("latest"), (output() / kNew).string()}) {
    SCOPED_TRACE(name);
    const ResumedRun run = find_resumed_run(name, output(), false);
    EXPECT_EQ(run.run_id, kNew);
    EXPECT_TRUE(fs::equivalent(run.output_dir, output()));
    EXPECT_EQ(run.settings, settings);
  }
  EXPECT_TRUE(find_resumed_run(kOld, output(), false).settings.empty());
}

TEST_F(ResumedRunOf, IsTakenWhereItLies) {
  fs::create_directories(folder_ / "other");
  const std::string folder = (output() / kNew).string();
  const ResumedRun run = find_resumed_run(folder, folder_ / "other", false);
  EXPECT_TRUE(fs::equivalent(run.output_dir, output()));
  EXPECT_THROW(find_resumed_run(folder, folder_ / "other", true), UsageError);
}

TEST_F(ResumedRunOf, IsFoundByALinkToItsFolder) {
  fs::create_directory_symlink(kOld, output() / "mine");
  EXPECT_EQ(find_resumed_run((output() / "mine").string(), output(), false).run_id, kOld);
  EXPECT_EQ(find_resumed_run("mine", output(), false).run_id, kOld);
}

TEST_F(ResumedRunOf, ThatNobodyKnowsOrThatIsNotOne) {
  EXPECT_THROW(find_resumed_run("6", output(), false), UsageError);
  EXPECT_THROW(find_resumed_run("99", output(), false), UsageError);
  EXPECT_EQ(find_resumed_run("99999999-7777-4888-9999-aaaaaaaaaaaa", output(), false).settings.size(), 0u);
}

}  // namespace
}  // namespace tilecompile

#include "tilecompile/operate/run_list.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

const std::string kOld = "aaaa0000-7777-4888-9999-aaaaaaaaaaaa",
                  kNew = "aabb0000-7777-4888-9999-aaaaaaaaaaaa";

void put(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

class RunList : public testing::Test {
 protected:
  RunList() {
    for (const std::string& id : {kOld, kNew}) {
      fs::create_directory(folder_ / id);
      put(folder_ / id / "events.jsonl", "");
    }
    fs::last_write_time(folder_ / kOld / "events.jsonl",
                        fs::last_write_time(folder_ / kNew / "events.jsonl") - std::chrono::hours(1));
  }
  TempDir folder_;
};

TEST_F(RunList, TheLatestComesFirstWithWhatCameOut) {
  put(folder_ / kNew / "run.json",
      R"({"status": "done", "started": "2026-11-28T10:00:00Z", "frames": {"count": 60}, "products": {"stack":
          {"quality_common_area": [{"fwhm_change_percent": -10.0, "background_rms_change_percent": 2.0},
                                   {"fwhm_change_percent": -20.0, "background_rms_change_percent": 2.0}]}}})");
  put(folder_ / kOld / "run.json", R"({"status": "failed", "error": {"kind": "input", "text": "no stars"}})");
  const auto runs = list_runs(folder_.path());
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].run_id, kNew);
  EXPECT_EQ(runs[0].frames, 60);
  EXPECT_EQ(runs[0].verdict, "15.0 % sharper, 2.0 % noisier");
  EXPECT_EQ(runs[1].status, "failed");
  EXPECT_EQ(runs[1].verdict, "no stars");
}

TEST_F(RunList, TheTargetIsThatOfThePicture) {
  ProductHeader header;
  header.kept_records = {"OBJECT  = 'NGC 6888'           / target" + std::string(80 - 40, ' ')};
  write_image(folder_ / kNew / "classical.fits", Image{Plane<float>(4, 3, 1.0F)}, header);
  EXPECT_EQ(list_runs(folder_.path())[0].target, "NGC 6888");
}

TEST_F(RunList, AFolderThatIsNotThereIsNamed) { EXPECT_THROW(list_runs(folder_ / "nowhere"), UsageError); }

TEST_F(RunList, AFolderOfARunsNameIsListedAndLeadsToIt) {
  fs::create_directory(folder_ / "M_51");
  fs::create_directory_symlink("../" + kOld, folder_ / "M_51" / "work");
  EXPECT_EQ(list_runs(folder_.path())[1].folder, folder_ / "M_51");
  EXPECT_EQ(list_runs(folder_.path())[0].folder, fs::path());
  for (const std::string& name :
       {std::string("M_51"), (folder_ / "M_51").string(), (folder_ / "M_51/").string()})
    EXPECT_EQ(find_run_directory(name, folder_.path()), folder_ / kOld) << name;
}

TEST_F(RunList, ARunIsFoundByTheBeginningOfItsId) {
  EXPECT_EQ(find_run_directory("aaaa", folder_.path()), folder_ / kOld);
  EXPECT_EQ(find_run_directory("aab", folder_.path()), folder_ / kNew);
  EXPECT_EQ(find_run_directory("latest", folder_.path()), folder_ / kNew);
  EXPECT_EQ(find_run_directory(kOld, folder_.path()), folder_ / kOld);
  EXPECT_THROW(find_run_directory("aa", folder_.path()), UsageError);
  EXPECT_THROW(find_run_directory("cc", folder_.path()), UsageError);
}

}  // namespace
}  // namespace tilecompile

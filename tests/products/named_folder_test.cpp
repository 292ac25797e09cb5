#include "tilecompile/products/named_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "test_data.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

const std::string kFirst = "aaaa0000-7777-4888-9999-aaaaaaaaaaaa",
                  kSecond = "bbbb0000-7777-4888-9999-aaaaaaaaaaaa";

void put(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

class NamedFolder : public testing::Test {
 protected:
  fs::path run(const std::string& id, const std::string& name = "", const std::string& object = "M 51",
               const std::string& date = "2026-03-14T21:00:00") {
    const fs::path directory = folder_ / id;
    fs::create_directories(directory / "tiles");
    ProductHeader header;
    header.cards = {{"RUNID", id, "run"}};
    if (!object.empty()) header.cards.push_back({"OBJECT", object, ""});
    if (!date.empty()) header.cards.push_back({"DATE-OBS", date, ""});
    write_image(directory / "stacked.fit", Image{Plane<float>(4, 3, 1.0F)}, header);
    for (const char* file : {"stacked.coverage.fits", "stacked.neff.fits", "rejected.fits", "preview.png",
                             "preview.jpg", "report.html", "journal.jsonl", "classical.fits"})
      put(directory / file, file);
    put(directory / "run.json", R"({"run_id": ")" + id + R"(", "started": "2026-11-28T10:00:00Z", "products":
        {"stack": {"file": "stacked.fit"}}, "configuration": {"output": {"name": ")" +
                                    name + R"("}}})");
    return directory;
  }
  TempDir folder_;
};

TEST_F(NamedFolder, HasThePictureOnTopMapsBelowAndLeadsToTheRun) {
  const fs::path directory = run(kFirst), named = gather_by_name(directory);
  EXPECT_EQ(named, folder_ / "M_51_2026-03-14");
  std::set<std::string> names;
  for (const auto& item : fs::directory_iterator(named)) names.insert(item.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"stacked.fit", "preview.png", "preview.jpg", "report.html", "maps",
                                          "work"}));
  EXPECT_TRUE(fs::equivalent(named / "stacked.fit", directory / "stacked.fit"));
  for (const char* map : {"stacked.coverage.fits", "stacked.neff.fits", "rejected.fits"})
    EXPECT_TRUE(fs::equivalent(named / "maps" / map, directory / map)) << map;
  EXPECT_TRUE(fs::equivalent(named / "work", directory));
  EXPECT_EQ(run_of_folder(named), kFirst);
  EXPECT_EQ(run_of_folder(directory), "");
  EXPECT_EQ(named_folders(folder_.path()), (std::map<std::string, fs::path>{{kFirst, named}}));
}

TEST_F(NamedFolder, KeepsItsNameAndTakesNoOther) {
  const fs::path first = run(kFirst), second = run(kSecond);
  fs::create_directory(folder_ / "M_51_2026-03-14");  // somebody's own
  EXPECT_EQ(gather_by_name(first), folder_ / "M_51_2026-03-14_2");
  EXPECT_EQ(gather_by_name(second), folder_ / "M_51_2026-03-14_3");
  fs::remove(first / "report.html");
  put(first / "report.html", "anew");
  EXPECT_EQ(gather_by_name(first), folder_ / "M_51_2026-03-14_2");
  EXPECT_TRUE(fs::equivalent(folder_ / "M_51_2026-03-14_2" / "report.html", first / "report.html"));
  EXPECT_TRUE(fs::is_empty(folder_ / "M_51_2026-03-14"));
}

TEST_F(NamedFolder, IsCalledAsToldOrByWhatIsKnown) {
  EXPECT_EQ(gather_by_name(run(kFirst, "Whirlpool, LRGB")), folder_ / "Whirlpool, LRGB");
  EXPECT_EQ(gather_by_name(run(kSecond, "", "", "")), folder_ / "picture_2026-11-28");
  EXPECT_EQ(name_of_run(folder_ / kFirst), "Whirlpool, LRGB");
  EXPECT_EQ(name_of_run(folder_ / kSecond), "picture_2026-11-28");
  EXPECT_EQ(folder_word("NGC 7000 / Pelican: east"), "NGC_7000_Pelican_east");
  EXPECT_EQ(folder_word("../.hidden"), "hidden");
  EXPECT_EQ(folder_word("-rf *"), "rf");
  EXPECT_EQ(folder_word("\xce\xb1 Cen + B"), "\xce\xb1_Cen_+_B");
  EXPECT_EQ(folder_word(" ? "), "");
}

TEST_F(NamedFolder, OfARunWithoutAPictureIsNotMade) {
  const fs::path directory = run(kFirst);
  put(directory / "run.json", R"({"products": {"classical": {"file": "classical.fits"}}})");
  EXPECT_EQ(gather_by_name(directory), fs::path());
  EXPECT_EQ(name_of_run(directory), "");
  fs::remove(directory / "run.json");
  EXPECT_EQ(gather_by_name(directory), fs::path());
  EXPECT_TRUE(named_folders(folder_.path()).empty());
}

}  // namespace
}  // namespace tilecompile

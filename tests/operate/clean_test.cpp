#include "tilecompile/operate/clean.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/run_directory.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

class Clean : public testing::Test {
 protected:
  Clean() { request_.output_dir = folder_.path() / "out"; }
  /// A run with two tiles in its folder, and a third in the storage beside it.
  std::string make_run(const std::string& status) {
    std::string id = new_uuid();
    const fs::path run = request_.output_dir / id, storage = folder_.path() / "shared";
    RunDirectory directory(request_.output_dir, id);
    directory.append_event("run_started");
    if (!status.empty())
      directory.write("run.json",
                      json{{"status", status},
                           {"configuration", {{"storage", {{"type", "file"}, {"root", storage.string()}}}}}}
                          .dump());
    for (const char* kept : {"reconstruction.fits", "grid.json", "report.html"})
      write_text(run / kept, "kept");
    for (const char* tile : {"tiles/tile_000000.fits", "tiles/.tmp-left", "synthetic_tiles/tile_000000.fits"})
      write_text(run / tile, "12345");
    for (const char* object : {"tiles/tile_000001.fits", "config.json"})
      write_text(storage / id / object, "1234567");
    return id;
  }
  std::map<std::string, CleanedRun> clean() const {
    std::map<std::string, CleanedRun> all;
    clean_runs(request_, [&](const CleanedRun& run) { all[run.run_id] = run; });
    return all;
  }
  bool there(const std::string& id, const char* file) const {
    return fs::exists(request_.output_dir / id / file);
  }
  bool stored(const std::string& id) const { return fs::exists(folder_.path() / "shared" / id); }

  TempDir folder_;
  CleanRequest request_;
};

TEST_F(Clean, RemovesTheWorkingFilesOfEndedRunsAndNothingElse) {
  const std::string done = make_run("done"), missed = make_run("failed_validation");
  request_.remove = true;
  const auto outcome = clean();
  for (const std::string& id : {done, missed}) {
    EXPECT_EQ(outcome.at(id).files, 4u);
    EXPECT_EQ(outcome.at(id).bytes, 24u);
    EXPECT_FALSE(there(id, "tiles")) << id;
    EXPECT_FALSE(there(id, "synthetic_tiles"));
    EXPECT_FALSE(stored(id));
    for (const char* kept : {"reconstruction.fits", "grid.json", "report.html", "run.json", "events.jsonl"})
      EXPECT_TRUE(there(id, kept)) << kept;
  }
  EXPECT_EQ(clean().at(done).files, 0u);
}

TEST_F(Clean, OnlyLooksUnlessToldTo) {
  const std::string id = make_run("done");
  EXPECT_EQ(clean().at(id).files, 4u);
  EXPECT_TRUE(there(id, "tiles/tile_000000.fits"));
  EXPECT_TRUE(there(id, "tiles/.tmp-left"));
  EXPECT_TRUE(stored(id));
}

TEST_F(Clean, ARunThatCanBeResumedIsTakenByNameOnly) {
  request_.remove = true;
  for (const char* status : {"failed", "interrupted", ""}) {
    const std::string id = make_run(status);
    request_.runs.clear();
    EXPECT_THAT(clean().at(id).kept, HasSubstr("can be resumed")) << status;
    EXPECT_TRUE(there(id, "tiles/tile_000000.fits"));
    request_.runs = {id};
    EXPECT_EQ(clean().at(id).kept, "");
    EXPECT_FALSE(there(id, "tiles"));
  }
}

TEST_F(Clean, ARunUnderWayIsNeverTaken) {
  const std::string id = make_run("done");
  const RunDirectory master(request_.output_dir, id);
  request_.remove = true;
  for (const bool named : {false, true}) {
    request_.runs = named ? std::vector<std::string>{id} : std::vector<std::string>{};
    EXPECT_EQ(clean().at(id).kept, "it is under way");
    EXPECT_TRUE(there(id, "tiles/tile_000000.fits"));
  }
}

TEST_F(Clean, YoungRunsStay) {
  const std::string id = make_run("done");
  request_.older_than_s = 3600;
  EXPECT_EQ(clean().at(id).kept, "it is younger");
  fs::last_write_time(request_.output_dir / id / "events.jsonl",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_EQ(clean().at(id).files, 4u);
}

// A tile folder that somebody moved away and linked is not ours to empty.
TEST_F(Clean, LinksAreNotFollowed) {
  const std::string id = make_run("done");
  const fs::path tiles = request_.output_dir / id / "tiles", away = folder_.path() / "away";
  fs::rename(tiles, away);
  fs::create_directory_symlink(away, tiles);
  request_.remove = true;
  EXPECT_THROW(clean(), InputError);
  EXPECT_TRUE(fs::exists(away / "tile_000000.fits"));
}

TEST_F(Clean, WhatIsNoRunIsSaid) {
  request_.runs = {new_uuid()};
  EXPECT_THROW(clean(), UsageError);
  request_.runs.clear();
  EXPECT_THROW(clean(), UsageError);  // there is no folder of runs
}

TEST(CleanAge, HasAUnit) {
  EXPECT_EQ(parse_age_s("90m"), 5400);
  EXPECT_EQ(parse_age_s("1.5h"), 5400);
  EXPECT_EQ(parse_age_s("30d"), 30 * 86400);
  EXPECT_EQ(parse_age_s("4w"), 28 * 86400);
  for (const char* wrong : {"", "30", "d", "-1d", "30 d", "30dd", "nand", "1e9d"})
    EXPECT_THROW(parse_age_s(wrong), UsageError) << wrong;
}

}  // namespace
}  // namespace tilecompile

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/fits/tile_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const char* const kCommandsRunId = "0a1b2c3d-0000-4000-8000-000000000007";

/// A simulated night and one run over it with synthetic frames; shared by the cases, which restore what they
/// change.
class Commands : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    ASSERT_EQ(run_program("simulate --profile v2 " + path("night") +
                          " --frames 9 --width 131 --height 97 --stars 30 "
                          "--drift 15 --threads 2")
                  .exit_code,
              0);
    const ProgramOutput run =
        run_program("run " + yaml() + " --quiet --run-id " + kCommandsRunId + " --output " + path("out") +
                    " --set synthetic.enabled=true --set synthetic.frames_min=2 --set tile.min_size=32 --set "
                    "output.tiff=true");
    ASSERT_EQ(run.exit_code, 0) << run.text;
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static std::string path(const std::string& name) { return "'" + (*folder_ / name).string() + "'"; }
  static std::string yaml() { return path("night/run.yaml"); }
  static fs::path run_dir() { return *folder_ / "out" / kCommandsRunId; }
  static std::string tile(const std::string& more) { return "tile '" + run_dir().string() + "' " + more; }
  static void write(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
  static std::unique_ptr<TempDir> folder_;
};
std::unique_ptr<TempDir> Commands::folder_;

TEST_F(Commands, EveryTileOfARunComesOutTheSameAgain) {
  const int tiles = run_record(run_dir()).at("tiles").at("count");
  ASSERT_GT(tiles, 4);
  for (int id = 0; id < tiles; id += 3)
    for (const char* more : {"", " --synthetic"}) {
      const ProgramOutput out = run_program(tile(std::to_string(id) + more));
      EXPECT_EQ(out.exit_code, 0) << out.text;
      EXPECT_THAT(out.text, testing::StartsWith("equal\n"));
    }
}

TEST_F(Commands, WithoutMetricsOfTilesTheTilesAreSmallerAndThePictureIsTheSame) {
  const std::string id = "0a1b2c3d-0000-4000-8000-000000000008";
  const fs::path plain = *folder_ / "plain" / id;
  const std::string settings = " --set synthetic.enabled=false --set tile.min_size=32";
  const ProgramOutput run = run_program("run " + yaml() + " --quiet --run-id " + id + " --output " +
                                        path("plain") + settings + " --set output.tile_metrics=false");
  ASSERT_EQ(run.exit_code, 0) << run.text;
  EXPECT_EQ(run_program("compare '" + (plain / "reconstruction.fits").string() + "' '" +
                        (run_dir() / "reconstruction.fits").string() + "'")
                .exit_code,
            0);
  EXPECT_FALSE(fs::exists(plain / "tile_metrics.fits"));
  EXPECT_TRUE(fs::exists(run_dir() / "tile_metrics.fits"));
  const char* const some_tile = "tiles/tile_000002.fits";
  EXPECT_LT(fs::file_size(plain / some_tile), fs::file_size(run_dir() / some_tile));
  EXPECT_EQ(run_program("tile '" + plain.string() + "' 2").exit_code, 0);
  EXPECT_EQ(run_program("explain '" + plain.string() + "' 60 40").exit_code, 0);
  EXPECT_EQ(run_program("report '" + plain.string() + "'").exit_code, 0);
}

TEST_F(Commands, AChangedTileIsShownByItsFirstPixel) {
  const fs::path file = run_dir() / "tiles/tile_000002.fits";
  const std::string good = file_text(file);
  TileFile changed = decode_tile_file(good);
  changed.pixels[0].at(5, 3) += 1.0F;
  write(file, encode_tile_file(changed));
  const ProgramOutput out = run_program(tile("2"));
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_THAT(out.text, HasSubstr("different\n"));
  EXPECT_THAT(out.text, HasSubstr("x=5 y=3"));
  EXPECT_THAT(out.text, HasSubstr("the stored tile was replaced after the run accepted it"));
  // Without the object the journal still knows the checksum.
  fs::remove(file);
  EXPECT_EQ(run_program(tile("2")).exit_code, 0);
  write(file, good);
  EXPECT_EQ(run_program(tile("2")).exit_code, 0);
}

TEST_F(Commands, ATileThatCannotBeComputedIsAnInputError) {
  const auto expect_input_error = [](const std::string& arguments, const std::string& words) {
    const ProgramOutput out = run_program(arguments);
    EXPECT_EQ(out.exit_code, 4) << out.text;
    EXPECT_THAT(out.text, HasSubstr(words));
  };
  expect_input_error(tile("9999"), "there is no tile 9999");
  expect_input_error("tile " + path("night") + " 0", "not named by a run id");
  expect_input_error(tile("0 --input-dir /nowhere"), "name it with --input-dir");
  const fs::path frame = *folder_ / "night/frames/frame_00004.fits";
  const std::string good = file_text(frame);
  write(frame, good + std::string(2880, '\0'));
  expect_input_error(tile("0"), "frame_00004.fits");
  write(frame, good);
  EXPECT_EQ(run_program("tile '" + run_dir().string() + "' nine").exit_code, 2);
}

TEST_F(Commands, AnyImageCanBeDrawn) {
  for (const char* name : {"preview.png", "preview.jpg", "picture.tif"})
    EXPECT_TRUE(fs::exists(run_dir() / name)) << name;
  const std::string fits = "'" + (run_dir() / "classical.fits").string() + "'";
  ProgramOutput out = run_program("preview " + fits);
  EXPECT_EQ(out.exit_code, 0) << out.text;
  EXPECT_EQ(out.text, (run_dir() / "classical.png").string() + "\n");
  EXPECT_EQ(file_text(run_dir() / "classical.png").substr(1, 3), "PNG");
  out = run_program("preview " + fits + " -o " + path("x.jpg") + " --size 60 --grid --stars --linked");
  EXPECT_EQ(out.exit_code, 0) << out.text;
  EXPECT_EQ(file_text(*folder_ / "x.jpg").substr(0, 2), "\xff\xd8");
  out = run_program("preview " + fits + " -o " + fits);
  EXPECT_EQ(out.exit_code, 2);
  EXPECT_THAT(out.text, HasSubstr("would overwrite"));
  EXPECT_EQ(run_program("preview " + fits + " -o " + path("x.bmp")).exit_code, 2);
  EXPECT_EQ(run_program("preview " + yaml()).exit_code, 4);
}

TEST_F(Commands, APlanSaysWhatTheRunDoesAndWritesNothing) {
  const json record = run_record(run_dir());
  const std::string seeing = std::to_string(record.at("seeing_px").get<double>());
  const std::string arguments = "plan " + yaml() + " --quiet --output " + path("never") + " --fwhm " +
                                seeing +
                                " --set tile.min_size=32 --set parallel.batch=5 --set synthetic.enabled=true "
                                "--set synthetic.frames_min=2";
  const ProgramOutput out = run_program(arguments + " --json");
  ASSERT_EQ(out.exit_code, 0) << out.text;
  const json plan = json::parse(out.text);
  EXPECT_EQ(plan.at("frames"), record.at("frames"));
  EXPECT_EQ(plan.at("config_hash"), record.at("config_hash"));
  EXPECT_EQ(plan.at("frames_manifest_id"), record.at("frames_manifest_id"));
  EXPECT_EQ(plan.at("tiles").at("count"), record.at("tiles").at("count"));
  EXPECT_EQ(plan.at("tiles").at("size_px"), record.at("tiles").at("size_px"));
  EXPECT_EQ(plan.at("synthetic_frames"), record.at("cluster_sizes").size());
  const int tiles = plan.at("tiles").at("count");
  EXPECT_EQ(plan.at("tasks").at("1"), tiles);
  EXPECT_EQ(plan.at("tasks").at("5"), (tiles + 4) / 5);
  std::uintmax_t bytes = 0;
  for (const auto& item : fs::directory_iterator(*folder_ / "night/frames")) bytes += item.file_size();
  ASSERT_EQ(plan.at("phases").size(), 6u);
  for (const json& phase : plan.at("phases")) {
    if (phase.at("name") == "scan" || phase.at("name") == "write products")
      EXPECT_EQ(phase.at("read_bytes"), 0);
    else
      EXPECT_GE(phase.at("read_bytes"), bytes);
    EXPECT_GE(phase.at("seconds"), 0);
  }
  double memory = 0;
  for (const json& phase : plan.at("phases"))
    memory = std::max(memory, phase.at("memory_bytes").get<double>());
  EXPECT_GT(memory, 0.3 * record.at("peak_memory_bytes").get<double>());
  EXPECT_LT(memory, 3 * record.at("peak_memory_bytes").get<double>());
  const ProgramOutput table = run_program(arguments);
  EXPECT_EQ(table.exit_code, 0);
  for (const char* word : {"given by --fwhm", "5 (configured): ", "reconstruct tiles", "estimates"})
    EXPECT_THAT(table.text, HasSubstr(word));
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
}

TEST_F(Commands, APlanMeasuresTheSeeingAndRefusesWhatTheRunWouldRefuse) {
  const ProgramOutput out = run_program("plan " + yaml() + " --quiet --json");
  ASSERT_EQ(out.exit_code, 0) << out.text;
  const json plan = json::parse(out.text);
  const double whole = run_record(run_dir()).at("seeing_px");
  EXPECT_NEAR(plan.at("seeing_px").get<double>(), whole, 0.2 * whole);
  EXPECT_EQ(plan.at("sample_frames"), 4);
  const ProgramOutput few = run_program("plan " + yaml() + " --quiet --set data.frames_min=10");
  EXPECT_EQ(few.exit_code, 4);
  EXPECT_THAT(few.text, HasSubstr("data.frames_min"));
}

TEST_F(Commands, ConfigPrintsWhatItsOwnOutputMeans) {
  const ProgramOutput first =
      run_program("config " + yaml() + " --set tile.min_size=32 --set output.tiff=true");
  ASSERT_EQ(first.exit_code, 0) << first.text;
  EXPECT_THAT(first.text, testing::StartsWith("# config_hash "));
  EXPECT_THAT(first.text, HasSubstr("\n  min_size: 32\n"));
  write(*folder_ / "again.yaml", first.text);
  EXPECT_EQ(run_program("config " + path("again.yaml")).text, first.text);
  const ProgramOutput schema = run_program("config schema");
  EXPECT_EQ(schema.exit_code, 0);
  EXPECT_EQ(schema.text, file_text(fs::path(source_dir()) / "config/tilecompile.schema.json"));
}

TEST_F(Commands, ConfigNamesThePlaceOfAnErrorAndTheKeysItIgnores) {
  write(*folder_ / "bad.yaml", "tile:\n  min_sice: 5\n");
  const ProgramOutput bad = run_program("config " + path("bad.yaml"));
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.text,
              HasSubstr("bad.yaml:2:3: unknown key 'tile.min_sice'; did you mean 'tile.min_size'?"));
  write(*folder_ / "v3.yaml", "bge: {enabled: true}\nstacking: {cosmetic_correction: true}\n");
  const ProgramOutput newer = run_program("config " + path("v3.yaml"));
  EXPECT_EQ(newer.exit_code, 0);
  EXPECT_THAT(newer.text, HasSubstr("are ignored: bge, stacking.cosmetic_correction"));
}

TEST(Package, ManPagesAndCompletionFollowTheCommands) {
  const TempDir folder;
  const ProgramOutput made = run_program("manual '" + folder.path().string() + "'");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  const std::string page = file_text(folder / "man1/tilecompile-status.1");
  EXPECT_THAT(page, testing::StartsWith(".TH TILECOMPILE\\-STATUS 1"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-broker\\fR \\fIVALUE\\fR"));
  for (const char* file :
       {"tilecompile.1", "tilecompile-run.1", "tilecompile-dlq.1", "tilecompile-explain.1"})
    EXPECT_TRUE(fs::exists(folder / "man1" / file)) << file;
  EXPECT_FALSE(fs::exists(folder / "man1/tilecompile-manual.1")) << "help does not list it either";
  const auto completed = [&](const std::string& words) {
    return run_shell("bash -c 'source " + (folder / "tilecompile.bash").string() +
                     "; COMP_WORDS=(tilecompile " + words +
                     "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tilecompile; echo ${COMPREPLY[@]}'")
        .text;
  };
  EXPECT_EQ(completed("sta"), "status\n");
  EXPECT_EQ(completed("status --br"), "--broker\n");
  EXPECT_EQ(completed("dlq dr"), "drop\n");
}

}  // namespace
}  // namespace tilecompile

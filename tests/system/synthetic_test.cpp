#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/fits/image_file.hpp"

// What the whole method must keep, by the built program: order and names of the input files, constant frames,
// one cluster, a failed validation, and products that other programs open.

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const std::string kSyntheticRunId = "11111111-2222-4333-8444-888888888888";
constexpr int kFrames = 14;

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

class Synthetic : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    night_ = std::make_unique<TempDir>();
    ASSERT_EQ(
        run_program("simulate --profile v2 " + quoted(*night_ / "night") + " --frames " +
                    std::to_string(kFrames) + " --width 260 --height 190 --stars 70 --drift 30 --seed 4")
            .exit_code,
        0);
  }
  static void TearDownTestSuite() { night_.reset(); }

  static fs::path frames() { return *night_ / "night/frames"; }
  static fs::path frame(int i) {
    char name[32];
    std::snprintf(name, sizeof name, "frame_%05d.fits", i);
    return frames() / name;
  }
  /// Runs over the frames of a folder and returns its run directory.
  fs::path run(const std::string& name, const fs::path& input, const std::string& flags,
               int expected_exit = 0) {
    std::ofstream(dir_ / "run.yaml") << "input: {dir: '" << input.string() << "'}\n"
                                     << "tile: {min_size: 40}\n"
                                     << "synthetic: {enabled: true, frames_min: 3}\n";
    const ProgramOutput end = run_program("run " + quoted(dir_ / "run.yaml") + " --quiet --output " +
                                          quoted(dir_ / name) + " --run-id " + kSyntheticRunId + " " + flags);
    EXPECT_EQ(end.exit_code, expected_exit) << end.text;
    said_ = end.text;
    return dir_ / name / kSyntheticRunId;
  }
  static json clusters(const fs::path& run_dir) { return json::parse(file_text(run_dir / "clusters.json")); }

  static std::unique_ptr<TempDir> night_;
  TempDir dir_;
  std::string said_;
};
std::unique_ptr<TempDir> Synthetic::night_;

TEST_F(Synthetic, NamesAndOrderOfTheFilesOnDiskChangeNothing) {
  const fs::path first = run("first", frames(), "");
  const auto digests = product_digests(first);
  ASSERT_EQ(digests.size(), 3u + 3u);
  // Other names with the same natural order, written last to first, with times that say yet another order.
  fs::create_directories(dir_ / "renamed");
  for (int i = kFrames; i >= 1; --i) {
    const fs::path copy = dir_ / "renamed" / ("Light " + std::to_string(i) + ".FIT");
    fs::copy_file(frame(i), copy);
    fs::last_write_time(copy, fs::file_time_type::clock::now() - std::chrono::hours(i * 7 % kFrames));
  }
  const fs::path renamed = run("renamed-out", dir_ / "renamed", "--threads 3");
  EXPECT_EQ(product_digests(renamed), digests);
  EXPECT_EQ(clusters(renamed), clusters(first));
  EXPECT_NE(run_record(renamed).at("frames_manifest_id"), run_record(first).at("frames_manifest_id"));
  const fs::path again = run("again", frames(), "--threads 1 --set parallel.batch=1");
  EXPECT_EQ(product_digests(again), digests);
  EXPECT_EQ(clusters(again), clusters(first));
}

TEST_F(Synthetic, OneClusterOfAllFramesIsTheReconstruction) {
  for (const std::string rescale : {"none", "median_after_background_subtraction"}) {
    const fs::path out = run("one-" + rescale, frames(),
                             "--set synthetic.frames_min=1 --set synthetic.frames_max=1 "
                             "--set reconstruction.tile_rescale=" +
                                 rescale);
    const auto digests = product_digests(out);
    EXPECT_EQ(digests.at("syn_00"), digests.at("reconstruction")) << rescale;
    EXPECT_EQ(digests.at("stack"), digests.at("reconstruction")) << rescale;
    EXPECT_NE(digests.at("stack"), digests.at("classical"));
    for (const char* map : {".coverage.fits", ".weight.fits"})
      EXPECT_EQ(read_image(out / ("synthetic/syn_00" + std::string(map)))[0].samples(),
                read_image(out / ("reconstruction" + std::string(map)))[0].samples())
          << map;
  }
}

TEST_F(Synthetic, ConstantFramesGiveAConstantStack) {
  fs::create_directories(dir_ / "constant");
  for (int i = 1; i <= kFrames; ++i)
    write_image(dir_ / "constant" / ("c" + std::to_string(i) + ".fits"),
                std::vector{Plane<std::uint16_t>(120, 90, static_cast<std::uint16_t>(300 + 10 * i))}, {});
  for (const std::string weighting : {"tile_weighted", "global"}) {
    const fs::path out =
        run("constant-" + weighting, dir_ / "constant", "--set synthetic.weighting=" + weighting);
    for (const char* name : {"stacked.fit", "synthetic/syn_00.fits", "synthetic/syn_02.fits"}) {
      const Image image = read_image(out / name);
      for (const float v : image[0].samples()) ASSERT_FLOAT_EQ(v, 375.0F) << name;
    }
  }
}

TEST_F(Synthetic, AFailedValidationExitsThreeAndKeepsEverything) {
  const fs::path good = run("good", frames(), "");
  const fs::path bad = run("bad", frames(), "--set validation.min_fwhm_improvement_percent=90", 3);
  EXPECT_THAT(said_, HasSubstr("FAILED     fwhm_improvement_percent"));
  EXPECT_EQ(run_record(bad).at("status"), "failed_validation");
  EXPECT_EQ(product_digests(bad), product_digests(good));
  std::vector<std::string> kept, all;
  for (const auto& item : fs::recursive_directory_iterator(bad)) kept.push_back(fs::relative(item, bad));
  for (const auto& item : fs::recursive_directory_iterator(good)) all.push_back(fs::relative(item, good));
  std::sort(kept.begin(), kept.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(kept, all);
  EXPECT_GT(kept.size(), 30u);
}

TEST_F(Synthetic, OtherProgramsOpenEveryProduct) {
  const fs::path out = run("products", frames(), "");
  std::string files;
  for (const auto& item : fs::recursive_directory_iterator(out))
    if (item.path().extension() == ".fits" || item.path().extension() == ".fit")
      files += " " + quoted(item.path());
  if (run_shell("command -v fitsverify").exit_code == 0) {
    const ProgramOutput verified = run_shell("fitsverify -q" + files);
    EXPECT_EQ(verified.exit_code, 0) << verified.text;
    EXPECT_THAT(verified.text, testing::Not(HasSubstr("FAILED")));
    EXPECT_THAT(verified.text, HasSubstr("verification OK"));
  } else if (std::getenv("CI") != nullptr) {
    FAIL() << "fitsverify is not installed";
  }
  if (run_shell("command -v siril-cli").exit_code == 0) {
    std::ofstream(dir_ / "load.ssf") << "requires 1.0.0\nload stacked.fit\nstat\nload classical.fits\n"
                                     << "load reconstruction.fits\nload synthetic/syn_01.fits\n"
                                     << "load reconstruction.weight.fits\nload stacked.coverage.fits\n";
    const ProgramOutput loaded = run_shell("HOME=" + quoted(dir_.path()) + " siril-cli -d " + quoted(out) +
                                           " -s " + quoted(dir_ / "load.ssf"));
    EXPECT_EQ(loaded.exit_code, 0) << loaded.text;
    EXPECT_THAT(loaded.text, HasSubstr("Script execution finished successfully"));
  } else if (std::getenv("CI") != nullptr) {
    FAIL() << "siril-cli is not installed";
  }
}

}  // namespace
}  // namespace tilecompile

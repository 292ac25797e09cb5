#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "test_data.hpp"

// Runs of the real program on a simulated night, recomputed from the frames by tests/oracle/run_oracle.py,
// which was written from the method's text and shares no code with the program.

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

struct Output {
  int exit_code = -1;
  std::string text;
};

std::string quoted(const fs::path& path) {
  std::string text = path.string();
  text.insert(text.begin(), '\'');
  text.push_back('\'');
  return text;
}

// Standard output and error of a shell command.
Output shell(const std::string& command) {
  Output output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.text.append(buffer.data(), n);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) output.exit_code = WEXITSTATUS(status);
  return output;
}

// A python with numpy and astropy; empty when there is none.
std::string find_python() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (shell(std::string(python) + " -c 'import numpy, astropy'").exit_code == 0) return python;
  return {};
}

const std::string kProgram = "'" TILECOMPILE_BINARY "' ";
const std::string kNight = " --frames 12 --width 400 --height 300 --stars 150 --drift 80 ";
// Small tiles: some hold three reference stars, most do not.
const std::string kSmallTiles = " --set tile.min_size=48 ";

class Oracle : public ::testing::Test {
 protected:
  void SetUp() override {
    python_ = find_python();
    if (!python_.empty()) return;
    if (std::getenv("CI") != nullptr) FAIL() << "no python with numpy and astropy";
    GTEST_SKIP() << "no python with numpy and astropy";
  }

  // Simulates a night, runs the program on it and sets run_dir_.
  void run_night(const std::string& simulate_flags, const std::string& run_flags) {
    const Output night = shell(kProgram + "simulate " + quoted(dir_ / "night") + kNight + simulate_flags);
    ASSERT_EQ(night.exit_code, 0) << night.text;
    const Output run = shell(kProgram + "run " + quoted(dir_ / "night/run.yaml") + " --output " +
                             quoted(dir_ / "runs") + kSmallTiles + run_flags);
    // 3: done, and the small simulated night misses a threshold of quality, which is not the matter here.
    ASSERT_TRUE(run.exit_code == 0 || run.exit_code == 3) << run.text;
    std::vector<fs::path> runs;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_ / "runs"))
      if (fs::exists(entry.path() / "run.json")) runs.push_back(entry.path());
    ASSERT_EQ(runs.size(), 1u) << run.text;
    run_dir_ = runs.front();
  }

  Output judge() const {
    return shell(python_ + " '" TILECOMPILE_SOURCE_DIR "/tests/oracle/run_oracle.py' " + quoted(run_dir_) +
                 " " + quoted(dir_ / "night/frames"));
  }

  void expect_agreement() const {
    const Output verdict = judge();
    std::printf("%s", verdict.text.c_str());
    EXPECT_EQ(verdict.exit_code, 0) << verdict.text;
    EXPECT_EQ(verdict.text.find("(0 STAR"), std::string::npos) << "no STAR tile was checked";
    EXPECT_EQ(verdict.text.find(" 0 STRUCTURE)"), std::string::npos) << "no STRUCTURE tile was checked";
  }

  TempDir dir_;
  std::string python_;
  fs::path run_dir_;
};

// Flips one high bit of the fraction of a float32 pixel of the primary HDU: it moves by an eighth at most.
void change_pixel(const fs::path& fits_file, std::size_t pixel) {
  constexpr std::size_t kBlock = 2880;
  std::fstream file(fits_file, std::ios::in | std::ios::out | std::ios::binary);
  std::string block(kBlock, ' ');
  std::size_t header_size = 0;
  const std::string end = "END" + std::string(77, ' ');
  bool ended = false;
  while (!ended && file.read(block.data(), kBlock)) {
    header_size += kBlock;
    for (std::size_t card = 0; card < kBlock; card += end.size()) ended |= block.substr(card, 80) == end;
  }
  ASSERT_TRUE(ended) << fits_file << " has no header";
  const auto place = static_cast<std::streamoff>(header_size + pixel * 4 + 1);  // second byte, big-endian
  char byte = 0;
  file.seekg(place);
  file.read(&byte, 1);
  file.seekp(place);
  byte = static_cast<char>(byte ^ 0x10);
  file.write(&byte, 1);
  ASSERT_TRUE(file.good());
}

TEST_F(Oracle, AgreesOnMono) {
  run_night("", "--set reconstruction.tile_rescale=none");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnRescaledTiles) {
  run_night("--seed 2", "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnThreeChannels) {
  run_night("--seed 3 --channels 3", "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnFloats) {
  run_night("--seed 4 --bitpix -32", "--set output.units=normalized --set normalization.mode=median");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSumsInSmallChunks) {
  run_night("--seed 5 --bad 0.2", "--set reconstruction.frame_chunk=5");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, FindsAChangedPixel) {
  run_night("", "");
  if (HasFatalFailure()) return;
  change_pixel(run_dir_ / "reconstruction.fits", 150 * 400 + 200);
  if (HasFatalFailure()) return;
  const Output verdict = judge();
  EXPECT_EQ(verdict.exit_code, 1) << verdict.text;
  EXPECT_NE(verdict.text.find("FAIL"), std::string::npos) << verdict.text;
}

}  // namespace
}  // namespace tilecompile

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
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
    run(dir_ / "night/run.yaml", kSmallTiles + run_flags);
  }

  void run(const fs::path& yaml, const std::string& flags) {
    const Output run =
        shell(kProgram + "run " + quoted(yaml) + " --output " + quoted(dir_ / "runs") + " " + flags);
    // 3: done, and the small simulated night misses a threshold of quality, which is not the matter here.
    ASSERT_TRUE(run.exit_code == 0 || run.exit_code == 3) << run.text;
    std::vector<fs::path> runs;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_ / "runs"))
      if (fs::exists(entry.path() / "run.json")) runs.push_back(entry.path());
    ASSERT_EQ(runs.size(), 1u) << run.text;
    run_dir_ = runs.front();
  }

  Output judge(const std::string& flags = "") const {
    return shell(python_ + " '" TILECOMPILE_SOURCE_DIR "/tests/oracle/run_oracle.py' " + quoted(run_dir_) +
                 " " + quoted(frames_) + flags);
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
  fs::path run_dir_, frames_ = dir_ / "night/frames";
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

// Figures of quality are recomputed to the last digits where products are not rounded a second time.
const std::string kClusters = " --set synthetic.enabled=true --set synthetic.frames_min=3 ";
const std::string kExact = " --set output.units=normalized ";

TEST_F(Oracle, AgreesOnSyntheticFrames) {
  run_night("--seed 6", kClusters + kExact + "--set validation.max_background_rms_increase_percent=20");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSyntheticFramesOfRescaledColour) {
  run_night("--seed 7 --channels 3",
            kClusters + "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSyntheticFramesOfGlobalWeights) {
  run_night("--seed 8", kClusters + kExact + "--set synthetic.weighting=global");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnRealFrames) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  frames_ = test_data() / "hatp32";
  std::ofstream(dir_ / "run.yaml") << "input: {dir: '" << frames_.string() << "'}\n"
                                   << "data: {saturation: 3800}\n"
                                   << "validation: {min_fwhm_improvement_percent: 5}\n";
  run(dir_ / "run.yaml", kExact + "--set synthetic.enabled=true");
  if (HasFatalFailure()) return;
  const Output verdict = judge();
  std::printf("%s", verdict.text.c_str());
  EXPECT_EQ(verdict.exit_code, 0) << verdict.text;
  EXPECT_EQ(verdict.text.find("(0 STAR"), std::string::npos) << "no STAR tile was checked";
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Changes the first number behind `"key": ` after the text `behind`.
void change_number(const fs::path& json, const std::string& behind, const std::string& key) {
  std::string text = text_of(json);
  const std::size_t from = text.find(behind);
  ASSERT_NE(from, std::string::npos) << behind;
  const std::size_t at = text.find("\"" + key + "\": ", from);
  ASSERT_NE(at, std::string::npos) << key;
  const std::size_t number = at + key.size() + 4;
  const std::size_t end = text.find_first_of(",\n}", number);
  text.replace(number, end - number, std::to_string(1.001 * std::stod(text.substr(number)) + 0.001));
  std::ofstream(json, std::ios::binary) << text;
}

struct Error {
  const char* file;    // of the run directory
  const char* behind;  // a text of a JSON file; empty: a pixel is changed
  const char* key;
  const char* found_by;  // how the failing line begins
};

bool fails(const std::string& report, const std::string& check) {
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(check, 0) == 0 && line.find("FAIL") != std::string::npos) return true;
  return false;
}

TEST_F(Oracle, FindsPlantedErrors) {
  run_night("", kClusters + kExact);
  if (HasFatalFailure()) return;
  ASSERT_EQ(judge(" --no-fits").exit_code, 0);
  // Of each list every error has a line of its own.
  const std::vector<std::vector<Error>> lists = {
      {{"reconstruction.fits", "", "", "reconstruction [0]"},
       {"synthetic/syn_01.fits", "", "", "syn_01 of"},
       {"synthetic/syn_01.weight.fits", "", "", "syn_01 weight map"}},
      {{"stacked.fit", "", "", "stack: mean of the synthetic frames, pixels"}},
      {{"run.json", "\"stack\": {", "background_rms", "stack common: background_rms "},
       {"run.json", "\"stack\": {", "flux_ratio", "stack common: flux_ratio"},
       {"run.json", "\"stack\": {", "flux_scatter_percent", "stack common: flux_scatter_percent"},
       {"run.json", "\"stack\": {", "fwhm_px", "stack common: fwhm_px"},
       {"run.json", "\"stack\": {", "amplitude", "stack: tile pattern"},
       {"run.json", "\"tile_weight_variance\"", "value", "verdict: values"}}};
  for (const std::vector<Error>& errors : lists) {
    std::map<fs::path, std::string> good;
    for (const Error& error : errors) {
      const fs::path file = run_dir_ / error.file;
      good.emplace(file, text_of(file));
      if (std::string(error.behind).empty())
        change_pixel(file, 150 * 400 + 200);
      else
        change_number(file, error.behind, error.key);
      if (HasFatalFailure()) return;
    }
    const Output verdict = judge(" --no-fits");
    EXPECT_EQ(verdict.exit_code, 1);
    for (const Error& error : errors)
      EXPECT_TRUE(fails(verdict.text, error.found_by)) << error.found_by << "\n" << verdict.text;
    for (const auto& [file, text] : good) std::ofstream(file, std::ios::binary) << text;
  }
}

// The first frame of all goes to another cluster.
TEST_F(Oracle, FindsAFrameInTheWrongCluster) {
  run_night("", kClusters + kExact);
  if (HasFatalFailure()) return;
  std::string text = text_of(run_dir_ / "clusters.json");
  const std::size_t first = text.find('[') + 1;
  text[first] = '1';
  std::ofstream(run_dir_ / "clusters.json") << text;
  const Output verdict = judge(" --no-fits");
  EXPECT_EQ(verdict.exit_code, 1) << verdict.text;
  EXPECT_TRUE(fails(verdict.text, "frame_metrics.csv: cluster")) << verdict.text;
}

}  // namespace
}  // namespace tilecompile

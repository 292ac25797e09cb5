#pragma once
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

#include "paths.hpp"
#include "test_data.hpp"

namespace tilecompile::oracle {
namespace fs = std::filesystem;

struct Output {
  int exit_code = -1;
  std::string text;
};

inline std::string quoted(const fs::path& path) {
  std::string text = path.string();
  text.insert(text.begin(), '\'');
  text.push_back('\'');
  return text;
}

// Standard output and error of a shell command.
inline Output shell(const std::string& command) {
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
inline std::string find_python() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (shell(std::string(python) + " -c 'import numpy, astropy'").exit_code == 0) return python;
  return {};
}

inline const std::string kProgram = "'" + program_path() + "' ";
inline const std::string kNight = " --frames 12 --width 400 --height 300 --stars 150 --drift 80 ";
// Small tiles: some hold three reference stars, most do not.
inline const std::string kSmallTiles = " --set tile.min_size=48 ";

// Flips one high bit of the fraction of a float32 pixel of the primary HDU: it moves by an eighth at most.
inline void change_pixel(const fs::path& fits_file, std::size_t pixel) {
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

inline std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A number that differs by 1 for whole ones, else by a thousandth.
inline std::string changed(const std::string& number) {
  if (number.find('.') == std::string::npos) return std::to_string(std::stoll(number) + 1);
  return std::to_string(1.001 * std::stod(number) + 0.002);
}

// Changes the first number behind `"key":` after the text `behind`.
inline void change_number(const fs::path& json, const std::string& behind, const std::string& key) {
  std::string text = text_of(json);
  const std::size_t from = text.find(behind);
  ASSERT_NE(from, std::string::npos) << behind;
  const std::size_t at = text.find("\"" + key + "\":", from);
  ASSERT_NE(at, std::string::npos) << key;
  const std::size_t number = text.find_first_of("-0123456789", at + key.size() + 3);
  const std::size_t end = text.find_first_not_of("-+.0123456789eE", number);
  text.replace(number, end - number, changed(text.substr(number, end - number)));
  std::ofstream(json, std::ios::binary) << text;
}

// Changes the number in `column` of the first row of a table.
inline void change_cell(const fs::path& csv, const std::string& column) {
  std::string text = text_of(csv);
  const std::size_t name = text.find("," + column), first_row = text.find('\n') + 1;
  ASSERT_LT(name, first_row) << column;
  std::size_t cell = first_row;
  for (std::size_t i = 0; i <= name; ++i)
    if (text[i] == ',') cell = text.find(',', cell) + 1;
  const std::size_t end = text.find_first_of(",\n", cell);
  text.replace(cell, end - cell, changed(text.substr(cell, end - cell)));
  std::ofstream(csv, std::ios::binary) << text;
}

struct Error {
  const char* file;    // of the run directory
  const char* behind;  // a text of a JSON file; empty: a pixel is changed, or a cell of a CSV file
  const char* key;
  const char* found_by;  // how the failing line begins
};

inline void plant(const Error& error, const fs::path& file) {
  if (!std::string(error.behind).empty())
    change_number(file, error.behind, error.key);
  else if (file.extension() == ".csv")
    change_cell(file, error.key);
  else
    change_pixel(file, 150 * 400 + 200);
}

inline bool fails(const std::string& report, const std::string& check) {
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(check, 0) == 0 && line.find("FAIL") != std::string::npos) return true;
  return false;
}

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
    const Output night =
        shell(kProgram + "simulate --profile v2 " + quoted(dir_ / "night") + kNight + simulate_flags);
    ASSERT_EQ(night.exit_code, 0) << night.text;
    run(dir_ / "night/run.yaml", kSmallTiles + run_flags);
  }

  void run(const fs::path& yaml, const std::string& flags) {
    const Output run =
        shell(kProgram + "run " + quoted(yaml) + " --output " + quoted(dir_ / "runs") + " " + flags);
    // 3: done, and the small simulated night misses a threshold of quality, which is not the matter here.
    ASSERT_TRUE(run.exit_code == 0 || run.exit_code == 3) << run.text;
    run_dir_ = fs::canonical(dir_ / "runs/latest");
    ASSERT_TRUE(fs::exists(run_dir_ / "run.json")) << run.text;
  }

  Output judge(const std::string& flags = "") const {
    return shell(python_ + " '" + source_dir() + "/tests/oracle/run_oracle.py' " + quoted(run_dir_) + " " +
                 quoted(frames_) + flags);
  }

  void expect_agreement(const std::string& flags = "") const {
    const Output verdict = judge(flags);
    std::printf("%s", verdict.text.c_str());
    EXPECT_EQ(verdict.exit_code, 0) << verdict.text;
    EXPECT_EQ(verdict.text.find("(0 STAR"), std::string::npos) << "no STAR tile was checked";
    EXPECT_EQ(verdict.text.find(" 0 STRUCTURE)"), std::string::npos) << "no STRUCTURE tile was checked";
  }

  // Each error has a line of its own that fails; all are planted at once and taken back.
  void expect_found(const std::vector<Error>& errors) const {
    std::map<fs::path, std::string> good;
    for (const Error& error : errors) {
      const fs::path file = run_dir_ / error.file;
      good.emplace(file, text_of(file));
      plant(error, file);
      if (HasFatalFailure()) return;
    }
    const Output verdict = judge(" --no-fits");
    EXPECT_EQ(verdict.exit_code, 1);
    for (const Error& error : errors)
      EXPECT_TRUE(fails(verdict.text, error.found_by)) << error.found_by << "\n" << verdict.text;
    for (const auto& [file, text] : good) std::ofstream(file, std::ios::binary) << text;
  }

  TempDir dir_;
  std::string python_;
  fs::path run_dir_, frames_ = dir_ / "night/frames";
};

}  // namespace tilecompile::oracle

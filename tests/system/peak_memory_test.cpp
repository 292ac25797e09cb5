// How much memory the program takes for files that no one expects: bounded by the file, not by what it
// claims.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

struct Measured {
  long peak_kb = 0;
  int exit_code = -1;
  std::string name, text;
};

/// `tilecompile compare FILE FILE` in a process of its own, its peak memory as the system counts it.
Measured measure(const fs::path& file, const fs::path& peak) {
  const ProgramOutput end = run_shell("/usr/bin/time -q -f %M -o '" + peak.string() + "' '" + program_path() +
                                      "' compare '" + file.string() + "' '" + file.string() + "'");
  Measured m;
  m.peak_kb = std::stol(file_text(peak));
  m.exit_code = end.exit_code;
  m.name = file.filename().string();
  m.text = end.text;
  return m;
}

TEST(PeakMemory, OfOddFilesIsBounded) {
  TILECOMPILE_NEEDS_DATA("odd");
  if (!fs::exists("/usr/bin/time")) GTEST_SKIP() << "/usr/bin/time is not installed";
  constexpr long kBoundKb = 32L << 10;  // the program alone takes half of it
  const TempDir folder;
  std::vector<Measured> all;
  for (const auto& item : fs::recursive_directory_iterator(test_data() / "odd")) {
    if (!item.is_regular_file()) continue;
    const Measured& m = all.emplace_back(measure(item.path(), folder / "peak"));
    EXPECT_TRUE(m.exit_code == 0 || m.exit_code == 4) << m.name << " ended with " << m.exit_code << "\n"
                                                      << m.text;
    EXPECT_LT(m.peak_kb, kBoundKb) << m.name;
  }
  ASSERT_FALSE(all.empty());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.peak_kb > b.peak_kb; });
  for (const std::size_t i :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, all.size() / 2, all.size() - 1})
    std::printf("%2zu: %6.1f MB, exit %d, %s\n", i + 1, static_cast<double>(all[i].peak_kb) / 1024,
                all[i].exit_code, all[i].name.c_str());
}

}  // namespace
}  // namespace tilecompile

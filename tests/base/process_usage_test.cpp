#include "tilecompile/base/process_usage.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "test_data.hpp"

namespace tilecompile {
namespace {

TEST(ProcessUsage, CountsWhatIsRead) {
  TempDir dir;
  const auto file = dir / "bytes";
  std::ofstream(file, std::ios::binary) << std::string(3 << 20, 'x');
  const std::int64_t before = process_bytes_read();
  ASSERT_GT(before, 0);
  std::string bytes(3 << 20, ' ');
  std::ifstream(file, std::ios::binary).read(bytes.data(), 3 << 20);
  EXPECT_EQ(bytes.front(), 'x');
  EXPECT_GE(process_bytes_read() - before, 3 << 20);
  EXPECT_LT(process_bytes_read() - before, 4 << 20);
  EXPECT_GT(process_peak_memory(), 3 << 20);
}

}  // namespace
}  // namespace tilecompile

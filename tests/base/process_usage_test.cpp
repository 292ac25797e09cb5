#include "tilecompile/base/process_usage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

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

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST(ProcessUsage, WhatWasFreedGoesBackToTheSystem) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have an allocator of their own";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers have an allocator of their own";
#endif
#endif
  constexpr std::size_t kPieces = 1000, kBytes = 64 << 10;  // too small to be mapped one by one
  std::vector<std::unique_ptr<std::string>> pieces;
  for (std::size_t i = 0; i < kPieces; ++i) pieces.push_back(std::make_unique<std::string>(kBytes, 'x'));
  pieces.erase(pieces.begin(), pieces.end() - 1);  // the last one holds the end of the heap
  const std::int64_t before = resident_bytes();
  give_back_freed_memory();
  EXPECT_GT(before - resident_bytes(), static_cast<std::int64_t>(kPieces * kBytes * 3 / 4));
}

}  // namespace
}  // namespace tilecompile

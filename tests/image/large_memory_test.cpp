#include "tilecompile/image/large_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace tilecompile {
namespace {

TEST(LargeMemory, IsAlignedAndHoldsWhatWasAskedFor) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100'000}, std::size_t{5} << 20}) {
    const LargeMemory memory(bytes);
    EXPECT_GE(memory.bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 64, 0U);
    std::memset(memory.data(), 7, memory.bytes());
    EXPECT_EQ(static_cast<unsigned char*>(memory.data())[bytes - 1], 7);
  }
}

TEST(LargeMemory, NoneIsNoMemoryAndTooMuchIsAnError) {
  EXPECT_EQ(LargeMemory().data(), nullptr);
  EXPECT_EQ(LargeMemory(0).data(), nullptr);
  EXPECT_THROW(LargeMemory(SIZE_MAX / 4 * 3), std::bad_alloc);
}

TEST(LargeMemory, MovesToAnotherOwner) {
  LargeMemory first(1000);
  void* const data = first.data();
  LargeMemory second(std::move(first));
  EXPECT_EQ(second.data(), data);
  LargeMemory third;
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.bytes(), 1024U);
}

}  // namespace
}  // namespace tilecompile

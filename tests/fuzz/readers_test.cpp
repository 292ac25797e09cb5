#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "mutations.hpp"
#include "targets.hpp"

namespace tilecompile {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSlowest = 5;                       // seconds for one input, on a busy machine too
constexpr int kInputs = 3000;                        // a target
constexpr auto kMostTime = std::chrono::seconds(4);  // a target
constexpr long kMostMemoryKb = 512L << 10;           // of the whole program

class Reader : public testing::TestWithParam<FuzzTarget> {
 protected:
  /// Reads one input; whatever is thrown, is slow or breaks a promise fails the test.
  bool read(const std::string& bytes) {
    const auto began = Clock::now();
    bool accepted = false;
    EXPECT_NO_THROW(accepted = GetParam().read(bytes)) << testing::PrintToString(bytes.substr(0, 2000));
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - began).count(), kSlowest)
        << testing::PrintToString(bytes.substr(0, 2000));
    return accepted;
  }
};

TEST_P(Reader, AcceptsWhatTheProgramWrites) {
  for (const std::string& seed : GetParam().seeds()) EXPECT_TRUE(read(seed));
}

TEST_P(Reader, SurvivesEveryTruncation) {
  for (const std::string& seed : GetParam().seeds())
    for (std::size_t n = 0; n < seed.size(); n += seed.size() < 3000 ? 1 : 1 + seed.size() / 300)
      read(seed.substr(0, n));
}

TEST_P(Reader, SurvivesDamageOfEverySort) {
  const std::vector<std::string> seeds = GetParam().seeds();
  Mutator mutate(20240229);
  const auto began = Clock::now();
  int inputs = 0, accepted = 0;
  while (inputs < kInputs && Clock::now() - began < kMostTime && !HasFailure())
    accepted += read(mutate(seeds[static_cast<std::size_t>(inputs++) % seeds.size()])) ? 1 : 0;
  std::printf("%s: %d inputs, %d accepted\n", GetParam().name, inputs, accepted);
  EXPECT_GT(inputs, 50);
  EXPECT_LT(accepted, inputs);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, kMostMemoryKb);
}

INSTANTIATE_TEST_SUITE_P(Every, Reader, testing::ValuesIn(fuzz_targets()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace tilecompile

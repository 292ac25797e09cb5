#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

int number_from(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

/// The suites of part number `part` of `parts`, as a filter: whole ones, since what a suite sets up (a
/// broker, a night, a reference run) takes as long as some of its cases. The largest first, each to the
/// smallest part.
std::string suites_of_part(int part, int parts) {
  std::vector<const testing::TestSuite*> suites;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) suites.push_back(all.GetTestSuite(i));
  std::stable_sort(suites.begin(), suites.end(), [](const auto* a, const auto* b) {
    return a->total_test_count() > b->total_test_count();
  });
  std::vector<int> cases(static_cast<std::size_t>(parts));
  std::string filter;
  for (const testing::TestSuite* suite : suites) {
    const auto smallest = std::min_element(cases.begin(), cases.end());
    *smallest += suite->total_test_count();
    if (smallest - cases.begin() == part) filter += std::string(suite->name()) + ".*:";
  }
  return filter;
}

}  // namespace

/// Main of the test programs that ctest runs as a whole: when cases were skipped and none failed, it ends
/// with the code in TILECOMPILE_TEST_SKIPPED, so that ctest does not count what was not tested as passed.
/// TILECOMPILE_TEST_PARTS and TILECOMPILE_TEST_PART: how many parts there are, and which of them is meant.
/// What a filter has chosen is dealt out case by case.
int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const int parts = number_from("TILECOMPILE_TEST_PARTS", 1), part = number_from("TILECOMPILE_TEST_PART", 0);
  if (parts > 1 && testing::GTEST_FLAG(filter) == "*") {
    testing::GTEST_FLAG(filter) = suites_of_part(part, parts);
  } else if (parts > 1) {
    setenv("GTEST_TOTAL_SHARDS", std::to_string(parts).c_str(), 1);
    setenv("GTEST_SHARD_INDEX", std::to_string(part).c_str(), 1);
  }
  const int failed = RUN_ALL_TESTS();
  const int skipped = number_from("TILECOMPILE_TEST_SKIPPED", 0);
  return failed == 0 && testing::UnitTest::GetInstance()->skipped_test_count() > 0 ? skipped : failed;
}

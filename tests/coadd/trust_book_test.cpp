#include "tilecompile/coadd/trust_book.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using Names = std::vector<std::string>;

TEST(TrustBook, AWorkerIsDistrustedOnceAndForGood) {
  TrustBook book;
  EXPECT_FALSE(book.is_distrusted("a"));
  EXPECT_TRUE(book.accepted("a"));
  EXPECT_FALSE(book.accepted("a"));
  EXPECT_TRUE(book.distrust("a", "why"));
  EXPECT_FALSE(book.distrust("a", "another reason"));
  EXPECT_TRUE(book.is_distrusted("a"));
  EXPECT_EQ(book.workers().at("a").wrong, "why");
  EXPECT_EQ(book.distrusted(), Names{"a"});
}

TEST(TrustBook, RefusedObjectsAddUp) {
  TrustBook book;
  for (int i = 1; i < TrustBook::kMostRefused; ++i) EXPECT_FALSE(book.refused("a", "NEFF"));
  EXPECT_FALSE(book.refused("b", "NEFF"));
  EXPECT_TRUE(book.refused("a", "NEFF"));
  EXPECT_FALSE(book.refused("a", "NEFF")) << "told once";
  EXPECT_EQ(book.distrusted(), Names{"a"});
}

TEST(TrustBook, NamesThoseThatAreSilent) {
  TrustBook book;
  book.heard("a", 10);
  book.heard("b", 50);
  book.heard("c", 10);
  book.distrust("c", "why");
  EXPECT_EQ(book.silent(60, 20), Names{"a"});
  EXPECT_EQ(book.silent(25, 20), Names{});
}

TEST(TrustBook, ForgedNamesDoNotFillTheMemory) {
  TrustBook book;
  for (std::size_t i = 0; i < 2 * TrustBook::kMostWorkers; ++i) book.heard("w" + std::to_string(i), 1);
  EXPECT_EQ(book.workers().size(), TrustBook::kMostWorkers);
  EXPECT_FALSE(book.is_distrusted("w1"));
  EXPECT_TRUE(book.is_distrusted("another"));
}

}  // namespace
}  // namespace tilecompile

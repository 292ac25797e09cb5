#include "tilecompile/coadd/trust_book.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using Names = std::vector<std::string>;

TEST(TrustBook, AWorkerIsDistrustedOnceAndForGood) {
  TrustBook book;
  EXPECT_FALSE(book.is_distrusted("a"));
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

TEST(TrustBook, AnotherWorkerAuditsOneOfAnotherHostFirst) {
  TrustBook book;
  const auto confirm = [&](const std::string& id, const std::string& host, double heard_s = 100) {
    book.heard(id, heard_s, host);
    book.audited(id, "master", true);
  };
  book.heard("a", 100, "barn");
  EXPECT_FALSE(book.not_auditors_of("a", 100, 60)) << "nobody else is there";
  book.heard("b", 100, "dome");
  EXPECT_FALSE(book.not_auditors_of("a", 100, 60)) << "the master has not found it right yet";
  confirm("late", "dome", 30);
  EXPECT_FALSE(book.not_auditors_of("a", 100, 60)) << "it is silent";
  confirm("twin", "barn");
  EXPECT_EQ(book.not_auditors_of("a", 100, 60), Names{"a"}) << "nobody elsewhere";
  confirm("b", "dome");
  EXPECT_EQ(book.not_auditors_of("a", 100, 60), (Names{"a", "twin"})) << "not its own host";
  EXPECT_EQ(book.not_auditors_of("stranger", 100, 60), Names{"stranger"}) << "its host is not known";
  book.distrust("b", "why");
  book.distrust("twin", "why");
  EXPECT_FALSE(book.not_auditors_of("a", 100, 60)) << "those that were wrong do not audit";
}

TEST(TrustBook, WhoFoundWhomRightIsCounted) {
  TrustBook book;
  book.audited("a", "master", true);
  book.audited("b", "a", false);
  book.audited("b", "a", false);
  EXPECT_TRUE(book.is_confirmed("a"));
  EXPECT_FALSE(book.is_confirmed("b")) << "only the master's own word counts";
  const std::map<std::pair<std::string, std::string>, int> found{{{"a", "master"}, 1}, {{"b", "a"}, 2}};
  EXPECT_EQ(book.audits_by, found);
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

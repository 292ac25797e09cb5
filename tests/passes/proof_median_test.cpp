#include "tilecompile/passes/proof_median.hpp"

#include "night/small_night.hpp"
#include "tilecompile/passes/frame_proofs.hpp"

namespace tilecompile {
namespace {

TEST(ProofStars, AreTheSameWhateverRowsOfTheMedianAreReadAtOnce) {
  const SmallNight night;
  const FrameSource source = night.source();
  const auto stars_within = [&](std::size_t memory) {
    return find_proof_stars({source, night.method, 2, memory, nobody()}, night.analysis);
  };
  const ProofList at_once = stars_within(std::size_t{1} << 30), row_by_row = stars_within(1);
  ASSERT_GE(at_once.stars.size(), 5U);
  ASSERT_EQ(row_by_row.stars.size(), at_once.stars.size());
  for (std::size_t i = 0; i < at_once.stars.size(); ++i) {
    EXPECT_EQ(row_by_row.stars[i].x, at_once.stars[i].x);
    EXPECT_EQ(row_by_row.stars[i].y, at_once.stars[i].y);
  }
  EXPECT_EQ(row_by_row.flux, at_once.flux);
}

TEST(ProofStars, TakeNoMoreMemoryThanTheMedianNeeds) {
  Manifest night;
  night.frames.resize(100);
  for (ManifestEntry& f : night.frames) f.facts.width = 4000, f.facts.height = 3000;
  constexpr std::size_t kLimit = std::size_t{2} << 30, kOfAll = 31 * std::size_t{4000} * 3000 * 4;
  EXPECT_EQ(median_bytes(night, true, kLimit), std::size_t{64} << 20) << "rows are read by themselves";
  EXPECT_EQ(median_bytes(night, false, kLimit), kLimit / 4) << "every band unpacks all frames again";
  EXPECT_EQ(median_bytes(night, false, 8 * kLimit), kOfAll);
  EXPECT_EQ(median_bytes(night, true, std::size_t{100} << 20), std::size_t{25} << 20);
}

// As a worker may have made it that gives wrong rows.
TEST(ProofStars, OfOthersCondemnNobody) {
  const SmallNight night;
  const FrameSource source = night.source();
  const ProofJob job{source, night.method, 2, std::size_t{1} << 30, nobody()};
  const FrameMetrics& before = night.analysis.metrics;
  const ProofList right = find_proof_stars(job, night.analysis);
  ProofList wrong = right;
  for (ReferenceStar& star : wrong.stars) star.x += 9;
  Analysis analysis;
  analysis.metrics = before;
  for (const ProofList* list : std::vector<const ProofList*>{&right, &wrong}) {
    analysis.proofs = prove_frames(job, analysis, *list);
    EXPECT_EQ(judge_proofs(job, analysis, *list).bad.empty(), list == &right);
    const ProofVerdict verdict = judge_proofs_of_others(job, analysis, *list, before);
    EXPECT_TRUE(verdict.bad.empty() && verdict.groups.empty());
  }
}

}  // namespace
}  // namespace tilecompile

// The passes over the frames by workers, over the transport in memory, held against those of one process.
#include "faulty_store.hpp"
#include "looks.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

void expect_same(const Analysis& a, const Analysis& b) {
  EXPECT_EQ(encode_frame_metrics(a.metrics), encode_frame_metrics(b.metrics));
  EXPECT_EQ(a.warnings, b.warnings);
  ASSERT_EQ(a.classical.size(), b.classical.size());
  for (std::size_t c = 0; c < a.classical.size(); ++c) {
    expect_same_bits(a.classical[c], b.classical[c], "classical");
    expect_same_bits(a.variance[c], b.variance[c], "variance");
    EXPECT_EQ(a.coverage[c].samples(), b.coverage[c].samples()) << c;
    EXPECT_EQ(a.extremes[c].bands(), b.extremes[c].bands()) << c;
  }
  ASSERT_EQ(a.proofs.size(), b.proofs.size());
  for (std::size_t f = 0; f < a.proofs.size(); ++f) EXPECT_EQ(a.proofs[f].outcome, b.proofs[f].outcome);
}

TEST(FrameRounds, GiveTheBitsOfOneProcess) {
  Looks looks;
  looks.add_worker("one");
  looks.add_worker("two");
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 2);
}

void expect_same_stars(const NightStars& a, const NightStars& b) {
  EXPECT_EQ(a.problems, b.problems);
  ASSERT_EQ(a.stars.size(), b.stars.size());
  for (std::size_t f = 0; f < a.stars.size(); ++f) {
    EXPECT_EQ(a.stars[f].found, b.stars[f].found);
    EXPECT_EQ(a.stars[f].fwhm_px, b.stars[f].fwhm_px);
    ASSERT_EQ(a.stars[f].chosen.size(), b.stars[f].chosen.size());
    for (std::size_t s = 0; s < a.stars[f].chosen.size(); ++s) {
      const FrameStar &one = a.stars[f].chosen[s], &other = b.stars[f].chosen[s];
      EXPECT_TRUE(one.x == other.x && one.y == other.y && one.flux == other.flux && one.snr == other.snr &&
                  one.poor == other.poor);
    }
  }
}

/// Every other frame has half of its light, and no dark is taken off.
StarFinding halved(Looks& looks) {
  CalibrationMasters masters;
  masters.flat = Plane<float>(looks.night.manifest->width(), looks.night.manifest->height(), 2.0F);
  StarFinding how;
  how.saturation = 3000;
  for (int f = 0; f < 7; ++f) how.group_of_frame.push_back(f % 2 - 1);
  how.masters = {std::make_shared<CalibrationMasters>(std::move(masters))};
  const std::string flat = encode_image("a master", {how.masters.front()->flat}, {});
  looks.night.store->put("calibration/flat", flat);
  how.calibrations = {{{}, {"calibration/flat", sha256_hex(flat)}}};
  return how;
}

TEST(FrameRounds, FindTheStarsOfOneProcess) {
  Looks looks;
  const StarFinding how = halved(looks);
  const NightStars here = find_night_stars(looks.night.source(), how, 1);
  ASSERT_GE(here.stars[0].chosen.size(), 5u);
  looks.add_worker("one");
  looks.add_worker("two");
  expect_same_stars(looks.find_stars(how), here);
  EXPECT_EQ(looks.journal_lines(), 7u);
  expect_same_stars(looks.find_stars(how), here);
  EXPECT_EQ(looks.journal_lines(), 7u) << "what is journalled is not made again";
}

TEST(FrameRounds, GiveTheHashesAndTheMedianOfOneProcess) {
  Looks looks;
  looks.add_worker("one");
  looks.add_worker("two");
  const std::vector<FileContent> contents =
      looks.by_rounds([](FrameRounds& rounds, const FrameSource&) { return rounds.hash_files(); }).contents;
  ASSERT_EQ(contents.size(), 7u);
  for (std::size_t f = 0; f < 7; ++f) {
    const ManifestEntry& frame = looks.night.manifest->frames[f];
    EXPECT_EQ(contents[f].sha256, frame.sha256);
    EXPECT_EQ(contents[f].sums, *looks.night.verified->sums_of(frame));
  }
  constexpr std::size_t kMemory = std::size_t{1} << 30;
  const FrameMetrics& metrics = looks.night.analysis.metrics;
  const FrameSource source = looks.night.source();
  LocalPasses alone(source, looks.night.method, 1, nobody());
  const Plane<float> median = looks.by_rounds(
      [&](FrameRounds& rounds, const FrameSource&) { return rounds.proof_median(metrics, kMemory); });
  expect_same_bits(median, alone.proof_median(metrics, kMemory), "median");
  EXPECT_EQ(looks.journal_lines(), 7u + 2);
}

TEST(FrameRounds, StarsOfAFrameThatCannotBeReadAreItsProblem) {
  Looks looks;
  std::filesystem::resize_file(looks.night.frames_dir() / looks.night.manifest->frames[3].path, 5760);
  looks.add_worker();
  const NightStars found = looks.find_stars({});
  EXPECT_NE(found.problems[3], "");
  EXPECT_EQ(found.problems[2], "");
  EXPECT_GE(found.stars[2].chosen.size(), 5u);
}

TEST(FrameRounds, StarsOfAWorkerThatIsFoundOutPutTheRegistrationInDoubt) {
  Looks looks;
  looks.add_worker("one");
  looks.find_stars({});
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_TRUE(looks.pieces.forgot_stars);
}

TEST(FrameRounds, GiveThemInColourWithChunksOfFramesToo) {
  Looks looks(3, [](MethodConfig& method) { method.reconstruction.frame_chunk = 2; });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, GiveThemWithFluxScalesLevelledSkiesSeeingSurfacesAndBorders) {
  Looks looks(1, [](MethodConfig& method) {
    method.normalization.mode = NormalizationParams::Mode::kPhotometric;
    method.reconstruction.edge_feather_px = 6;
    method.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
    method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
  });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, GiveThemWithFramesOfDoubledStarsWhichAreMeasuredTwice) {
  Looks looks(
      1,
      [](MethodConfig& method) {
        method.normalization.mode = NormalizationParams::Mode::kPhotometric;
        method.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
        method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
      },
      [](SimulateOptions& options) {
        options.width = 300;
        options.height = 120;
        options.stars = 60;
        options.fwhm_px = 2;
        options.nebula = false;
        options.faults.doubled_fraction = 0.3;
      });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 7 + 2);
}

TEST(FrameRounds, AWorkerThatDiesOverAFrameChangesNothing) {
  Looks looks;
  looks.add_mortal();
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, WhatNoWorkerKnowsTheMasterDoesItself) {
  Looks looks;
  looks.add_stranger();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.trust.own_tiles, 7 + 2 + 7 + 2);
}

TEST(FrameRounds, WhatAnOlderWorkerPutsOnTheDeadLettersTheMasterDoesAtOnceAndSaysSoOnce) {
  Looks looks;
  looks.add_older();
  const auto began = std::chrono::steady_clock::now();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40));
  EXPECT_EQ(looks.workers.older(), std::set<std::string>{"older"});
  EXPECT_EQ(looks.letters(), 0u) << "nothing is left for people to do";
}

TEST(FrameRounds, WhereNobodyTakesTasksTheMasterDoesThemItself) {
  Looks looks;
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.trust.own_tiles, 7 + 2 + 7 + 2);
}

// Nobody looks at what it finds in single frames after the first one of a round.
TEST(FrameRounds, WhatAWorkerFoundBeforeItWasFoundOutIsFoundAgainByOthers) {
  Looks looks(
      1, [](MethodConfig& method) { method.normalization.mode = NormalizationParams::Mode::kPhotometric; });
  looks.audit_percent = 1e-9;
  std::atomic<int> found{0};
  looks.add_liar([&](const ResultMessage& r) { return r.part->work == TaskWork::kAnalyse && ++found > 1; });
  EXPECT_NE(encode_frame_metrics(looks.analyse().metrics),
            encode_frame_metrics(looks.night.analysis.metrics));
  ASSERT_FALSE(looks.trust.is_distrusted("liar"));
  EXPECT_FALSE(looks.pieces.forget_distrusted(looks.trust));
  looks.trust.distrust("liar", "its tiles are wrong");
  looks.add_worker();
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_FALSE(looks.pieces.forget_distrusted(looks.trust)) << "it is said once";
  expect_same(looks.analyse(), looks.night.analysis);
  for (const auto& [ref, result] : looks.pieces.used) EXPECT_NE(result.worker_id, "liar") << ref;
}

TEST(FrameRounds, WhatHonestWorkersFoundIsTakenOverWhenAnotherIsFoundOut) {
  Looks looks;
  looks.add_worker("one");
  expect_same(looks.analyse(), looks.night.analysis);
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 2 + 1) << "one piece is made once more";
}

TEST(FrameRounds, AWorkerWhoseFiguresAreWrongIsFoundAndAskedNoMore) {
  Looks looks;
  looks.add_liar();
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_TRUE(looks.trust.is_distrusted("liar"));
  EXPECT_FALSE(looks.trust.is_distrusted("w"));
}

TEST(FrameRounds, AFrameThatCannotBeReadIsNamedByTheMaster) {
  Looks looks;
  const auto path = looks.night.frames_dir() / looks.night.manifest->frames[3].path;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5760);
  looks.night.verified = std::make_shared<VerifiedFiles>();
  looks.add_worker();
  const Analysis analysis = looks.analyse();
  ASSERT_EQ(analysis.bad_frames.size(), 1u);
  EXPECT_EQ(analysis.bad_frames[0].path, looks.night.manifest->frames[3].path);
  EXPECT_NE(analysis.bad_frames[0].reason.find("the manifest says"), std::string::npos)
      << analysis.bad_frames[0].reason;
}

struct Killed {};

TEST(FrameRounds, AResumedMasterTakesOverWhatWasFoundAndNothingElse) {
  for (const std::size_t lines : {3u, 8u, 12u, 17u}) {
    Looks looks;
    looks.add_worker();
    looks.stopper.on_check_stop = [&] {
      if (looks.journal_lines() >= lines) throw Killed{};
    };
    EXPECT_THROW(looks.analyse(), Killed);
    looks.stopper.on_check_stop = {};
    const std::size_t known = looks.journal_lines();
    ASSERT_GE(known, lines);
    std::ofstream(looks.journal_file(), std::ios::app) << R"({"schema":1,"torn)";
    expect_same(looks.analyse(), looks.night.analysis);
    EXPECT_LE(looks.journal_lines(), 18u + 2) << "more than what was missing is found again";
  }
}

}  // namespace
}  // namespace tilecompile

// Masters made by workers, over the transport in memory, held against those of one process.
#include <map>
#include <mutex>

#include "looks.hpp"
#include "tilecompile/passes/master_making.hpp"

namespace tilecompile {
namespace {

/// The frames of the night as frames of calibration.
MasterMaking here() {
  MasterMaking making;
  making.place = ".";
  return making;
}

TEST(MasterRounds, MakeTheMastersOfOneProcess) {
  Looks looks;
  looks.add_worker("one");
  looks.add_worker("two");
  const FrameSource source = looks.night.source();
  LocalPasses alone(source, looks.night.method, 1, nobody());
  const auto made = [&](const MasterMaking& making) {
    return looks.by_rounds(
        [&](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(making); });
  };
  expect_same_bits(made(here()), alone.make_master(here()), "mean");
  EXPECT_EQ(looks.journal_lines(), 2u);
  MasterMaking flats = here();
  flats.flats = alone.look_at_flats(here());
  const std::vector<FlatLook> looked =
      looks.by_rounds([](FrameRounds& rounds, const FrameSource&) { return rounds.look_at_flats(here()); });
  ASSERT_EQ(looked.size(), flats.flats.size());
  for (std::size_t f = 0; f < looked.size(); ++f) EXPECT_EQ(looked[f].levels, flats.flats[f].levels);
  expect_same_bits(made(flats), alone.make_master(flats), "flat");
  EXPECT_EQ(looks.journal_lines(), 2u + 7 + 2);
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_TRUE(looks.pieces.forgot_stars) << "what is calibrated with them is in doubt";
}

// Masters of as many frames are rounds alike but for the names of their pieces. Slow workers and resumed
// masters bring such results about.
TEST(MasterRounds, AResultOfAnotherRoundCountsForNothingAndNobodyIsBlamed) {
  Looks looks;
  std::mutex mutex;
  std::map<int, ResultMessage> earlier;  // by band
  int late = 0;
  looks.add_forger([&](ResultMessage& r) {
    if (r.failure || r.begun || r.data_ref.empty()) return;
    const std::lock_guard<std::mutex> lock(mutex);
    const ResultMessage& first = earlier.emplace(r.tile_id, r).first->second;
    if (first.data_ref == r.data_ref) return;
    r.data_ref = first.data_ref;
    r.data_checksum = first.data_checksum;
    ++late;
  });
  const FrameSource source = looks.night.source();
  LocalPasses alone(source, looks.night.method, 1, nobody());
  MasterMaking flats = here();
  flats.flats = alone.look_at_flats(here());
  for (const MasterMaking& making : {here(), flats})
    expect_same_bits(
        looks.by_rounds([&](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(making); }),
        alone.make_master(making), "master");
  EXPECT_GE(late, TrustBook::kMostRefused) << "enough to be blamed for";
  EXPECT_FALSE(looks.trust.is_distrusted("forger"));
}

// Whatever keeps a worker from it: it gets all other tasks, but no more of these.
TEST(MasterRounds, MastersThatAWorkerCannotMakeTheMasterMakes) {
  for (const bool refuses : {true, false}) {
    Looks looks;
    if (refuses)
      looks.add_stranger();
    else
      looks.add_older();
    const FrameSource source = looks.night.source();
    LocalPasses alone(source, looks.night.method, 1, nobody());
    EXPECT_TRUE(looks.workers.calibrate());
    const Plane<float> made =
        looks.by_rounds([](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(here()); });
    expect_same_bits(made, alone.make_master(here()), "mean");
    EXPECT_EQ(looks.trust.own_tiles, 2);
    EXPECT_FALSE(looks.workers.calibrate());
    EXPECT_TRUE(looks.workers.older().empty());
    EXPECT_EQ(looks.letters(), 0u);
  }
}

}  // namespace
}  // namespace tilecompile

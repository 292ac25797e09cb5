// What a resumed run takes over of its journal: tiles that are what the journal says, from this configuration
// and these frames.
#include <set>

#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

/// A run all of whose tiles are computed and journalled.
struct Finished {
  WholeNight night;
  std::vector<ResultMessage> journal;

  Finished() {
    RunContexts runs = night.contexts();
    journal.resize(night.grid.tiles.size());
    for (const TileTask& task : make_tasks(night.job))
      execute_task(encode_task(task), runs, *night.store, {"w", 1},
                   [&](const ResultMessage& r) { journal[static_cast<std::size_t>(r.tile_id)] = r; });
  }
  TileFile tile(int id) const { return decode_tile_file(night.store->get(entry(id).data_ref)); }
  const ResultMessage& entry(int id) const { return journal[static_cast<std::size_t>(id)]; }
  /// Puts another object in the place of a tile; the journal names its checksum or still the old one.
  void replace(const TileFile& file, bool journalled) {
    const std::string bytes = encode_tile_file(file);
    ResultMessage& result = journal[static_cast<std::size_t>(file.tile_id)];
    ASSERT_NE(sha256_hex(bytes), result.data_checksum);
    night.store->put(result.data_ref, bytes);
    if (journalled) result.data_checksum = sha256_hex(bytes);
  }

  struct Adopted {
    std::set<int> tiles;
    std::string events;
  };
  /// Resumes up to the moment when the journal has been read.
  Adopted adopt() {
    Adopted adopted;
    bool read = false;
    TileRound round = night.job;
    round.journalled = &journal;
    TestObserver observer([&](const ResultMessage& r, const TileFile& file) {
      EXPECT_EQ(file.tile_id, r.tile_id);
      adopted.tiles.insert(r.tile_id);
    });
    observer.on_taken_over = [&] { read = true; };
    observer.on_check_stop = [&] {
      if (read) throw Interrupted{0};
    };
    MemoryBroker broker;
    const auto master = broker.connect();
    RunDirectory directory(night.folder() / "out", night.run_id);
    try {
      dispatch_tiles(round, {*master, *night.store, directory}, observer);
    } catch (const Interrupted&) {
    }
    EXPECT_TRUE(read);
    std::ifstream events(directory.path() / "events.jsonl");
    adopted.events = {std::istreambuf_iterator<char>(events), {}};
    return adopted;
  }
  /// All tiles but this one.
  std::set<int> all_but(int id) const {
    std::set<int> tiles;
    for (int t = 0; t < static_cast<int>(journal.size()); ++t)
      if (t != id) tiles.insert(t);
    return tiles;
  }
};

TEST(AdoptJournal, TakesOverWhatTheJournalSays) {
  Finished run;
  ASSERT_GT(run.journal.size(), 3u);
  EXPECT_EQ(run.adopt().tiles, run.all_but(-1));
  run.journal[2] = {};
  EXPECT_EQ(run.adopt().tiles, run.all_but(2));
}

TEST(AdoptJournal, AWholeTileWithOtherPixelsIsNotTheOneThatWasJournalled) {
  Finished run;
  TileFile file = run.tile(2);
  file.pixels[0].at(3, 4) += 1;
  run.replace(file, false);
  const auto adopted = run.adopt();
  EXPECT_EQ(adopted.tiles, run.all_but(2));
  EXPECT_NE(adopted.events.find("SHA-256"), std::string::npos) << adopted.events;
}

TEST(AdoptJournal, ATileOfAnotherConfigurationOrOtherFramesIsComputedAgain) {
  const std::string other(64, 'b');
  const std::vector<std::function<void(TileFile&)>> origins = {
      [&](TileFile& f) { f.config_hash = other; },
      [&](TileFile& f) { f.frames_manifest_id = other; },
      [](TileFile& f) { f.run_id = "00000000-0000-4000-8000-000000000000"; },
      [](TileFile& f) { f.config_hash.clear(); },
  };
  for (std::size_t i = 0; i < origins.size(); ++i) {
    Finished run;
    TileFile file = run.tile(1);
    origins[i](file);
    run.replace(file, true);
    const auto adopted = run.adopt();
    EXPECT_EQ(adopted.tiles, run.all_but(1)) << i;
    EXPECT_NE(adopted.events.find("another configuration"), std::string::npos) << adopted.events;
  }
}

TEST(AdoptJournal, ATileInThePlaceOfAnotherIsComputedAgain) {
  Finished run;
  TileFile file = run.tile(0);
  const std::string bytes = encode_tile_file(file);
  run.night.store->put(run.entry(1).data_ref, bytes);
  run.journal[1].data_checksum = sha256_hex(bytes);
  EXPECT_EQ(run.adopt().tiles, run.all_but(1));
}

}  // namespace
}  // namespace tilecompile

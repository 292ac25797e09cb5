#pragma once
#include <functional>
#include <vector>

#include "analyse_night.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/master/tile_joiner.hpp"

namespace tilecompile {

/// All tiles of a night, joined.
struct Reconstruction {
  TileJoiner tiles;  ///< what was accepted: results and frame metrics of every tile
  std::vector<CoaddChannel> channels;
};

/// With storage.upload_frames brings the frames into the bucket, those that are not there yet.
void bring_frames_in(RunUnderWay& run, const FrameSource& source);
/// Brings what workers need to the storage, and says what is asked of them: all tiles of the night.
TileRound share_with_workers(RunUnderWay& run, const AnalysedNight& night);
/// An object that workers need, on the shared storage and, where that is another place, in the run directory
/// too.
void share(RunUnderWay& run, const std::string& key, const std::string& name, const std::string& bytes);

/// What every round of the run has in common: ids, stage, queues, retries, what is audited.
TileRound round_of(const RunUnderWay& run, bool raw);

/// Phases 5 and 6: carries the round out and joins its tiles.
Reconstruction reconstruct(RunUnderWay& run, const AnalysedNight& night, const TileRound& round);

/// Where the rounds of a run are carried out.
RoundPlace round_place(RunUnderWay& run);

/// What a round tells the run and asks of it.
class RunObserver : public RoundObserver {
 public:
  using Accept = std::function<void(const ResultMessage&, TileFile)>;
  using Revoke = std::function<void(int tile_id)>;
  RunObserver(RunUnderWay& run, const std::string& phase, Accept accept, Revoke revoke)
      : run_(run),
        progress_(phase, "tiles", run.record.tiles, run.request.quiet),
        accept_(std::move(accept)),
        revoke_(std::move(revoke)) {}
  void accept(const ResultMessage& result, TileFile file) override { accept_(result, std::move(file)); }
  void revoke(int tile_id) override { revoke_(tile_id); }
  void taken_over(int tiles) override { run_.record.resumed_tiles += tiles; }
  void progress(int tiles) override { progress_.progress(tiles); }
  void watch() override { run_.links.workers->watch(); }
  void check_stop() override { run_.check_stop(); }

 private:
  RunUnderWay& run_;
  Progress progress_;
  Accept accept_;
  Revoke revoke_;
};

/// Notes tiles that failed for good: a picture with holes is no success, and the verdict says so whatever
/// else it holds.
void note_failed_tiles(RunRecord& record, const TileLedger& ledger, const std::string& round);

}  // namespace tilecompile

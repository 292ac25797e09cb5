#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "phase_clock.hpp"
#include "products.hpp"
#include "tilecompile/coadd/checks.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/master/master.hpp"
#include "tilecompile/master/tile_joiner.hpp"
#include "tilecompile/night/analysis.hpp"
#include "tilecompile/night/frame_proofs.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/tile/clusters.hpp"

namespace tilecompile {

/// One run on its way through the phases; every phase leaves what the next ones need.
class MasterRun {
 public:
  MasterRun(const RunRequest& request, const RunLinks& links);
  RunOutcome run();

 private:
  void scan();
  void open_for_resume();
  void refuse_second_master() const;
  /// Throws unless configuration and frames are those that the run began with.
  void check_same_run();
  void read_journal_to_resume();
  void warn_of_small_cache();
  FrameSource frame_source() const;
  void add_other_bad_frames(std::vector<BadFrame>& bad) const;
  /// Ends the run with the names of all bad frames, or leaves them out, as input.on_bad_frame says.
  void set_aside(const std::vector<BadFrame>& bad);
  /// Makes the frames that were found those of the run: says what was left out and what is odd, and ends the
  /// run where frames are bad and none may be. The pixels of raw ones are not looked at.
  void take(ScannedFrames found, bool raw);
  void note_frame(const char* event, const BadFrame& frame);
  /// Says it in the log and keeps it for the record.
  void warn(const std::string& text);
  /// Fills what follows from the manifest; again when frames were left out.
  void note_manifest();
  /// Paths of the frames; raw ones are registered first, and their origin becomes the folder of the result.
  std::vector<std::string> frames_to_read();
  std::vector<std::string> register_frames(const std::vector<std::string>& raw_paths);
  void check_stack_by_siril(const std::vector<CoaddChannel>& final_stack);
  void analyse();
  bool analyse_once();
  ProofJob proof_job(const FrameSource& source) const;
  /// Sets bad frames aside, or ends the run when there are too many; true when there are none.
  bool note_proofs(const ProofVerdict& verdict);
  void share_with_workers();
  void share(const std::string& key, const std::string& name, const std::string& bytes);
  void reconstruct();
  void note_limited_frames();
  void note_failed_tiles(const TileLedger& ledger, const std::string& round);
  void make_synthetic_frames();
  void cluster_frames();
  ProductRecord write_synthetic_frame(int cluster, const std::vector<CoaddChannel>& frame) const;
  void write_reconstruction();
  void write_final(const ProductPlan& plan, const std::vector<CoaddChannel>& channels);
  void judge_final(const ProductRecord& product);
  void write_frame_table();
  void write_tile_metrics();
  void write_rejection();
  void finish(const std::string& status);
  /// Removes temporary files of the run that nobody has written to for `age_s`.
  void sweep(double age_s) const;
  void give_up(const std::string& status);
  /// Notes a check in the record and the events; throws ContractError when it does not hold.
  void require(NamedCheck check);
  void note_check(const NamedCheck& check);
  void check_analysis();
  /// Throws Interrupted after a signal and TransientError past a limit of runtime_limits.
  void check_stop() const;
  class Observer;
  TileRound tile_round() const;
  RoundPlace round_place();
  ProductContext product_context() const;

  using Clock = std::chrono::steady_clock;
  const RunRequest& request_;
  RunConfig config_;
  const RunLinks& links_;
  FrameOrigin frames_;
  FrameFile first_frame_;  // for the header of the products
  int threads_;
  Clock::time_point began_, tiles_began_{};
  double stack_seconds_ = 0;
  PhaseClock clock_;
  RunRecord record_;
  std::optional<RunDirectory> directory_;
  WorkerBook workers_;
  Journal journal_;  ///< of the earlier start; empty in a new run
  std::shared_ptr<Manifest> manifest_;
  Analysis analysis_;
  Grid grid_;
  std::string config_json_, manifest_json_, metrics_json_;
  std::optional<TileJoiner> joiner_;
  std::vector<CoaddChannel> reconstruction_;
  Clusters clusters_;
  std::optional<ResultsQueueEnd> results_end_;  ///< one results queue serves all rounds
};

}  // namespace tilecompile

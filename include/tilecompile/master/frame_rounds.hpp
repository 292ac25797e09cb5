#pragma once
#include <functional>
#include <map>

#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/survey/frame_pieces.hpp"

namespace tilecompile {

/// What the frames and bands of a run gave so far, by data_ref.
struct FramePieces {
  std::map<std::string, ResultMessage> known;  ///< of an earlier start, or of a look that is made once more
  std::map<std::string, ResultMessage> used;   ///< what the analysis rests on

  /// Forgets what workers gave that `workers` does not believe any more; the rest is known from now on. False
  /// and nothing done when there is nothing of theirs.
  bool forget_distrusted(const TrustBook& workers);
  /// Whether workers had a part in masters.
  bool has_calibration() const;
  /// Whether masters, or stars that the registration rests on, were among what was forgotten last.
  bool forgot_stars = false;
};

/// What rounds over frames need.
struct FrameRoundsJob {
  TileRound round;  ///< ids, stage, queues, retries, threads; the rest is filled in for each round
  RoundPlace place;
  const FrameSource& frames;  ///< as the master reads those that no worker could
  const MethodConfig& method;
  FramePieces& pieces;
  Observer& observer;      ///< its pieces are frames
  ObjectReference sums{};  ///< of the frames' files; empty: workers hash whole files
};

/// The passes over the frames by workers: for each pass a round over the frames, whose pieces are what they
/// give, and one over bands of rows, which are stacked over all frames. The pieces are made by the functions
/// that LocalPasses calls, so all bits are the same. The rounds have the guarantees of tiles: journal,
/// resume, retries, deaths, audits. What no worker can do the master does itself, and with it says what is
/// wrong with a frame.
class FrameRounds : public FramePasses {
 public:
  explicit FrameRounds(FrameRoundsJob job) : job_(std::move(job)) {}
  bool by_others() const override { return true; }
  HashedFiles hash_files() override;
  std::vector<FlatLook> look_at_flats(const MasterMaking& making) override;
  Plane<float> make_master(const MasterMaking& making) override;
  NightStars find_stars(const StarFinding& how) override;
  std::vector<FrameLook> look(Analysis& analysis) override;
  Plane<float> proof_median(const FrameMetrics& metrics, std::size_t memory_limit_bytes) override;
  std::vector<StarLook> look_at_stars(Analysis& analysis, const StarPass& pass,
                                      const LookAgain& again) override;

 private:
  /// Reads the object of an item.
  using ReadPiece = std::function<KeepPiece(const TaskTile& item, std::string_view object)>;
  TileTask task_of(TaskWork work, PassState state) const;
  PassState nothing_known() const;
  void carry_out(const TileTask& task, const ReadPiece& read,
                 const std::function<void(int item, const InputError& why)>& unreadable);
  Plane<float> joined_rows(const TileTask& task);
  void stack(Analysis& analysis, const PassState& state, TaskWork work);

  FrameRoundsJob job_;
};

}  // namespace tilecompile

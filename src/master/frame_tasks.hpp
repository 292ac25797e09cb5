#pragma once
#include <memory>

#include "night_frames.hpp"
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Who carries out the passes over the frames of a run: workers where there are any that know such tasks,
/// else this process.
class FrameTasks {
 public:
  /// Brings what workers need to the storage.
  FrameTasks(RunUnderWay& run, const NightFrames& frames, const FrameSource& source);
  /// For one pass. Throws what the run's check_stop throws.
  std::unique_ptr<FramePasses> passes(Observer& observer);

 private:
  bool workers_take_tasks();

  RunUnderWay& run_;
  const FrameSource& source_;
  const bool wanted_;
  TileRound round_;
  ObjectReference sums_;
};

/// For a pass over frames of calibration, whose folder lies at `place` (MasterMaking): workers where they can
/// find it and are not known to lack it, else this process.
std::unique_ptr<FramePasses> calibration_passes(RunUnderWay& run, const FrameSource& frames,
                                                const std::string& place, Observer& observer);

/// Puts the sums of the frames' files where workers find them; none where the frames come from a cache.
ObjectReference share_frame_sums(const RunUnderWay& run, const NightFrames& frames);

/// Thrown where the run has to begin anew with the registration of its frames.
struct RegistrationInDoubt {};

/// Whether a worker was found to be wrong after the analysis of the frames had taken something from it. Then
/// that is forgotten, the log says so, and the frames are to be analysed once more: what others found is
/// taken over, and so is all that comes out the same without it. Throws RegistrationInDoubt where already the
/// stars by which the frames were registered are such.
bool analysis_in_doubt(RunUnderWay& run);

}  // namespace tilecompile

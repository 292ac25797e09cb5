#pragma once
#include "analyse_night.hpp"
#include "night_frames.hpp"
#include "tilecompile/dispatch/journal.hpp"

namespace tilecompile {

/// Opens the directory of the run that is to go on. Throws UsageError when there is none, or it has ended.
void open_for_resume(RunUnderWay& run);
/// Throws unless the configuration and the frames are those that the run began with; of frames that are not
/// known yet, as far as that is certain.
void check_same_run(RunUnderWay& run, const NightFrames& frames, bool frames_are_known);
/// Throws UsageError when another master consumes the results of this run: one on another host does not see
/// the lock.
void refuse_second_master(const RunUnderWay& run);
/// What the earlier start has accepted, if the night still gives what it was computed with.
Journal journal_to_resume(RunUnderWay& run, const AnalysedNight& night);

}  // namespace tilecompile

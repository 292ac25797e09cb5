#pragma once
#include <map>
#include <memory>
#include <string>

#include "night_frames.hpp"
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Who carries out the passes over the frames of a run: workers where there are any, else this process.
class FrameTasks {
 public:
  /// Brings what workers need to the storage, and reads what an earlier start has found.
  FrameTasks(RunUnderWay& run, const NightFrames& frames, const FrameSource& source);
  std::unique_ptr<FramePasses> passes(Observer& observer) const;

 private:
  RunUnderWay& run_;
  const FrameSource& source_;
  TileRound round_;
  std::map<std::string, ResultMessage> journalled_;
};

}  // namespace tilecompile

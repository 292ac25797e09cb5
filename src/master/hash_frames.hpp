#pragma once
#include <string>

#include "night_frames.hpp"

namespace tilecompile {

/// Fills in the hashes that the scan has left to workers, who ask for frames by them; where nobody takes such
/// tasks, this process takes them. What a worker says is compared with the file here at two places. Files
/// that cannot be read are set aside.
void hash_frames(RunUnderWay& run, NightFrames& frames);

/// Whether `error`, which blames frames by their names, comes of what a worker said of their files: these are
/// hashed here, and who was wrong is believed no more. Then the frames are to be analysed once more.
bool hashes_in_doubt(RunUnderWay& run, const std::string& error);

}  // namespace tilecompile

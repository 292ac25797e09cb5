#pragma once
#include <memory>
#include <string>
#include <vector>

#include "run_under_way.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_proofs.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// The frames of a run: where they lie, and which they are.
struct NightFrames {
  FrameOrigin origin;
  std::shared_ptr<Manifest> manifest;
  std::string manifest_json;  ///< as hashed
};

/// Phase 1: lists, registers (raw ones), hashes and describes the frames, and checks what can be checked
/// before pixels are looked at. A resumed run is opened here.
NightFrames scan_night(RunUnderWay& run);

/// The frames for readers.
FrameSource source_of(const RunUnderWay& run, const NightFrames& frames);
/// How they are read for their proof.
ProofJob proof_job(RunUnderWay& run, const FrameSource& source);

/// Makes the frames that were found those of the run: says what was left out and what is odd, and ends the
/// run where frames are bad and none may be. The pixels of raw ones are not looked at.
void take_frames(RunUnderWay& run, NightFrames& frames, ScannedFrames found, bool raw);
/// Ends the run with the names of all bad frames, or leaves them out, as input.on_bad_frame says.
void set_aside(RunUnderWay& run, NightFrames& frames, const std::vector<BadFrame>& bad);
/// Adds the other bad frames, for a run that ends with their names.
void add_other_bad_frames(RunUnderWay& run, const NightFrames& frames, std::vector<BadFrame>& bad);
/// Fills what follows from the manifest; again when frames were left out.
void note_manifest(RunUnderWay& run, NightFrames& frames);

/// Paths of the frames; raw ones are registered first, and their origin becomes the folder of the result.
std::vector<std::string> list_or_register(RunUnderWay& run, NightFrames& frames);

}  // namespace tilecompile

#pragma once
#include <memory>
#include <string>
#include <vector>

#include "run_under_way.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/passes/frame_proofs.hpp"

namespace tilecompile {

/// The frames of a run: where they lie, and which they are.
struct NightFrames {
  FrameOrigin origin;
  std::shared_ptr<Manifest> manifest;
  std::string manifest_json;  ///< as hashed
  /// Of raw frames that this program registers: what they are read with, and registration.json.
  std::shared_ptr<const RawNight> raw{};
  std::string registration_json{};
  std::shared_ptr<const Manifest> reference{};  ///< of the registration, alone
};

/// Phase 1: lists, registers (raw ones), hashes and describes the frames, and checks what can be checked
/// before pixels are looked at. A resumed run is opened here. `again`: what was done is done once more.
NightFrames scan_night(RunUnderWay& run, bool again);

/// The frames for readers.
FrameSource source_of(const RunUnderWay& run, const NightFrames& frames);
/// The file that the products' headers are taken from: the reference of the registration, or the first frame.
FrameFile header_file(const RunUnderWay& run, const NightFrames& frames);
/// Lets go of what is held for reading them: it would stand beside the products.
void read_no_more_frames(const RunUnderWay& run);
/// Whether only a look at all pixels tells which the frames of the run are, and not their files before: some
/// may be left out for what they show, and a run of one process hashes them as it looks at them.
bool frames_are_known_late(const RunUnderWay& run);
/// How they are read for their proof.
ProofJob proof_job(RunUnderWay& run, const FrameSource& source);

/// Hashes and describes the files, and makes those that are frames those of the run: says what was left out
/// and what is odd, and ends the run where frames are bad and none may be. The pixels of raw ones are not
/// looked at.
void scan_files(RunUnderWay& run, NightFrames& frames, const std::vector<std::string>& paths, bool raw);
/// Once all frames have been read: fills in the hashes that were taken of them meanwhile.
void know_frames(RunUnderWay& run, NightFrames& frames);
/// Ends the run with the names of all bad frames, or leaves them out, as input.on_bad_frame says.
void set_aside(RunUnderWay& run, NightFrames& frames, const std::vector<BadFrame>& bad);
/// Adds the other bad frames, for a run that ends with their names.
void add_other_bad_frames(RunUnderWay& run, const NightFrames& frames, std::vector<BadFrame>& bad);
/// Fills what follows from the manifest; again when frames were left out.
void note_manifest(RunUnderWay& run, NightFrames& frames);

/// Paths of the frames that lie where the run was told to look.
std::vector<std::string> list_night(RunUnderWay& run, const NightFrames& frames);
/// Paths of the frames; raw ones are registered by Siril first, and their origin becomes the folder of the
/// result.
std::vector<std::string> list_or_register(RunUnderWay& run, NightFrames& frames);
/// Notes where the sensor of raw frames saturates: what becomes of them are floats, which do not tell.
void note_saturation(RunUnderWay& run, const FrameFacts& facts);
/// The raw frames of a run that this program registers: lists and describes them, makes the masters, finds
/// the stars, fits the transforms, and leaves out or refuses what cannot be used. From then on the manifest
/// has the facts of the frames as they are read.
void register_raw_frames(RunUnderWay& run, NightFrames& frames);

}  // namespace tilecompile

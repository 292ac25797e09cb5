#pragma once
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/coadd/row_extremes.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/frame/frame_proof.hpp"
#include "tilecompile/passes/frame_passes.hpp"

namespace tilecompile {

/// What a pass over all frames gives: their metrics, and the classical stack with its coverage, a plane a
/// channel.
struct Analysis {
  FrameMetrics metrics;
  Image classical;                            ///< normalised
  std::vector<Plane<std::int32_t>> coverage;  ///< valid frames per pixel
  Image variance;                             ///< of the classical stack, as the frames scatter; from pass 2
  std::vector<RowExtremes> extremes;          ///< [channel] of I' over all frames
  std::vector<std::string> warnings;
  bool floored = false;              ///< the sky of some frame is clipped at 0
  std::vector<BadFrame> bad_frames;  ///< of pass 1
  std::vector<FrameProof> proofs;    ///< [frame] of pass 2
};

/// The channel that fixes the geometry all channels share (star list, seeing, tile size): green of three, the
/// only one else.
int reference_channel(int channels);

/// Pass 1: B, sigma, E of every frame and the classical stack (in photometric mode a first one of I - B, in
/// which the stars are found), by `passes` over the frames of the manifest. When `bad_frames` names frames
/// that cannot be read or used, the rest is of no use: leave them out of the manifest and call again.
Analysis analyse_frames(const Manifest& manifest, const MethodConfig& method, FramePasses& passes);
/// The same in this process.
Analysis analyse_frames(const FrameSource& source, const MethodConfig& method, int threads,
                        Observer& observer = nobody());

}  // namespace tilecompile

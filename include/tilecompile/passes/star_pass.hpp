#pragma once
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {

/// The reference stars (`methodology.md` 5), found on the classical stack.
StarCatalogue find_reference_stars(const Analysis& analysis, const FrameSource& source,
                                   const MethodConfig& method);

/// Pass 2, by the `reference` stars: FWHM of every frame, seeing F; where they are asked for,
/// the surface of the FWHM, the borders of the frame, and flux scales with the classical stack of the frames
/// brought to one scale; the variance of the classical stack. Then weighs the frames. Fills the analysis'
/// metrics, and its proofs by the stars of `proof_list`: when one of them is bad, what was measured with that
/// frame is of no use.
void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    FramePasses& passes, StarCatalogue reference, const ProofList& proof_list = {});
/// The same in this process, the stars too.
void measure_seeing(Analysis& analysis, const FrameSource& source, const MethodConfig& method, int threads,
                    Observer& observer = nobody(), const ProofList& proof_list = {});

}  // namespace tilecompile

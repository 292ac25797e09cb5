#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/frame/frame_proof.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {

/// How the frames of a run are read for their proof.
struct ProofJob {
  const FrameSource& source;
  const MethodConfig& method;
  int threads = 1;
  std::size_t memory_limit_bytes = 0;
  Observer& observer;
  bool wanted = true;  ///< `input.prove_frames`; false: no stars, and nothing is judged
};

/// The stars that every frame has to show: the brightest 200 of the median that `passes` make
/// (proof_median_rows). `analysis` is that of pass 1.
ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis, FramePasses& passes);
/// The same in this process.
ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis);
/// The proof of every frame, which measure_seeing makes on its way too.
std::vector<FrameProof> prove_frames(const ProofJob& job, const Analysis& analysis, const ProofList& list);

/// What the proofs of all frames tell.
struct ProofVerdict {
  std::vector<BadFrame> bad;  ///< with figures and probable causes
  /// Not empty when no group of frames holds more than half of them: what the groups are, for people.
  std::string groups;
  std::string warning;             ///< not empty when stars cannot prove anything
  std::vector<FrameProof> proofs;  ///< [frame] by which was judged: of the median's stars or of one frame's
};

/// Finds the cause for every frame whose proof failed (`analysis.proofs`). When many failed, or the median
/// shows no stars, the frames are compared with the single frame of nine that shows most stars: a median of
/// two pictures shows both or neither.
ProofVerdict judge_proofs(const ProofJob& job, const Analysis& analysis, const ProofList& list);
/// The same where others made the median that the list was found in, with the metrics `before`: nobody is
/// condemned by it. Where this process finds other stars, it proves all frames by these; so says the log.
ProofVerdict judge_proofs_of_others(const ProofJob& job, const Analysis& analysis, const ProofList& list,
                                    const FrameMetrics& before);

}  // namespace tilecompile

#include "structure_proofs.hpp"

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/frame_structure.hpp"

namespace tilecompile {
namespace {

constexpr double kManyBad = 0.4;  // share of bad frames from which the median itself is doubted

}  // namespace

ProofVerdict judge_by_structure(const ProofJob& job, const Analysis& analysis, const ProofList& list) {
  const Manifest& manifest = job.source.manifest();
  const std::size_t channel = static_cast<std::size_t>(reference_channel(manifest.channels()));
  const double samples_a_cell =
      1.0 * manifest.width() * manifest.height() / static_cast<double>(list.structure.size());
  std::vector<StructureProof> proofs(manifest.frames.size());
  parallel_for(static_cast<int>(proofs.size()), job.threads, [&](int f) {
    job.observer.check_stop();
    Plane<float> plane(manifest.width(), manifest.height());
    job.source.open(f).read_rows(static_cast<int>(channel), 0, plane.height(), plane.data());
    const FrameChannel& frame = analysis.metrics.channels[channel][static_cast<std::size_t>(f)];
    proofs[static_cast<std::size_t>(f)] =
        compare_structure(structure_cells(plane.view()), list.structure,
                          frame.noise / frame.normalization.gain, samples_a_cell);
  });
  std::vector<BadFrame> bad;
  for (std::size_t f = 0; f < proofs.size(); ++f)
    if (proofs[f].bad()) bad.push_back({manifest.frames[f].path, describe_lacking_structure(proofs[f])});
  if (static_cast<double>(bad.size()) > kManyBad * static_cast<double>(proofs.size())) bad.clear();
  return {
      std::move(bad),
      {},
      "fewer than " + std::to_string(kFewestProofStars) +
          " stars stand out of the median of the frames: they cannot be checked by their stars, so a frame "
          "of another field among them would go unseen, and a dark too where no nebula stands out clearly; "
          "look through them",
      analysis.proofs};
}

}  // namespace tilecompile

#include "tilecompile/passes/analysis.hpp"

#include <atomic>

#include "night/small_night.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/passes/frame_proofs.hpp"

namespace tilecompile {
namespace {

/// Ends the work before its piece number `last`; counts the pieces that are done.
class EndsAt : public Observer {
 public:
  explicit EndsAt(int last) : left_(last - 1) {}
  void check_stop() override {
    if (left_-- <= 0) throw Interrupted{15};
  }
  void progress(int /*done*/) override { ++pieces; }
  int pieces = 0;

 private:
  int left_;
};

TEST(Passes, OverTheFramesEndBeforeTheNextFrameWhenTheyAreTold) {
  const SmallNight night;
  const FrameSource source = night.source();
  const auto paths = list_frames(night.frames_dir(), "").paths;
  constexpr int kLast = 3;
  EndsAt scan(kLast), analysis(kLast), seeing(kLast), stars(9), proofs(kLast);
  EXPECT_THROW(scan_frames(night.frames_dir(), paths, 1, {night.method.data}, night.verified, scan),
               Interrupted);
  EXPECT_THROW(analyse_frames(source, night.method, 1, analysis), Interrupted);
  Analysis known = night.analysis;
  EXPECT_THROW(measure_seeing(known, source, night.method, 1, seeing), Interrupted);
  const std::size_t memory = std::size_t{1} << 30;
  EXPECT_THROW(find_proof_stars({source, night.method, 1, memory, stars}, night.analysis), Interrupted);
  const ProofList list = find_proof_stars({source, night.method, 1, memory, nobody()}, night.analysis);
  EXPECT_THROW(prove_frames({source, night.method, 1, memory, proofs}, night.analysis, list), Interrupted);
  EXPECT_EQ(scan.pieces, kLast - 1);
  EXPECT_EQ(analysis.pieces, kLast - 1);
  EXPECT_EQ(seeing.pieces, kLast - 1);
}

}  // namespace
}  // namespace tilecompile

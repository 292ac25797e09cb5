#include "tilecompile/passes/analysis.hpp"

#include <atomic>

#include "night/small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/base/process_usage.hpp"
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

TEST(Passes, TheFirstLookTakesTheHashes) {
  const SmallNight night(
      1, 5, [](MethodConfig&) {}, [](SimulateOptions& sky) { sky.width = 500, sky.height = 400; });
  const auto verified = std::make_shared<VerifiedFiles>();
  Manifest found = scan_frames(night.frames_dir(), list_frames(night.frames_dir(), "").paths, 1,
                               {night.method.data, false, false, true}, verified)
                       .manifest;
  for (const ManifestEntry& frame : found.frames) EXPECT_EQ(frame.sha256, "");
  const FrameSource source(night.frames_dir(), std::make_shared<Manifest>(found), ZeroIsNodata::kAuto,
                           verified);
  const std::int64_t before = process_bytes_read();
  analyse_frames(source, night.method, 1);
  fill_in_hashes(night.frames_dir(), found, *verified);
  const auto read = static_cast<double>(process_bytes_read() - before);
  const auto size = static_cast<double>(found.frames.size() * found.frames[0].size_bytes);
  EXPECT_GE(read, size);
  EXPECT_LE(read, 1.05 * size);
  EXPECT_EQ(encode_manifest(found), encode_manifest(*night.manifest));
  // What was found out is not of a file that was put there since.
  const std::filesystem::path last = night.frames_dir() / found.frames.back().path;
  std::filesystem::copy_file(night.frames_dir() / found.frames.front().path, last,
                             std::filesystem::copy_options::overwrite_existing);
  found.frames.back().sha256 = "";
  EXPECT_THROW(fill_in_hashes(night.frames_dir(), found, *verified), InputError);
}

// A copy tells the same of itself, or nothing; it is left out before anything follows from how many frames
// there are.
TEST(Passes, FramesOfEqualContentAreFoundBeforeTheFirstLook) {
  const SmallNight night;
  const std::filesystem::path folder = night.frames_dir();
  const std::string first = night.manifest->frames[1].path, copy = "z_" + first;
  std::filesystem::copy_file(folder / first, folder / copy);
  const auto scan = [&](bool keep) {
    return scan_frames(folder, list_frames(folder, "").paths, 2, {night.method.data, false, keep, true},
                       std::make_shared<VerifiedFiles>());
  };
  const ScannedFrames found = scan(false);
  ASSERT_EQ(found.left_out.size(), 1u);
  EXPECT_EQ(found.left_out[0].path, copy);
  EXPECT_EQ(found.left_out[0].reason, "has the same content as " + first + ": counted once");
  EXPECT_NE(found.manifest.frames[1].sha256, "");
  EXPECT_EQ(found.manifest.frames[2].sha256, "");
  EXPECT_EQ(scan(true).left_out.size(), 0u);
}

}  // namespace
}  // namespace tilecompile

#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/frame/frame_proof.hpp"
#include "tilecompile/frame/linearity.hpp"
#include "tilecompile/frame/number_groups.hpp"
#include "tilecompile/frame/sky_samples.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/passes/star_spread.hpp"

namespace tilecompile {

struct Analysis;
struct FlatLook;
struct MasterMaking;
struct NightStars;
struct StarFinding;

/// What pass 1 finds in one frame, [channel].
struct FrameLook {
  std::vector<FrameChannel> channels;
  std::vector<LinearityEvidence> linearity;
  std::vector<FrameNumbers> numbers;
  double zeros = 0;          ///< share of the sky that is exactly 0, of the channel with most
  std::string unreadable{};  ///< why the frame cannot be read; then nothing else is filled
};

struct EarlierLooks;

/// What pass 2 is told before it reads a frame.
struct StarPass {
  std::size_t reference = 0;               ///< channel whose stars fix the seeing
  std::vector<StarLight> reference_light;  ///< [channel]; photometric mode only
  ProofList proof_list;
  RingSky ring = RingSky::kMedian;
  /// [channel][frame]: how the frames took part in the mean that skies are compared with; empty: skies are
  /// not levelled.
  std::vector<std::vector<Normalization>> part{};
  bool some_spread = false;  ///< then every frame is asked how its stars' light is spread
  /// Of a second pass: what stands of the first, which other processes are not told; null: nothing.
  std::shared_ptr<const EarlierLooks> earlier{};
};

/// What pass 2 finds in one frame.
struct StarLook {
  std::vector<FrameChannel> channels;         ///< as pass 1 left them, with what is known now
  std::vector<double> reference_fwhm;         ///< of round stars of the reference channel
  FrameProof proof;                           ///< by the stars of the list
  std::vector<StarSpread> spread;             ///< [channel]; photometric mode only, NaN else
  std::vector<std::vector<SkySample>> skies;  ///< [channel][cell]; empty: skies are not levelled
};

/// What pass 2 gave before some frames turned out to be spread. Only these come out otherwise in a second
/// one.
struct EarlierLooks {
  std::vector<StarLook> looks;                      ///< [frame]
  std::vector<std::vector<FrameChannel>> channels;  ///< [channel][frame]
  std::vector<bool> stands;                         ///< [frame]
};

/// Asked when all frames have been looked at: whether they are to be looked at once more.
using LookAgain = std::function<bool(const std::vector<StarLook>& looks)>;

/// What the files of the frames hold, [frame].
struct HashedFiles {
  std::vector<FileContent> contents;
  std::vector<std::string> problems;  ///< why a file cannot be read; empty: it can
};

/// The passes over all frames, here or elsewhere. What a frame gives does not depend on other frames, nor
/// a row of the stacks on other rows; so they may be spread over processes.
class FramePasses {
 public:
  virtual ~FramePasses() = default;
  /// Whether other processes look at the frames, which can be wrong.
  virtual bool by_others() const { return false; }
  /// The content of every frame's file, before it is known.
  virtual HashedFiles hash_files() = 0;
  /// Over flats: the look at every one, [frame].
  virtual std::vector<FlatLook> look_at_flats(const MasterMaking& making) = 0;
  /// Over frames of calibration: their master.
  virtual Plane<float> make_master(const MasterMaking& making) = 0;
  /// The stars of raw frames, before their registration.
  virtual NightStars find_stars(const StarFinding& how) = 0;
  /// Pass 1 of every frame, [frame], whose channels are moved to the metrics. Unless a frame cannot be read,
  /// the classical stack, its coverage and the extremes of `analysis` are filled too.
  virtual std::vector<FrameLook> look(Analysis& analysis) = 0;
  /// The median in which the stars of the proof are found (proof_median_rows), between the passes.
  virtual Plane<float> proof_median(const FrameMetrics& metrics, std::size_t memory_limit_bytes) = 0;
  /// Pass 2 of every frame, likewise. Fills the variance of the classical stack; in photometric mode also the
  /// stack, its coverage and the extremes anew, by the factors that are known now. Where `again` says of the
  /// looks that they will be taken once more, these stay what they were.
  virtual std::vector<StarLook> look_at_stars(Analysis& analysis, const StarPass& pass,
                                              const LookAgain& again) = 0;
};

/// In this process: frames are read in parallel, a group at a time; sums run in frame order.
class LocalPasses : public FramePasses {
 public:
  LocalPasses(const FrameSource& source, const MethodConfig& method, int threads, Observer& observer)
      : source_(source), method_(method), threads_(threads), observer_(observer) {}
  HashedFiles hash_files() override;
  std::vector<FlatLook> look_at_flats(const MasterMaking& making) override;
  Plane<float> make_master(const MasterMaking& making) override;
  NightStars find_stars(const StarFinding& how) override;
  std::vector<FrameLook> look(Analysis& analysis) override;
  Plane<float> proof_median(const FrameMetrics& metrics, std::size_t memory_limit_bytes) override;
  std::vector<StarLook> look_at_stars(Analysis& analysis, const StarPass& pass,
                                      const LookAgain& again) override;

 private:
  const FrameSource& source_;
  const MethodConfig& method_;
  const int threads_;
  Observer& observer_;
};

/// Whether I' = (I - B) / phi + S, so that pass 2 makes the stack anew.
bool is_photometric(const MethodConfig& method);

/// Pass 1 of one frame, whose samples are read into `image`. Throws InputError when it cannot be read.
FrameLook look_at_frame(const FrameSource& source, int frame, const MethodConfig& method, Image& image);
/// The same; a frame that cannot be read is a look that says why.
FrameLook try_frame(const FrameSource& source, int frame, const MethodConfig& method, Image& image);

/// Pass 2 of one frame with the samples `image`. Of `analysis` the metrics, and where skies are levelled the
/// classical stack and its coverage are used.
StarLook look_at_frame_stars(const Image& image, int frame, const Analysis& analysis, const StarPass& pass,
                             const MethodConfig& method);

}  // namespace tilecompile

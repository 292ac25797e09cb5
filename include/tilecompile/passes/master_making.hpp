#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

enum class FlatFault { kNone, kOverexposed, kDark };

/// What one flat is divided by (flat_levels), and whether it tells anything.
struct FlatLook {
  std::array<double, 4> levels{};
  FlatFault fault = FlatFault::kNone;
};

inline constexpr std::size_t kMasterBandBytes = std::size_t{32} << 20;

/// How frames of calibration, all of a source, become one master.
struct MasterMaking {
  /// Of their folder, as seen from that of the lights, for those who read the frames elsewhere; empty: there
  /// they cannot be found.
  std::string place;
  double code_step = 0;                          ///< of the samples; 0: floats, and flats
  std::string cfa;                               ///< of flats, as rows are stored; empty: no colour sensor
  MasterObject subtracted;                       ///< from flats; without a key nothing is
  std::shared_ptr<const Plane<float>> pedestal;  ///< the same in memory
  std::size_t memory_bytes = kMasterBandBytes;   ///< of samples that are read at once; not sent
  std::vector<FlatLook> flats;                   ///< [frame]; empty: these are no flats
};

/// Where `folder` lies as seen from `lights`, both folders of this host: "../darks". Empty where it does not
/// lie in the folder that holds `lights`: another host need not have it in the same place.
std::string place_beside(const std::filesystem::path& lights, const std::filesystem::path& folder);
/// Whether a task may name this place: it does not leave the folder that holds the lights.
bool is_beside(const std::string& place);

/// The look at one flat. Throws InputError when it cannot be read.
FlatLook look_at_flat(const FrameSource& flats, int frame, const MasterMaking& making);
/// Rows of a master: master_row of the frames' samples, those of flats normalised before (`raw.md` R1). No
/// row depends on others, and neither threads nor memory change a bit. `band` is as wide as the frames.
/// Throws InputError when a frame cannot be read.
Plane<float> master_rows(const FrameSource& frames, const MasterMaking& making, const Box& band, int threads,
                         Observer& observer = nobody());

/// Makes pixels NaN that stand out of their neighbours by more than `sigma` (0: none); returns how many.
std::size_t leave_out_defects(Plane<float>& dark, const Plane<float>& measured, const std::string& cfa,
                              double sigma, int threads, Observer& observer = nobody());

}  // namespace tilecompile

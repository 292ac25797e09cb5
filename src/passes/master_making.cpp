#include "tilecompile/passes/master_making.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/frame/master_frame.hpp"

namespace tilecompile {
namespace {

constexpr double kOverexposedShare = 0.01;  // of the pixels, that have the flat's largest value
constexpr double kFewCodes = 256;           // so many values and less: equal pixels tell nothing

// Why a flat tells nothing.
FlatFault fault_of(const Plane<float>& flat, const FrameFacts& facts, const std::array<double, 4>& levels) {
  float least = std::numeric_limits<float>::infinity(), most = -least;
  for (const float s : flat.samples()) {  // comparisons leave out NaN
    if (s < least) least = s;
    if (s > most) most = s;
  }
  const auto clipped = static_cast<double>(std::count(flat.samples().begin(), flat.samples().end(), most));
  const bool many_codes = facts.code_step == 0 || (most - least) / facts.code_step > kFewCodes;
  const bool at_limit = facts.largest_code > 0 && most >= facts.largest_code;
  if (clipped > kOverexposedShare * static_cast<double>(flat.size()) && (many_codes || at_limit))
    return FlatFault::kOverexposed;
  return *std::min_element(levels.begin(), levels.end()) <= 0 ? FlatFault::kDark : FlatFault::kNone;
}

// Opens a frame, which has to be of the shape of the manifest.
FrameReader reader_of(const FrameSource& frames, int index) {
  FrameReader reader = frames.reader(index, ZeroIsNodata::kNever);
  const ManifestEntry& entry = frames.manifest().frames[static_cast<std::size_t>(index)];
  const FrameFacts& facts = reader.facts();
  if (facts.width != entry.facts.width || facts.height != entry.facts.height)
    throw InputError("the frame " + entry.path + " has " + std::to_string(facts.width) + " x " +
                     std::to_string(facts.height) + " px, its manifest says " +
                     std::to_string(entry.facts.width) + " x " + std::to_string(entry.facts.height) +
                     "; write the manifest anew");
  return reader;
}

const Plane<float>& pedestal_of(const MasterMaking& making) {
  static const Plane<float> nothing;
  return making.pedestal ? *making.pedestal : nothing;
}

}  // namespace

std::string place_beside(const std::filesystem::path& lights, const std::filesystem::path& folder) {
  if (lights.empty() || folder.empty()) return "";
  const auto plain = [](const std::filesystem::path& path) {
    return std::filesystem::absolute(path).lexically_normal();
  };
  std::string place = plain(folder).lexically_relative(plain(lights)).generic_string();
  return is_beside(place) ? place : "";
}

bool is_beside(const std::string& place) {
  const std::filesystem::path path(place);
  if (place.empty() || path.is_absolute() || path != path.lexically_normal()) return false;
  return std::count(path.begin(), path.end(), "..") <= 1;
}

FlatLook look_at_flat(const FrameSource& flats, int frame, const MasterMaking& making) {
  FrameReader reader = reader_of(flats, frame);
  const Image flat = reader.read_all();
  FlatLook look;
  look.levels = flat_levels(flat.front().view(), pedestal_of(making), making.cfa);
  look.fault = fault_of(flat.front(), reader.facts(), look.levels);
  return look;
}

Plane<float> master_rows(const FrameSource& frames, const MasterMaking& making, const Box& band, int threads,
                         Observer& observer) {
  const std::size_t count_of_frames = frames.manifest().frames.size();
  const bool are_flats = !making.flats.empty();
  const std::size_t row_bytes = count_of_frames * static_cast<std::size_t>(band.w) * sizeof(float);
  const int at_once = static_cast<int>(std::clamp<std::size_t>(
      making.memory_bytes / row_bytes, 1, static_cast<std::size_t>(std::max(1, band.h))));
  Plane<float> master(band.w, band.h);
  std::vector<Plane<float>> rows(count_of_frames);
  std::vector<std::optional<FrameReader>> unpacked(count_of_frames);  // others are opened for each band
  for (int first = 0; first < band.h; first += at_once) {
    const int count = std::min(at_once, band.h - first), y0 = band.y0 + first;
    parallel_for(static_cast<int>(count_of_frames), threads, [&](int i) {
      observer.check_stop();
      const auto f = static_cast<std::size_t>(i);
      if (rows[f].height() != count) rows[f] = Plane<float>(band.w, count);
      if (!unpacked[f]) unpacked[f].emplace(reader_of(frames, i));
      unpacked[f]->read_rows(0, y0, count, rows[f].data());
      if (!unpacked[f]->is_packed()) unpacked[f].reset();
      for (int y = 0; y < count && are_flats; ++y)
        normalise_flat_row(rows[f].row(y), y0 + y, band.w, pedestal_of(making), making.flats[f].levels);
    });
    parallel_for(count, threads, [&](int y) {
      std::vector<const float*> samples;
      for (const Plane<float>& frame : rows) samples.push_back(frame.row(y));
      const std::vector<float> mean = master_row(samples, band.w, making.code_step);
      std::copy(mean.begin(), mean.end(), master.row(first + y));
    });
  }
  return master;
}

std::size_t leave_out_defects(Plane<float>& dark, const Plane<float>& measured, const std::string& cfa,
                              double sigma, int threads, Observer& observer) {
  if (!(sigma > 0)) return 0;
  Plane<float> residuals(measured.width(), measured.height());
  parallel_for(measured.height(), threads, [&](int y) {
    observer.check_stop();
    const Plane<float> row = neighbour_residuals(measured, cfa, y, 1);
    std::copy(row.samples().begin(), row.samples().end(), residuals.row(y));
  });
  const double limit = defect_limit(residuals, sigma);
  std::size_t defects = 0;
  for (std::size_t i = 0; i < dark.size(); ++i)
    if (!(std::abs(static_cast<double>(residuals.samples()[i])) <= limit)) {
      dark.samples()[i] = std::numeric_limits<float>::quiet_NaN();
      ++defects;
    }
  return defects;
}

}  // namespace tilecompile

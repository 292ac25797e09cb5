#include "master_making.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/frame/master_frame.hpp"
#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kLeastBandBytes = std::size_t{16} << 20;
constexpr double kOverexposedShare = 0.01;  // of the pixels, that have the flat's largest value
constexpr double kFewCodes = 256;           // so many values and less: equal pixels tell nothing

/// Changes a row of a frame before it is combined: frame (of the chosen ones), row number, samples.
using RowChange = std::function<void(std::size_t, int, float*)>;

/// Opens the chosen frames once and combines them band by band.
Plane<float> combine(const CalibrationFrames& frames, const std::vector<int>& chosen, const RowChange& change,
                     double code_step, const MasterJob& job) {
  std::vector<std::unique_ptr<FrameReader>> readers(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const ManifestEntry& entry = frames.frames.frames[static_cast<std::size_t>(chosen[i])];
    readers[i] = std::make_unique<FrameReader>(frames.folder / entry.path, ZeroIsNodata::kNever);
  }
  const int width = readers.front()->facts().width, height = readers.front()->facts().height;
  const std::size_t row_bytes = chosen.size() * static_cast<std::size_t>(width) * sizeof(float);
  const std::size_t budget = std::max(job.memory_limit_bytes / 4, kLeastBandBytes);
  const int band =
      static_cast<int>(std::clamp<std::size_t>(budget / row_bytes, 1, static_cast<std::size_t>(height)));
  Plane<float> master(width, height);
  std::vector<Plane<float>> rows(chosen.size());
  for (int y0 = 0; y0 < height; y0 += band) {
    const int count = std::min(band, height - y0);
    parallel_for(static_cast<int>(chosen.size()), job.threads, [&](int i) {
      job.observer.check_stop();
      const auto f = static_cast<std::size_t>(i);
      if (rows[f].height() != count) rows[f] = Plane<float>(width, count);
      readers[f]->read_rows(0, y0, count, rows[f].data());
      for (int y = 0; y < count && change; ++y) change(f, y0 + y, rows[f].row(y));
    });
    parallel_for(count, job.threads, [&](int y) {
      std::vector<const float*> samples;
      for (const Plane<float>& frame : rows) samples.push_back(frame.row(y));
      const std::vector<float> mean = master_row(samples, width, code_step);
      std::copy(mean.begin(), mean.end(), master.row(y0 + y));
    });
  }
  return master;
}

double code_step_of(const CalibrationFrames& frames) { return frames.frames.frames.front().facts.code_step; }

/// Why a flat tells nothing; empty when it does.
std::string fault_of(const Plane<float>& flat, const FrameFacts& facts, const std::array<double, 4>& levels) {
  float least = std::numeric_limits<float>::infinity(), most = -least;
  for (const float s : flat.samples()) {  // comparisons leave out NaN
    if (s < least) least = s;
    if (s > most) most = s;
  }
  const auto clipped = static_cast<double>(std::count(flat.samples().begin(), flat.samples().end(), most));
  const bool many_codes = facts.code_step == 0 || (most - least) / facts.code_step > kFewCodes;
  const bool at_limit = facts.largest_code > 0 && most >= facts.largest_code;
  if (clipped > kOverexposedShare * static_cast<double>(flat.size()) && (many_codes || at_limit))
    return "overexposed";
  if (*std::min_element(levels.begin(), levels.end()) <= 0) return "dark";
  return "";
}

}  // namespace

Plane<float> mean_master(const CalibrationFrames& frames, const std::vector<int>& chosen,
                         const MasterJob& job) {
  return combine(frames, chosen, {}, code_step_of(frames), job);
}

Plane<float> flat_master(const CalibrationFrames& flats, const Plane<float>& subtracted,
                         const std::string& cfa, const MasterJob& job) {
  const std::vector<ManifestEntry>& entries = flats.frames.frames;
  std::vector<std::array<double, 4>> levels(entries.size());
  std::vector<std::string> faults(entries.size());
  parallel_for(static_cast<int>(entries.size()), job.threads, [&](int i) {
    job.observer.check_stop();
    const auto f = static_cast<std::size_t>(i);
    const Image flat = FrameReader(flats.folder / entries[f].path, ZeroIsNodata::kNever).read_all();
    levels[f] = flat_levels(flat.front().view(), subtracted, cfa);
    faults[f] = fault_of(flat.front(), entries[f].facts, levels[f]);
  });
  std::vector<std::string> overexposed, dark;
  std::vector<int> all;
  for (std::size_t f = 0; f < entries.size(); ++f) {
    all.push_back(static_cast<int>(f));
    if (faults[f] == "overexposed") overexposed.push_back(entries[f].path);
    if (faults[f] == "dark") dark.push_back(entries[f].path);
  }
  if (!overexposed.empty())
    throw InputError("flats of " + flats.folder.string() +
                     " are overexposed, more than 1 % of their pixels have the "
                     "largest value: " +
                     some_names(overexposed) +
                     "; take them out, and take flats at about half of the camera's range");
  if (!dark.empty())
    throw InputError("flats of " + flats.folder.string() +
                     " show no light above what is subtracted from them: " + some_names(dark) +
                     "; take them out, or correct the bias or the flat darks");
  const auto normalise = [&](std::size_t f, int y, float* row) {
    normalise_flat_row(row, y, entries[f].facts.width, subtracted, levels[f]);
  };
  return combine(flats, all, normalise, 0, job);
}

Plane<float> first_of(const CalibrationFrames& frames) {
  return FrameReader(frames.folder / frames.frames.frames.front().path, ZeroIsNodata::kNever)
      .read_all()
      .front();
}

std::size_t leave_out_defects(Plane<float>& dark, const Plane<float>& measured, const std::string& cfa,
                              double sigma, const MasterJob& job) {
  if (!(sigma > 0)) return 0;
  Plane<float> residuals(measured.width(), measured.height());
  parallel_for(measured.height(), job.threads, [&](int y) {
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

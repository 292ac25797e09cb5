#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "siril_scale.hpp"
#include "siril_text.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/siril/siril.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

constexpr double kOfMedian = 1e-4, kOfValue = 1e-6;  // Siril sums in single precision
constexpr double kTimeoutSeconds = 3600;

std::string shape_text(const Image& image) {
  const std::string planes = std::to_string(image.size());
  return image.empty()
             ? planes
             : planes + " x " + std::to_string(image[0].height()) + " x " + std::to_string(image[0].width());
}

double median_of(const Image& image) {
  std::vector<float> values;
  for (const Plane<float>& plane : image)
    std::copy_if(plane.samples().begin(), plane.samples().end(), std::back_inserter(values),
                 [](float v) { return std::isfinite(v); });
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void write_copies(const std::vector<fs::path>& frames, const fs::path& folder, const SirilScale& scale) {
  int number = 0;
  for (const fs::path& frame : frames) {
    Image image = read_image(frame);
    scale.to_siril(image);
    char name[32];
    std::snprintf(name, sizeof name, "syn_%05d.fit", ++number);
    write_image(folder / name, image, {});
  }
}

std::string worst_text(std::size_t c, int x, int y, double ours, double theirs) {
  char text[160];
  std::snprintf(text, sizeof text, "worst at channel %zu, x %d, y %d: ours %.9g, Siril's %.9g", c, x, y, ours,
                theirs);
  return text;
}

StackCheck compare(const Image& ours, const Image& siril, const SirilScale& scale) {
  if (shape_text(ours) != shape_text(siril))
    throw InputError("Siril's mean of the synthetic frames has the shape " + shape_text(siril) + ", ours " +
                     shape_text(ours));
  const double median = std::abs(median_of(ours));
  StackCheck check;
  std::string worst;
  for (std::size_t c = 0; c < ours.size(); ++c)
    for (int y = 0; y < ours[c].height(); ++y)
      for (int x = 0; x < ours[c].width(); ++x) {
        const double mine = ours[c].at(x, y), theirs = scale.from_siril(siril[c].at(x, y));
        if (std::isnan(mine) && std::isnan(theirs)) continue;
        const double difference = std::abs(mine - theirs);
        const double parts = difference / (kOfMedian * median + kOfValue * std::abs(mine));
        if (parts <= check.largest_difference) continue;
        // NaN: only one of the two has a value here.
        check.largest_difference = std::isnan(parts) ? std::numeric_limits<double>::infinity() : parts;
        check.largest_percent = std::max(check.largest_percent, 100 * difference / median);
        worst = worst_text(c, x, y, mine, theirs);
      }
  if (check.largest_difference > 1)
    throw InputError("Siril's mean of the synthetic frames is not ours: " + worst +
                     "; the files of one side are damaged, or this is a bug: please report it with "
                     "siril_stack.log, and set stacking.engine: internal to go on");
  return check;
}

}  // namespace

StackCheck check_stack_with_siril(const SirilProgram& siril, const StackCheckJob& job) {
  const SirilFolder folder(job.run_directory / "siril");
  SirilScale scale;
  for (const fs::path& frame : job.frames) scale.add(read_image(frame));
  write_copies(job.frames, folder.path(), scale);
  const fs::path log = job.run_directory / "siril_stack.log";
  fs::remove(log);
  const std::string output =
      run_siril(siril, folder.path(), siril_stack_script(siril.threads), log, kTimeoutSeconds);
  StackCheck check = compare(*job.ours, read_image(folder.path() / "mean.fit"), scale);
  check.siril_version = siril_version(output);
  return check;
}

std::vector<fs::path> frames_to_stack(const fs::path& run_directory, const StackingParams& stacking) {
  std::vector<fs::path> frames;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(run_directory / stacking.input_dir, error)) {
    const std::string name = entry.path().filename().string();
    const bool side_file = std::any_of(kMapNames.begin(), kMapNames.end(), [&](const char* map) {
      return name.ends_with(std::string(".") + map + ".fits");
    });
    if (!side_file && fnmatch(stacking.input_pattern.c_str(), name.c_str(), 0) == 0)
      frames.push_back(entry.path());
  }
  std::sort(frames.begin(), frames.end());
  return frames;
}

}  // namespace tilecompile

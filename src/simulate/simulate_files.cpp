#include "simulate_files.hpp"

#include <chrono>
#include <cmath>
#include <fstream>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

void require_option(bool holds, const char* what) {
  if (!holds) throw UsageError(std::string("simulate: ") + what);
}

void check_options(const SimulateOptions& o) {
  require_option(o.frames >= 1 && o.frames <= 99999, "frames must be 1 to 99999");
  require_option(o.width >= 32 && o.height >= 32 && o.width <= 20000 && o.height <= 20000,
                 "width and height must be 32 to 20000");
  require_option(o.channels == 1 || o.channels == 3, "channels must be 1 or 3");
  require_option(o.fwhm_px >= 1 && o.fwhm_px <= 30, "fwhm must be 1 to 30 px");
  require_option(o.fwhm_spread >= 0 && o.fwhm_spread <= 1, "fwhm spread must be 0 to 1");
  require_option(o.seeing_field >= 0 && o.seeing_field <= 1, "seeing field must be 0 to 1");
  require_option(o.clouds >= 0 && o.clouds <= 1, "clouds must be 0 to 1");
  require_option(o.sky_adu >= 0 && o.sky_adu <= 60000, "sky must be 0 to 60000 ADU");
  const SimulatedSky& sky = o.night_sky;
  require_option(sky.gradient >= 0 && sky.gradient <= 5, "sky gradient must be 0 to 5");
  require_option(sky.vignetting >= 0 && sky.vignetting <= 0.95, "vignetting must be 0 to 0.95");
  require_option(sky.second_session >= 0 && sky.second_session <= 0.9, "second session must be 0 to 0.9");
  require_option(o.gain_e_per_adu > 0 && o.read_noise_e >= 0,
                 "gain must be above 0 and read noise not below 0");
  require_option(o.stars >= 0 && o.stars <= 1000000, "stars must be 0 to 1000000");
  require_option(o.drift_px >= 0 && o.drift_px <= 20000, "drift must be 0 to 20000 px");
  require_option(o.hot_pixel_fraction >= 0 && o.hot_pixel_fraction <= 0.1,
                 "hot pixel fraction must be 0 to 0.1");
  require_option(o.trail_probability >= 0 && o.trail_probability <= 1, "trail probability must be 0 to 1");
  require_option(o.cosmic_rays >= 0 && o.cosmic_rays <= 10000, "cosmic rays must be 0 to 10000");
  require_option(o.moving_objects >= 0 && o.moving_objects <= 1000, "moving objects must be 0 to 1000");
  require_option(o.bad_fraction >= 0 && o.bad_fraction <= 1, "bad fraction must be 0 to 1");
  const SimulatedFaults& f = o.faults;
  require_option(f.dust_shadows >= 0 && f.dust_shadows <= 1000, "dust shadows must be 0 to 1000");
  require_option(
      f.trailed_fraction >= 0 && f.doubled_fraction >= 0 && f.trailed_fraction + f.doubled_fraction <= 1,
      "trailed and doubled shares must be 0 to 1 together");
  require_option(f.bright_stars >= 0 && f.bright_stars <= 1000, "bright stars must be 0 to 1000");
  require_option(f.asteroid_adu >= 0 && f.asteroid_adu <= 1e9, "asteroid must be 0 to 1e9 ADU");
  require_option(o.bitpix == 16 || o.bitpix == -32, "bitpix must be 16 or -32");
  require_option(o.exposure_s > 0 && o.exposure_s <= 86400, "exposure must be above 0 and at most 86400 s");
  require_option(o.threads >= 0, "threads must be 0 or more");
}

std::string night_time(double seconds) {
  using namespace std::chrono;
  const sys_time<milliseconds> dusk = sys_days{year{2025} / January / 10} + 20h;
  const auto start = dusk + milliseconds{std::llround(seconds * 1000.0)};
  const auto day = floor<days>(start);
  const year_month_day date{day};
  const auto of_day = (start - day).count();
  return text("%04d-%02u-%02uT%02d:%02d:%02d.%03d", static_cast<int>(date.year()),
              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
              static_cast<int>(of_day / 3600000), static_cast<int>(of_day / 60000 % 60),
              static_cast<int>(of_day / 1000 % 60), static_cast<int>(of_day % 1000));
}

void create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw TransientError("creating " + folder.string() + ": " + error.message());
}

void prepare_folder(const std::filesystem::path& folder) {
  create_folder(folder);
  std::error_code error;
  // frames of another night would be read as part of this one
  if (!std::filesystem::is_empty(folder, error) && !error)
    throw UsageError("simulate: " + folder.string() +
                     " already holds files; name another folder or empty it");
}

void write_text(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content << std::flush;
  if (!file)
    throw TransientError("writing " + path.string() + " failed; is there room, and may you write there?");
}

}  // namespace tilecompile

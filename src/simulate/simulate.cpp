#include "tilecompile/simulate/simulate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "simulated_scene.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr int kFieldColumns = 16, kFieldRows = 9;

template <class... Values>
std::string text(const char* format, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

void require(bool holds, const char* what) {
  if (!holds) throw UsageError(std::string("simulate: ") + what);
}

void check(const SimulateOptions& o) {
  require(o.frames >= 1 && o.frames <= 99999, "frames must be 1 to 99999");
  require(o.width >= 32 && o.height >= 32 && o.width <= 20000 && o.height <= 20000,
          "width and height must be 32 to 20000");
  require(o.channels == 1 || o.channels == 3, "channels must be 1 or 3");
  require(o.fwhm_px >= 1 && o.fwhm_px <= 30, "fwhm must be 1 to 30 px");
  require(o.fwhm_spread >= 0 && o.fwhm_spread <= 1, "fwhm spread must be 0 to 1");
  require(o.seeing_field >= 0 && o.seeing_field <= 1, "seeing field must be 0 to 1");
  require(o.clouds >= 0 && o.clouds <= 1, "clouds must be 0 to 1");
  require(o.sky_adu >= 0 && o.sky_adu <= 60000, "sky must be 0 to 60000 ADU");
  require(o.gain_e_per_adu > 0 && o.read_noise_e >= 0, "gain must be above 0 and read noise not below 0");
  require(o.stars >= 0 && o.stars <= 1000000, "stars must be 0 to 1000000");
  require(o.drift_px >= 0 && o.drift_px <= 20000, "drift must be 0 to 20000 px");
  require(o.hot_pixel_fraction >= 0 && o.hot_pixel_fraction <= 0.1, "hot pixel fraction must be 0 to 0.1");
  require(o.trail_probability >= 0 && o.trail_probability <= 1, "trail probability must be 0 to 1");
  require(o.cosmic_rays >= 0 && o.cosmic_rays <= 10000, "cosmic rays must be 0 to 10000");
  require(o.moving_objects >= 0 && o.moving_objects <= 1000, "moving objects must be 0 to 1000");
  require(o.bad_fraction >= 0 && o.bad_fraction <= 1, "bad fraction must be 0 to 1");
  require(o.bitpix == 16 || o.bitpix == -32, "bitpix must be 16 or -32");
  require(o.exposure_s > 0 && o.exposure_s <= 86400, "exposure must be above 0 and at most 86400 s");
  require(o.threads >= 0, "threads must be 0 or more");
}

std::string frame_path(int frame) { return text("frames/frame_%05d.fits", frame + 1); }

/// Start of an exposure: the night begins at 2025-01-10 20:00, and the camera needs a second to read out.
std::string date_obs(const SimulateOptions& options, int frame) {
  using namespace std::chrono;
  const sys_time<milliseconds> dusk = sys_days{year{2025} / January / 10} + 20h;
  const auto start = dusk + milliseconds{std::llround(frame * (options.exposure_s + 1.0) * 1000.0)};
  const auto day = floor<days>(start);
  const year_month_day date{day};
  const auto of_day = (start - day).count();
  return text("%04d-%02u-%02uT%02d:%02d:%02d.%03d", static_cast<int>(date.year()),
              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
              static_cast<int>(of_day / 3600000), static_cast<int>(of_day / 60000 % 60),
              static_cast<int>(of_day / 1000 % 60), static_cast<int>(of_day % 1000));
}

ProductHeader frame_header(const SimulateOptions& options, const SimulatedConditions& c, int frame) {
  ProductHeader header;
  header.cards = {{"EXPTIME", options.exposure_s, "[s] exposure"},
                  {"DATE-OBS", date_obs(options, frame), "start of exposure"},
                  {"INSTRUME", std::string("simulated camera"), ""},
                  {"GAIN", options.gain_e_per_adu, "electrons per code"},
                  {"ROWORDER", std::string("TOP-DOWN"), "first row is the top one"}};
  header.history = {
      text("tilecompile simulate, seed %llu, frame %d", static_cast<unsigned long long>(options.seed),
           frame + 1),
      text("transparency %.4f, FWHM %.3f px, sky %.1f ADU", c.transparency, c.fwhm_px, c.sky_adu)};
  return header;
}

Plane<std::uint16_t> rounded(const Plane<float>& plane) {
  Plane<std::uint16_t> codes(plane.width(), plane.height());
  for (std::size_t i = 0; i < plane.size(); ++i)  // samples are 0 or 1 .. 65535
    codes.samples()[i] = static_cast<std::uint16_t>(plane.samples()[i] + 0.5F);
  return codes;
}

void write_frame(const SimulateOptions& options, const SimulatedScene& scene, const SimulatedConditions& c,
                 int frame, const std::filesystem::path& out_dir) {
  const auto path = out_dir / frame_path(frame);
  const ProductHeader header = frame_header(options, c, frame);
  Image image;
  std::vector<Plane<std::uint16_t>> codes;
  for (int channel = 0; channel < options.channels; ++channel) {
    Plane<float> plane = render_frame(scene, c, options, frame, channel);
    if (options.bitpix == 16) {
      codes.push_back(rounded(plane));
    } else {
      image.push_back(std::move(plane));
    }
  }
  if (options.bitpix == 16) {
    write_image(path, codes, header);
  } else {
    write_image(path, image, header);
  }
}

/// Every thread takes the next frame; the first failure stops all and is thrown again here.
void write_frames(const SimulateOptions& options, const SimulatedScene& scene,
                  const std::vector<SimulatedConditions>& conditions, const std::filesystem::path& out_dir) {
  std::atomic<int> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    for (int frame = next++; frame < options.frames; frame = next++) {
      try {
        write_frame(options, scene, conditions[static_cast<std::size_t>(frame)], frame, out_dir);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = options.frames;
      }
    }
  };
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int count = std::min(options.frames, options.threads > 0 ? options.threads : cores);
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < count; ++i) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

void write_truth(const SimulateOptions& options, const SimulatedScene& scene,
                 const std::filesystem::path& out_dir) {
  SimulatedConditions ideal;
  ideal.fwhm_px = options.fwhm_px;
  Image truth;
  for (int channel = 0; channel < options.channels; ++channel) {
    truth.emplace_back(options.width, options.height);
    add_objects(scene, ideal, options, channel, truth.back());
  }
  ProductHeader header;
  header.cards = {{"BUNIT", std::string("adu"), "per exposure at transparency 1, sky left out"},
                  {"ROWORDER", std::string("TOP-DOWN"), "first row is the top one"}};
  header.history = {text("tilecompile simulate, seed %llu: the scene without noise under a PSF of %.3f px",
                         static_cast<unsigned long long>(options.seed), options.fwhm_px)};
  write_image(out_dir / "truth.fits", truth, header);
}

void write_psf_field(const SimulateOptions& options, const std::vector<SimulatedConditions>& conditions,
                     const std::filesystem::path& out_dir) {
  Image field;
  for (const SimulatedConditions& c : conditions) {
    Plane<float> plane(kFieldColumns, kFieldRows);
    for (int j = 0; j < kFieldRows; ++j)
      for (int i = 0; i < kFieldColumns; ++i)
        plane.at(i, j) =
            static_cast<float>(local_fwhm(c, options, (i + 0.5) * options.width / kFieldColumns - 0.5,
                                          (j + 0.5) * options.height / kFieldRows - 0.5));
    field.push_back(std::move(plane));
  }
  ProductHeader header;
  header.cards = {{"BUNIT", std::string("pix"), "true FWHM; a plane a frame"}};
  write_image(out_dir / "psf_field.fits", field, header);
}

void write_text(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content << std::flush;
  if (!file)
    throw TransientError("writing " + path.string() + " failed; is there room, and may you write there?");
}

std::string catalogue(const SimulatedScene& scene) {
  std::string csv = "id,x,y,flux,mag\n";
  int id = 0;
  for (const SimulatedStar& star : scene.stars)
    csv += text("%d,%.4f,%.4f,%.2f,%.4f\n", ++id, star.x, star.y, star.flux,
                25 - 2.5 * exact_log(star.flux) / 2.302585092994046);
  return csv;
}

std::string frame_table(const std::vector<SimulatedConditions>& conditions) {
  std::string csv = "frame,path,transparency,fwhm_px,sky,dx,dy,trail,bad\n";
  int frame = 0;
  for (const SimulatedConditions& c : conditions) {
    csv += text("%d,%s,%.6f,%.5f,%.4f,%d,%d,%d,%d\n", frame + 1, frame_path(frame).c_str(), c.transparency,
                c.fwhm_px, c.sky_adu, c.dx, c.dy, c.trail ? 1 : 0, c.bad ? 1 : 0);
    ++frame;
  }
  return csv;
}

std::string defect_rows(const SimulateOptions& options, const SimulatedScene& scene,
                        const SimulatedConditions& c, int frame) {
  std::string csv;
  for (int channel = 0; channel < options.channels; ++channel)
    for (const Defect& d : frame_defects(scene, c, options, frame, channel)) {
      const bool covered =
          d.x >= c.dx && d.x < options.width + c.dx && d.y >= c.dy && d.y < options.height + c.dy;
      if (covered && d.adu >= 1)
        csv += text("%d,%d,%s,%d,%d,%.1f\n", frame + 1, channel, name_of(d.kind), d.x, d.y,
                    static_cast<double>(d.adu));
    }
  return csv;
}

std::string defect_table(const SimulateOptions& options, const SimulatedScene& scene,
                         const std::vector<SimulatedConditions>& conditions) {
  std::string csv = "frame,channel,kind,x,y,adu\n";
  for (int frame = 0; frame < options.frames; ++frame)
    csv += defect_rows(options, scene, conditions[static_cast<std::size_t>(frame)], frame);
  return csv;
}

void prepare_folder(const std::filesystem::path& out_dir) {
  std::error_code error;
  const auto frames = out_dir / "frames";
  std::filesystem::create_directories(frames, error);
  if (error) throw TransientError("creating " + frames.string() + ": " + error.message());
  // frames of another night would be read as part of this one
  if (!std::filesystem::is_empty(frames, error) && !error)
    throw UsageError("simulate: " + frames.string() +
                     " already holds files; name another folder or empty it");
}

}  // namespace

void simulate(const SimulateOptions& options, const std::filesystem::path& out_dir) {
  check(options);
  prepare_folder(out_dir);
  const SimulatedScene scene = make_scene(options);
  const std::vector<SimulatedConditions> conditions = make_conditions(options);
  write_frames(options, scene, conditions, out_dir);
  write_truth(options, scene, out_dir);
  write_psf_field(options, conditions, out_dir);
  write_text(out_dir / "catalogue.csv", catalogue(scene));
  write_text(out_dir / "frames.csv", frame_table(conditions));
  write_text(out_dir / "defects.csv", defect_table(options, scene, conditions));
  write_text(out_dir / "run.yaml",
             "input:\n  dir: frames\ndata:\n  frames_min: " + std::to_string(std::min(options.frames, 50)) +
                 "\noutput:\n  dir: out\n");
}

}  // namespace tilecompile

#include "tilecompile/simulate/simulate_raw.hpp"

#include <algorithm>
#include <cmath>

#include "raw_night.hpp"
#include "simulate_files.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

enum NoiseStream : std::uint64_t { kLights = 320, kDarks, kFlats, kBiases, kFlatDarks, kFlatLevels };

constexpr std::array<double, 3> kFlatColours = {0.6, 1.0, 0.7};  // of the lamp, through the filters
constexpr double kFlatLevelSpread = 0.03;

void check(const RawNightOptions& o) {
  check_options(o.night);
  const RawCamera& c = o.camera;
  const RawPointing& p = o.pointing;
  require_option(c.cfa.empty() || c.cfa == "RGGB" || c.cfa == "BGGR" || c.cfa == "GRBG" || c.cfa == "GBRG",
                 "cfa must be RGGB, BGGR, GRBG or GBRG");
  require_option(o.night.channels == 1 && o.night.bitpix == 16, "raw frames have one channel and 16 bit");
  require_option(c.bias_adu >= 0 && c.bias_adu <= 30000, "bias must be 0 to 30000 ADU");
  require_option(c.dark_e_per_s >= 0 && c.dark_e_per_s <= 1000, "dark current must be 0 to 1000 e/s");
  require_option(c.hot_e_per_s >= 0 && c.hot_e_per_s <= 100000, "hot pixels must be 0 to 100000 e/s");
  require_option(c.flat_adu >= 100 && c.flat_adu <= 1e6, "flat level must be 100 to 1e6 ADU");
  require_option(c.dark_exposure_s >= 0 && c.dark_exposure_s <= 86400, "dark exposure must be 0 to 86400 s");
  for (const int count : {c.darks, c.flats, c.biases, c.flat_darks})
    require_option(count >= 0 && count <= 9999, "darks, flats, biases, flat darks must be 0 to 9999");
  require_option(p.shift_px >= 0 && p.shift_px <= 20000, "shift must be 0 to 20000 px");
  require_option(p.dither_px >= 0 && p.dither_px <= 1000, "dither must be 0 to 1000 px");
  require_option(std::abs(p.rotation_deg) <= 3600, "rotation must be -3600 to 3600 degrees");
  require_option(p.refraction >= 0 && p.refraction <= 0.1, "refraction must be 0 to 0.1");
  require_option(std::abs(p.distortion_px) <= 0.05 * std::min(o.night.width, o.night.height),
                 "distortion must be at most a twentieth of the shorter side");
}

struct Kind {
  const char *folder, *name, *imagetyp;
  double exposure_s;
  int count;
};

std::vector<Kind> kinds_of(const RawNightOptions& o) {
  const RawCamera& c = o.camera;
  const double dark_s = c.dark_exposure_s > 0 ? c.dark_exposure_s : o.night.exposure_s;
  return {{"lights", "light", "Light Frame", o.night.exposure_s, o.night.frames},
          {"darks", "dark", "Dark Frame", dark_s, c.darks},
          {"flats", "flat", "Flat Field", c.flat_exposure_s, c.flats},
          {"biases", "bias", "Bias Frame", 0.0, c.biases},
          {"flat_darks", "flat_dark", "FlatDark", c.flat_exposure_s, c.flat_darks}};
}

std::string path_of(const Kind& kind, int number) {
  return text("%s/%s_%04d.fits", kind.folder, kind.name, number + 1);
}

ProductHeader header_of(const RawNightOptions& o, const Kind& kind, int number) {
  ProductHeader header;
  const RawCamera& c = o.camera;
  header.cards = {{"IMAGETYP", std::string(kind.imagetyp), "type of exposure"},
                  {"EXPTIME", kind.exposure_s, "[s] exposure"},
                  {"EXPOSURE", kind.exposure_s, "[s] exposure"},
                  {"DATE-OBS", night_time(number * (kind.exposure_s + 1)), "start of exposure"},
                  {"INSTRUME", std::string("simulated camera"), ""},
                  {"CCD-TEMP", c.temperature_c, "[degC] of the sensor"},
                  {"GAIN", std::int64_t{100}, "setting of the camera"},
                  {"OFFSET", std::int64_t{30}, "setting of the camera"},
                  {"EGAIN", o.night.gain_e_per_adu, "electrons per code"},
                  {"XBINNING", std::int64_t{1}, ""},
                  {"YBINNING", std::int64_t{1}, ""},
                  {"ROWORDER", std::string("TOP-DOWN"), "first row is the top one"}};
  if (std::string(kind.name) == "light") header.cards.push_back({"OBJECT", std::string("simulated sky"), ""});
  if (!c.cfa.empty()) {
    header.cards.push_back({"BAYERPAT", c.cfa, "colour filters"});
    header.cards.push_back({"XBAYROFF", std::int64_t{0}, ""});
    header.cards.push_back({"YBAYROFF", std::int64_t{0}, ""});
  }
  header.history = {
      text("tilecompile simulate --raw, seed %llu", static_cast<unsigned long long>(o.night.seed))};
  return header;
}

Plane<float> flat_light(const RawNightOptions& o, int number) {
  const double level =
      o.camera.flat_adu *
      exact_exp(kFlatLevelSpread *
                CounterRandom(o.night.seed, kFlatLevels).gaussian(static_cast<std::uint64_t>(number)));
  Plane<float> light(o.night.width, o.night.height);
  for (int y = 0; y < light.height(); ++y)
    for (int x = 0; x < light.width(); ++x) {
      const auto filter = static_cast<std::size_t>(filter_at(o.camera.cfa, x, y));
      light.row(y)[x] = static_cast<float>(level * (o.camera.cfa.empty() ? 1.0 : kFlatColours[filter]));
    }
  return light;
}

/// The night as it is held in memory while its frames are written.
struct RawNight {
  RawSky sky;
  RawSensor sensor;
  std::vector<RawTransform> transforms;
  std::vector<SimulatedConditions> conditions;
};

void write_kind(const RawNightOptions& o, const RawNight& night, const Kind& kind, std::uint64_t stream,
                const fs::path& out_dir) {
  parallel_for(kind.count, thread_count(o.night.threads), [&](int number) {
    const auto frame = static_cast<std::size_t>(number);
    const Plane<float> light = stream == kLights  ? raw_scene_light(night.sky, night.conditions[frame],
                                                                    night.transforms[frame], o, number)
                               : stream == kFlats ? flat_light(o, number)
                                                  : Plane<float>();
    std::vector<Plane<std::uint16_t>> codes;
    codes.push_back(expose_raw(night.sensor, light, kind.exposure_s, o.night, stream, number));
    write_image(out_dir / path_of(kind, number), codes, header_of(o, kind, number));
  });
}

std::string transform_table(const RawNightOptions& o, const RawNight& night) {
  std::string csv = "frame,path,a,b,c,d,tx,ty,k,transparency,fwhm_px,sky_adu\n";
  const Kind lights = kinds_of(o).front();
  for (int i = 0; i < o.night.frames; ++i) {
    const RawTransform& t = night.transforms[static_cast<std::size_t>(i)];
    const SimulatedConditions& c = night.conditions[static_cast<std::size_t>(i)];
    csv += text("%d,%s,%.12f,%.12f,%.12f,%.12f,%.6f,%.6f,%.10e,%.6f,%.5f,%.3f\n", i + 1,
                path_of(lights, i).c_str(), t.a, t.b, t.c, t.d, t.tx, t.ty, t.k, c.transparency, c.fwhm_px,
                c.sky_adu);
  }
  return csv;
}

std::string star_table(const RawSky& sky, bool in_colour) {
  std::string csv = "id,x,y,flux,flux_red,flux_blue\n";
  int id = 0;
  for (const SimulatedStar& star : sky.scene.stars)
    csv += text("%d,%.5f,%.5f,%.2f,%.2f,%.2f\n", ++id, star.x - 0.5 * (sky.width - 1),
                star.y - 0.5 * (sky.height - 1), star.flux * star.colour[in_colour ? 1 : 0],
                star.flux * star.colour[0], star.flux * star.colour[2]);
  return csv;
}

std::string position_table(const RawNightOptions& o, const RawNight& night) {
  std::string csv = "frame,id,x,y\n";
  for (int i = 0; i < o.night.frames; ++i) {
    int id = 0;
    for (const SimulatedStar& star : night.sky.scene.stars) {
      const SkyPoint at = night.transforms[static_cast<std::size_t>(i)].on_detector(
          star.x - 0.5 * (night.sky.width - 1), star.y - 0.5 * (night.sky.height - 1));
      ++id;
      if (at.x > -0.5 && at.y > -0.5 && at.x < o.night.width - 0.5 && at.y < o.night.height - 0.5)
        csv += text("%d,%d,%.5f,%.5f\n", i + 1, id, at.x, at.y);
    }
  }
  return csv;
}

void write_truth(const RawNightOptions& o, const RawNight& night, const fs::path& folder) {
  create_folder(folder);
  write_text(folder / "transforms.csv", transform_table(o, night));
  write_text(folder / "stars.csv", star_table(night.sky, !o.camera.cfa.empty()));
  write_text(folder / "positions.csv", position_table(o, night));
  std::string hot = "x,y,e_per_s\n";
  for (const HotPixel& pixel : night.sensor.hot_pixels)
    hot += text("%d,%d,%.3f\n", pixel.x, pixel.y, pixel.level_adu);
  write_text(folder / "hot_pixels.csv", hot);
  ProductHeader header;
  header.history = {"share of the light that the sensor sees; truth of tilecompile simulate --raw"};
  write_image(folder / "flat.fits", Image{night.sensor.flat}, header);
}

std::string configuration(const RawNightOptions& o) {
  std::string yaml = "profile: " + o.night.profile +
                     "\ninput:\n  dir: lights\n  stage: raw\ndata:\n  frames_min: " +
                     std::to_string(std::min(o.night.frames, 50)) + "\ncalibration:\n";
  const auto use = [&](const char* key, const char* directory_key, const char* folder, int count) {
    if (count > 0) yaml += text("  %s: true\n  %s: %s\n", key, directory_key, folder);
  };
  use("use_dark", "darks_dir", "darks", o.camera.darks);
  use("use_flat", "flats_dir", "flats", o.camera.flats);
  use("use_bias", "bias_dir", "biases", o.camera.biases);
  if (o.camera.flat_darks > 0) yaml += "  flat_darks_dir: flat_darks\n";
  return yaml + "registration:\n  engine: internal\noutput:\n  dir: out\n";
}

}  // namespace

void simulate_raw(const RawNightOptions& options, const fs::path& out_dir) {
  check(options);
  const std::vector<Kind> kinds = kinds_of(options);
  for (const Kind& kind : kinds)
    if (kind.count > 0) prepare_folder(out_dir / kind.folder);
  RawNight night{make_raw_sky(options), make_raw_sensor(options), make_raw_transforms(options),
                 make_conditions(options.night)};
  std::uint64_t stream = kLights;
  for (const Kind& kind : kinds) write_kind(options, night, kind, stream++, out_dir);
  write_truth(options, night, out_dir / "truth");
  write_text(out_dir / "raw.yaml", configuration(options));
}

}  // namespace tilecompile

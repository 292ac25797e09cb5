#include "tilecompile/simulate/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "simulate_files.hpp"
#include "simulated_scene.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr int kFieldColumns = 16, kFieldRows = 9;

std::string frame_path(int frame) { return text("frames/frame_%05d.fits", frame + 1); }

ProductHeader frame_header(const SimulateOptions& options, const SimulatedConditions& c, int frame) {
  ProductHeader header;
  header.cards = {{"EXPTIME", options.exposure_s, "[s] exposure"},
                  {"DATE-OBS", night_time(frame * (options.exposure_s + 1.0)), "start of exposure"},
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

/// A number at the centre of each of 16 x 9 cells of the image, a plane a frame.
template <class Get>
void write_field(const SimulateOptions& options, const std::vector<SimulatedConditions>& conditions, Get get,
                 const char* unit, const char* what, const std::filesystem::path& path) {
  Image field;
  for (const SimulatedConditions& c : conditions) {
    Plane<float> plane(kFieldColumns, kFieldRows);
    for (int j = 0; j < kFieldRows; ++j)
      for (int i = 0; i < kFieldColumns; ++i)
        plane.at(i, j) = static_cast<float>(get(c, options, (i + 0.5) * options.width / kFieldColumns - 0.5,
                                                (j + 0.5) * options.height / kFieldRows - 0.5));
    field.push_back(std::move(plane));
  }
  ProductHeader header;
  header.cards = {{"BUNIT", std::string(unit), what}};
  write_image(path, field, header);
}

std::string catalogue(const SimulatedScene& scene) {
  std::string csv = "id,x,y,flux,mag\n";
  int id = 0;
  const auto add = [&](const auto& star) {
    csv += text("%d,%.4f,%.4f,%.2f,%.4f\n", ++id, star.x, star.y, star.flux,
                25 - 2.5 * exact_log(star.flux) / 2.302585092994046);
  };
  for (const BrightStar& star : scene.bright_stars) add(star);
  for (const SimulatedStar& star : scene.stars) add(star);
  return csv;
}

std::string guiding_cells(const SimulatedConditions& c) {
  if (c.guiding.empty()) return "round,0.00,1.0000";
  const GuidingStep &first = c.guiding.front(), &last = c.guiding.back();
  const double u = last.x - first.x, v = last.y - first.y;
  return text("%s,%.2f,%.4f", c.guiding.size() == 2 ? "doubled" : "trailed", std::sqrt(u * u + v * v),
              broadening(c));
}

std::string dust_table(const SimulatedScene& scene) {
  std::string csv = "x,y,radius_px,depth\n";
  for (const DustShadow& d : scene.dust) csv += text("%.2f,%.2f,%.2f,%.4f\n", d.x, d.y, d.radius_px, d.depth);
  return csv;
}

std::string frame_table(const std::vector<SimulatedConditions>& conditions) {
  std::string csv = "frame,path,transparency,fwhm_px,sky,dx,dy,trail,bad,guiding,reach,broadening,session\n";
  int frame = 0;
  for (const SimulatedConditions& c : conditions) {
    csv += text("%d,%s,%.6f,%.5f,%.4f,%d,%d,%d,%d,%s,%d\n", frame + 1, frame_path(frame).c_str(),
                c.transparency, c.fwhm_px, c.sky_adu, c.dx, c.dy, c.trail ? 1 : 0, c.bad ? 1 : 0,
                guiding_cells(c).c_str(), c.light.second_session ? 2 : 1);
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

}  // namespace

void simulate(const SimulateOptions& options, const std::filesystem::path& out_dir) {
  check_options(options);
  prepare_folder(out_dir / "frames");
  const SimulatedScene scene = make_scene(options);
  const std::vector<SimulatedConditions> conditions = make_conditions(options);
  parallel_for(options.frames, thread_count(options.threads), [&](int frame) {
    write_frame(options, scene, conditions[static_cast<std::size_t>(frame)], frame, out_dir);
  });
  write_truth(options, scene, out_dir);
  const auto seen_fwhm = [](const SimulatedConditions& c, const SimulateOptions& o, double x, double y) {
    return broadening(c) * local_fwhm(c, o, x, y);
  };
  write_field(options, conditions, seen_fwhm, "pix", "true FWHM; a plane a frame",
              out_dir / "psf_field.fits");
  if (options.night_sky.any())
    write_field(options, conditions, true_sky, "adu", "true sky; a plane a frame",
                out_dir / "sky_field.fits");
  write_text(out_dir / "catalogue.csv", catalogue(scene));
  write_text(out_dir / "frames.csv", frame_table(conditions));
  write_text(out_dir / "defects.csv", defect_table(options, scene, conditions));
  if (!scene.dust.empty()) write_text(out_dir / "dust.csv", dust_table(scene));
  write_text(out_dir / "run.yaml",
             "profile: " + options.profile + "\ninput:\n  dir: frames\ndata:\n  frames_min: " +
                 std::to_string(std::min(options.frames, 50)) + "\noutput:\n  dir: out\n");
}

}  // namespace tilecompile

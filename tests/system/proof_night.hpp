// A night of small frames, of which single ones may show something else.
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_program.hpp"
#include "test_data.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {

inline constexpr const char* kProofRun = "0a1b2c3d-0000-4000-8000-000000000005";
inline constexpr int kWidth = 160, kHeight = 120, kStars = 40;

/// A frame of the field `seed` in which star fluxes have the scale `transparency`.
inline Plane<float> light(int index, std::uint64_t seed = 1, double transparency = 1, double sky = 500) {
  const CounterRandom scene(seed), noise(100 + static_cast<std::uint64_t>(index), seed);
  const double sigma = 1.25 + 0.02 * (index % 5), rms = std::sqrt(sky / 2);
  Plane<float> plane(kWidth, kHeight);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane.samples()[i] = static_cast<float>(sky + index + rms * noise.gaussian(i));
  for (std::uint64_t s = 0; s < kStars; ++s) {
    const double x = 10 + (kWidth - 20) * scene.uniform(3 * s),
                 y = 10 + (kHeight - 20) * scene.uniform(3 * s + 1);
    const double flux = transparency * 1500 * std::pow(20, scene.uniform(3 * s + 2));
    for (int v = std::max(0, static_cast<int>(y) - 8); v < std::min(kHeight, static_cast<int>(y) + 9); ++v)
      for (int u = std::max(0, static_cast<int>(x) - 8); u < std::min(kWidth, static_cast<int>(x) + 9); ++u)
        plane.at(u, v) +=
            static_cast<float>(flux / (6.2832 * sigma * sigma) *
                               std::exp(-((u - x) * (u - x) + (v - y) * (v - y)) / (2 * sigma * sigma)));
  }
  return plane;
}

inline Plane<float> noise_of(double level, double rms, int index) {
  const CounterRandom random(7, static_cast<std::uint64_t>(index));
  Plane<float> plane(kWidth, kHeight);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane.samples()[i] = static_cast<float>(level + rms * random.gaussian(i));
  return plane;
}

/// A folder with a night of which single frames are of another kind.
class ProofNight {
 public:
  using Make = std::function<Plane<float>(int)>;

  void add(const std::string& name, const Plane<float>& plane, int channels = 1) const {
    ProductHeader header;
    header.cards = {{"EXPTIME", 60.0, "[s]"}};
    write_image(folder_ / "frames" / name, Image(static_cast<std::size_t>(channels), plane), header);
  }
  /// Frames l00.fits ...; those for which `bad` holds are made by `make`.
  explicit ProofNight(int frames = 12, const std::function<bool(int)>& bad = {}, const Make& make = {},
                      int channels = 1) {
    std::filesystem::create_directory(folder_ / "frames");
    for (int i = 0; i < frames; ++i) add(name_of(i), bad && bad(i) ? make(i) : light(i), channels);
  }
  static std::string name_of(int i) { return (i < 10 ? "l0" : "l") + std::to_string(i) + ".fits"; }
  std::filesystem::path path() const { return folder_.path(); }
  ProgramEnd run(const std::string& command, const std::string& out,
                 const std::vector<std::string>& more = {}) const {
    write_text(path() / "run.yaml", "input: {dir: frames}\noutput: {dir: " + (path() / out).string() +
                                        "}\ndata: {frames_min: 3}\ntile: {min_size: 32, size_factor: 8}\n");
    std::vector<std::string> arguments = {command, (path() / "run.yaml").string()};
    if (command != "plan") arguments.insert(arguments.end(), {"--run-id", kProofRun, "--threads", "2"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {0, 0, 240, {}});
  }
  nlohmann::json record(const std::string& out) const {
    return nlohmann::json::parse(bytes_of(path() / out / kProofRun / "run.json"));
  }

 private:
  TempDir folder_;
};

}  // namespace tilecompile

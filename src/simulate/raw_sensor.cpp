#include <algorithm>
#include <cmath>

#include "raw_night.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

enum RawStream : std::uint64_t { kColumns = 310, kBiasPixels, kDarkPixels, kHot, kResponse };

constexpr double kColumnSpreadAdu = 2, kPixelSpreadAdu = 1;  // of the bias
constexpr double kDarkSpread = 0.3;                          // of log dark current
constexpr double kAmplifierGlow = 6;  // dark current in the corner where the amplifier is, over the median
constexpr double kAmplifierReach = 0.08;  // of the width

// Vignetting, dust and pixel response; the brightest place has about 1.
Plane<float> make_flat(const RawNightOptions& options) {
  const SimulateOptions& night = options.night;
  Plane<float> flat(night.width, night.height);
  const CounterRandom response(night.seed, kResponse);
  const double cx = 0.5 * (night.width - 1), cy = 0.5 * (night.height - 1), corner2 = cx * cx + cy * cy;
  std::uint64_t n = 0;
  for (int y = 0; y < night.height; ++y)
    for (int x = 0; x < night.width; ++x) {
      const double r2 = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / corner2;
      flat.row(y)[x] = static_cast<float>((1 - night.night_sky.vignetting * r2) *
                                          (1 + options.camera.pixel_response * response.gaussian(n++)));
    }
  for (const DustShadow& dust : make_dust(night)) add_shadow(dust, 0, 0, flat);
  return flat;
}

Plane<float> make_bias(const RawNightOptions& options) {
  const SimulateOptions& night = options.night;
  Plane<float> bias(night.width, night.height);
  const CounterRandom columns(night.seed, kColumns), pixels(night.seed, kBiasPixels);
  std::uint64_t n = 0;
  for (int y = 0; y < night.height; ++y)
    for (int x = 0; x < night.width; ++x)
      bias.row(y)[x] = static_cast<float>(options.camera.bias_adu +
                                          kColumnSpreadAdu * columns.gaussian(static_cast<std::uint64_t>(x)) +
                                          kPixelSpreadAdu * pixels.gaussian(n++));
  return bias;
}

std::vector<HotPixel> make_hot(const RawNightOptions& options) {
  const SimulateOptions& night = options.night;
  const CounterRandom random(night.seed, kHot);
  const double area = static_cast<double>(night.width) * night.height;
  std::vector<HotPixel> pixels(static_cast<std::size_t>(night.hot_pixel_fraction * area + 0.5));
  std::uint64_t n = 0;
  for (HotPixel& pixel : pixels) {
    pixel = {static_cast<int>(random.uniform(n) * night.width),
             static_cast<int>(random.uniform(n + 1) * night.height),
             options.camera.hot_e_per_s * exact_exp(2.995732273553991 * random.uniform(n + 2))};
    n += 3;
  }
  return pixels;
}

Plane<float> make_dark(const RawNightOptions& options, const std::vector<HotPixel>& hot) {
  const SimulateOptions& night = options.night;
  Plane<float> dark(night.width, night.height);
  const CounterRandom random(night.seed, kDarkPixels);
  const double reach = kAmplifierReach * night.width;
  std::uint64_t n = 0;
  for (int y = 0; y < night.height; ++y)
    for (int x = 0; x < night.width; ++x) {
      const double u = (night.width - 1 - x) / reach, v = (night.height - 1 - y) / reach;
      const double glow = kAmplifierGlow / (1 + (u * u + v * v) * (u * u + v * v));
      dark.row(y)[x] = static_cast<float>(options.camera.dark_e_per_s *
                                          (exact_exp(kDarkSpread * random.gaussian(n++)) + glow));
    }
  for (const HotPixel& pixel : hot) dark.at(pixel.x, pixel.y) += static_cast<float>(pixel.level_adu);
  return dark;
}

}  // namespace

int filter_at(const std::string& cfa, int x, int y) {
  if (cfa.empty()) return 0;
  const char letter = cfa[static_cast<std::size_t>(2 * (y % 2) + x % 2)];
  return letter == 'R' ? 0 : letter == 'G' ? 1 : 2;
}

RawSensor make_raw_sensor(const RawNightOptions& options) {
  RawSensor sensor;
  sensor.bias = make_bias(options);
  sensor.hot_pixels = make_hot(options);
  sensor.dark = make_dark(options, sensor.hot_pixels);
  sensor.flat = make_flat(options);
  return sensor;
}

Plane<std::uint16_t> expose_raw(const RawSensor& sensor, const Plane<float>& light, double exposure_s,
                                const SimulateOptions& night, std::uint64_t stream, int number) {
  const CounterRandom random(night.seed, stream, static_cast<std::uint64_t>(number));
  Plane<std::uint16_t> codes(sensor.bias.width(), sensor.bias.height());
  const double read2 = night.read_noise_e * night.read_noise_e;
  for (int y = 0; y < codes.height(); ++y) {
    NormalDraws normal(random.bits(static_cast<std::uint64_t>(y)));
    for (int x = 0; x < codes.width(); ++x) {
      const double seen = light.empty() ? 0 : 1.0 * light.row(y)[x] * sensor.flat.row(y)[x];
      const double electrons =
          std::max(0.0, seen * night.gain_e_per_adu) + sensor.dark.row(y)[x] * exposure_s;
      const double noise = normal.next() * std::sqrt(electrons + read2);
      const double adu = sensor.bias.row(y)[x] + (electrons + noise) / night.gain_e_per_adu;
      codes.row(y)[x] = static_cast<std::uint16_t>(std::clamp(adu + 0.5, 0.0, 65535.0));
    }
  }
  return codes;
}

}  // namespace tilecompile

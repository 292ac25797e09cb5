#include "tilecompile/report/page.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "page_table.hpp"
#include "page_template.hpp"
#include "tilecompile/base/base64.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr double kCutShare = 0.01;  // of a map's cells that may lie outside its colours, at either end
constexpr int kCodes = 254;         // of a map: 0 .. 254; 255 is "nothing known"

json parsed(const std::string& text, const char* file) {
  if (text.empty()) return nullptr;
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded())
    throw InputError(std::string("reading ") + file +
                     " for the report: it is not JSON, so the file is damaged; the rest of the run is not");
  return value;
}

// The values between which the colours of a map run.
std::pair<double, double> colour_range(const PageMap& map) {
  std::vector<float> values;
  for (const float v : map.values.samples())
    if (std::isfinite(v)) values.push_back(v);
  if (values.empty()) return {0, 1};
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::size_t>(kCutShare * static_cast<double>(values.size()));
  const double low = values[cut], high = values[values.size() - 1 - cut];
  if (!map.around_zero) return {low, high};
  const double most = std::max(std::abs(low), std::abs(high));
  return {-most, most};
}

// A byte a cell, rows downwards as a screen draws them.
json encode_map(const PageMap& map) {
  const auto [low, high] = colour_range(map);
  std::string codes;
  for (int y = map.values.height() - 1; y >= 0; --y)
    for (int x = 0; x < map.values.width(); ++x) {
      const double v = map.values.at(x, y);
      const double place = high > low ? (v - low) / (high - low) : 0.5;
      codes += std::isfinite(v) ? static_cast<char>(std::lround(kCodes * std::clamp(place, 0.0, 1.0)))
                                : static_cast<char>(255);
    }
  return {{"name", map.name},
          {"title", map.title},
          {"unit", map.unit},
          {"zero", map.around_zero},
          {"low", low},
          {"high", high},
          {"w", map.values.width()},
          {"h", map.values.height()},
          {"codes", base64(codes)}};
}

// The columns that the page shows: with thousands of frames the others would be most of it.
json encode_frames(const std::string& csv) {
  json table = page_table(csv);
  for (const char* column : {"gradient_energy", "z_background", "z_noise", "z_gradient"})
    if (table.is_object()) table.erase(column);
  return table;
}

json rounded_list(const std::vector<double>& values) {
  json list = json::array();
  for (const double v : values) list.push_back(page_number(v));
  return list;
}

json encode_pictures(const std::vector<PagePicture>& pictures) {
  json object = json::object();
  for (const PagePicture& p : pictures)
    object[p.name] = {{"w", p.width}, {"h", p.height}, {"data", "data:image/png;base64," + base64(p.png)}};
  return object;
}

json encode_values(const PageValues& v) {
  json maps = json::array(), stars = json::array(), histograms = json::array(), workers = json::array();
  for (const PageMap& map : v.maps) maps.push_back(encode_map(map));
  for (const PageStar& s : v.stars) stars.push_back(rounded_list({s.x, s.y, s.plain_fwhm_px, s.fwhm_px}));
  for (const PageHistogram& h : v.histograms)
    histograms.push_back({{"name", h.name},
                          {"title", h.title},
                          {"unit", h.unit},
                          {"low", h.low},
                          {"high", h.high},
                          {"counts", h.counts}});
  for (const PageWorker& w : v.workers)
    workers.push_back({{"id", w.id}, {"tiles", w.tiles}, {"seconds", w.compute_seconds}});
  return {{"name", v.name},
          {"record", parsed(v.record, "run.json")},
          {"grid", parsed(v.grid, "grid.json")},
          {"frames", encode_frames(v.frame_table)},
          {"rejection", page_table(v.rejection_table)},
          {"channel", v.shown_channel},
          {"pictures", encode_pictures(v.pictures)},
          {"maps", maps},
          {"stars", stars},
          {"tileFrames", rounded_list(v.tile_effective_frames)},
          {"tileWeights", rounded_list(v.tile_weights)},
          {"frameShares", rounded_list(v.frame_shares)},
          {"shareCodes", base64(v.tile_share_codes)},
          {"histograms", histograms},
          {"workers", workers},
          {"underWay", v.under_way},
          {"answers", v.answers},
          {"missing", v.missing}};
}

void put_in(std::string& page, std::string_view mark, const std::string& text) {
  const std::size_t at = page.find(mark);
  if (at == std::string::npos) throw ContractError("the page has no place " + std::string(mark));
  page.replace(at, mark.size(), text);
}

}  // namespace

unsigned char share_code(double power) {
  return static_cast<unsigned char>(std::lround(std::clamp(25.4 * (power + 6), 0.0, 254.0)));
}

PageHistogram histogram_of(const std::vector<double>& values, double low, double high, int bins) {
  PageHistogram histogram;
  histogram.low = low;
  histogram.high = high > low ? high : low + 1;
  histogram.counts.assign(static_cast<std::size_t>(bins), 0);
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    const double place = std::floor((v - histogram.low) / (histogram.high - histogram.low) * bins);
    ++histogram.counts[static_cast<std::size_t>(std::clamp(place, 0.0, bins - 1.0))];
  }
  return histogram;
}

std::string report_page(const PageValues& values) {
  std::string data = encode_values(values).dump(-1, ' ', false, json::error_handler_t::replace);
  // Inside a script element only "<" can begin markup.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  std::string page = page_html();
  put_in(page, "{{SOURCES}}",
         values.under_way ? "img-src 'self' data:; connect-src 'self'"
         : values.answers ? "img-src data:; connect-src 'self'"
                          : "img-src data:");
  put_in(page, "{{STYLE}}", page_css());
  put_in(page, "{{PLOTS}}", page_plots());
  put_in(page, "{{PIXEL}}", page_pixel());
  put_in(page, "{{LIVE}}", values.under_way ? page_live() : "");
  put_in(page, "{{SCRIPT}}", page_script());
  put_in(page, "{{DATA}}", data);
  return page;
}

}  // namespace tilecompile

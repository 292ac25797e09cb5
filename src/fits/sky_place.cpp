#include <cmath>
#include <cstdio>
#include <numbers>
#include <regex>

#include "frame_layout.hpp"
#include "product_records.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/header_values.hpp"

namespace tilecompile {
namespace {

bool celestial(fitsfile* file) {
  const std::string first = text_keyword(file, "CTYPE1");
  for (const char* kind : {"RA--", "DEC-", "GLON", "GLAT", "ELON", "ELAT"})
    if (first.compare(0, 4, kind) == 0) return true;
  return false;
}

}  // namespace

void drop_sky_records(std::vector<std::string>& records) {
  static const std::regex kSky(
      "C(TYPE|UNIT|NAME|RPIX|RVAL|DELT|ROTA|RDER|SYER)[0-9]+.?|(CD|PC|PV|PS)[0-9]+_[0-9]+.?|WCS(AXES|NAME).?|"
      "(LON|LAT)POLE.?|(A|B|AP|BP)_(ORDER|DMAX|[0-9]+_[0-9]+)|PLTSOLVD");
  std::erase_if(records, [](const std::string& r) { return std::regex_match(record_key(r), kSky); });
}

void move_sky_records(std::vector<std::string>& records, double x0, double y0, double step) {
  static const std::regex kPixel("CRPIX([12]).?"), kStep("CDELT[12].?|CD[12]_[12].?"),
      kSip("(A|B|AP|BP)_([0-9]+)_([0-9]+)");
  for (std::string& record : records) {
    const std::string key = record_key(record);
    const auto value = header_number(record.substr(std::min<std::size_t>(record.size(), 10)));
    if (!value) continue;
    std::smatch part;
    double moved = *value;
    if (std::regex_match(key, part, kPixel))
      moved = (*value - 0.5 - (part[1] == "1" ? x0 : y0)) / step + 0.5;
    else if (std::regex_match(key, kStep))
      moved = *value * step;
    else if (std::regex_match(key, part, kSip))
      moved = *value * std::pow(step, std::stoi(part[2]) + std::stoi(part[3]) - 1);
    if (moved == *value) continue;
    char card[81];
    std::snprintf(card, sizeof card, "%-8.8s= %20.14G%50s", key.c_str(), moved, "");
    record = card;
  }
}

SkyPlace read_sky_place(fitsfile* file, const FrameLayout& layout) {
  SkyPlace place;
  if (!celestial(file)) return place;
  double x_value = 0, y_value = 0, x_pixel = 0, y_pixel = 0, x_step = 0, y_step = 0, rotation = 0;
  char projection[FLEN_VALUE] = {};
  int status = 0;
  fits_write_errmark();
  fits_read_img_coord(file, &x_value, &y_value, &x_pixel, &y_pixel, &x_step, &y_step, &rotation, projection,
                      &status);
  // A skewed matrix is taken as the nearest rotation: near enough to tell two places apart.
  if (status == APPROX_WCS_KEY) status = 0;
  const double width = layout.width, height = layout.height;
  const double points[3][2] = {{1, 1}, {(width + 1) / 2, (height + 1) / 2}, {width, height}};
  for (const auto& point : points) {
    double longitude = 0, latitude = 0;
    fits_pix_to_world(point[0], point[1], x_value, y_value, x_pixel, y_pixel, x_step, y_step, rotation,
                      projection, &longitude, &latitude, &status);
    constexpr double kRadians = std::numbers::pi / 180;
    place.push_back({std::cos(latitude * kRadians) * std::cos(longitude * kRadians),
                     std::cos(latitude * kRadians) * std::sin(longitude * kRadians),
                     std::sin(latitude * kRadians)});
    for (const double part : place.back())
      if (!std::isfinite(part)) status = 1;
  }
  fits_clear_errmark();
  return status == 0 ? place : SkyPlace{};
}

}  // namespace tilecompile

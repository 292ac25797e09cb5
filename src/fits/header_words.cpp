#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <initializer_list>

#include "frame_layout.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/header_values.hpp"

namespace tilecompile {
namespace {

using Keys = std::initializer_list<const char*>;

constexpr double kMjdOfJd0 = -2400000.5;

/// Text of a card; bytes that the standard forbids there come as "?".
std::string value_of(fitsfile* file, const char* key) {
  std::string text = header_text(raw_keyword(file, key));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// The first of these that is stated.
std::string first_text(fitsfile* file, Keys keys) {
  for (const char* key : keys)
    if (std::string text = value_of(file, key); !text.empty()) return text;
  return "";
}

double as_stated(double number) { return number; }

/// The first of these that `accepted` makes a number of, which is NaN for one that cannot be meant.
double first_number(fitsfile* file, Keys keys, double (*accepted)(double) = as_stated) {
  for (const char* key : keys)
    if (const auto number = header_number(raw_keyword(file, key)))
      if (const double value = accepted(*number); !std::isnan(value)) return value;
  return kNotStated;
}

void fill(std::string& known, const std::string& found) {
  if (known.empty()) known = found;
}
void fill(double& known, double found) {
  if (std::isnan(known)) known = found;
}

double count_of_frames(double number) { return number >= 1 && number <= 1e9 ? number : kNotStated; }

void read_exposure(fitsfile* file, FrameFacts& facts) {
  for (const char* key : {"EXPTIME", "EXPOSURE", "EXP_TIME", "XPOSURE"}) {
    const std::string text = value_of(file, key);
    if (text.empty() || std::isfinite(facts.exposure_s)) continue;
    if (const auto seconds = header_seconds(text)) {
      facts.exposure_s = *seconds;
      facts.exposure_text.clear();
    } else {
      fill(facts.exposure_text, std::string(key) + " '" + text + "'");
    }
  }
  fill(facts.stacked_frames, first_number(file, {"STACKCNT", "NCOMBINE"}, count_of_frames));
  for (const char* key : {"LIVETIME", "TOTALEXP"})
    if (const auto seconds = header_seconds(raw_keyword(file, key))) fill(facts.live_time_s, *seconds);
}

/// A Julian date of either count as a modified one; nothing for numbers that are no date of a camera.
double modified_julian_date(double number) {
  if (number > -kMjdOfJd0) number += kMjdOfJd0;
  return number > 30000 && number < 100000 ? number : kNotStated;  // 1941 to 2132
}

void read_times(fitsfile* file, StatedTime& time) {
  fill(time.date_obs, first_text(file, {"DATE-OBS", "DATE-BEG", "DATE_OBS"}));
  fill(time.time_obs, first_text(file, {"TIME-OBS", "TIME-BEG", "UTC-OBS", "UT-OBS", "UTSTART", "UTC", "UT",
                                        "TIME_OBS", "TIME"}));
  fill(time.start_mjd,
       first_number(file, {"MJD-OBS", "MJD-BEG", "MJD_OBS", "MJD", "JD-OBS", "JD-BEG", "JD", "JD_UTC"},
                    modified_julian_date));
  fill(time.middle_mjd, first_number(file, {"MJD-AVG", "MJD-MID", "JD-AVG", "JD-MID"}, modified_julian_date));
}

/// IMAGETYP and its kin: what kind of picture the camera was told to take.
std::string calibration_card(fitsfile* file) {
  for (const char* key :
       {"IMAGETYP", "FRAME", "FRAMETYP", "OBSTYPE", "OBS_TYPE", "IMGTYPE", "EXPTYPE", "PICTTYPE"})
    if (const std::string text = value_of(file, key); names_a_calibration_frame(text))
      return std::string(key) + " '" + text + "'";
  return "";
}

std::string product_of_ours(fitsfile* file, const FrameLayout& layout) {
  ProductCards cards;
  cards.program = value_of(file, "PROGRAM");
  cards.run_id = value_of(file, "RUNID");
  cards.config_hash = value_of(file, "CONFHASH");
  cards.manifest_id = value_of(file, "MANIFEST");
  cards.tile_id = value_of(file, "TILEID");
  cards.frames_id = value_of(file, "FRAMESID");
  cards.extension = value_of(file, "EXTNAME");
  cards.doubles = layout.bitpix == DOUBLE_IMG;
  return product_by_cards(cards);
}

/// Numbers in one spelling, "100" for "100." and "1E2".
std::string setting(const std::string& text) {
  const auto number = header_number(text);
  if (!number) return text;
  char plain[40];
  std::snprintf(plain, sizeof plain, "%.6g", *number);
  return plain;
}

void read_settings(fitsfile* file, FrameFacts& facts) {
  for (const char* key : {"FILTER", "GAIN", "OFFSET", "ISOSPEED", "INSTRUME", "TELESCOP", "XBINNING",
                          "YBINNING", "ROWORDER", "XBAYROFF", "YBAYROFF", "IMAGETYP"}) {
    const bool known = std::any_of(facts.settings.begin(), facts.settings.end(),
                                   [&](const auto& s) { return s.first == key; });
    if (const std::string text = value_of(file, key); !known && !text.empty())
      facts.settings.emplace_back(key, setting(text));
  }
  if (!facts.bayer_pattern.empty()) return;
  facts.bayer_pattern = bayer_letters(value_of(file, "BAYERPAT"));
  fill(facts.bayer_pattern, bayer_letters(value_of(file, "COLORTYP")));
  if (!facts.bayer_pattern.empty()) facts.settings.emplace_back("BAYERPAT", facts.bayer_pattern);
}

}  // namespace

void read_header_words(fitsfile* file, const FrameLayout& layout, FrameFacts& facts) {
  read_exposure(file, facts);
  read_times(file, facts.time);
  fill(facts.calibration_evidence, calibration_card(file));
  fill(facts.product_evidence, product_of_ours(file, layout));
  read_settings(file, facts);
  fill(facts.airmass, first_number(file, {"AIRMASS"}));
  fill(facts.sensor_celsius, first_number(file, {"CCD-TEMP", "CCDTEMP", "DET-TEMP"}));
}

}  // namespace tilecompile

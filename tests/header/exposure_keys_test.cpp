#include <gtest/gtest.h>

#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

TEST(KeysOfOneExposure, TimesWeatherFocusFileAndColourPattern) {
  for (const char* key :
       {"MJD-OBS",  "MJD-AVG",  "JD",       "JD-HELIO", "DATE-BEG", "DATE-END", "DATE-AVG", "DATE-LOC",
        "TIME-OBS", "TIME-END", "UT",       "UTC",      "UTSTART",  "LST",      "EXPSTART", "EXPEND",
        "TELAPSE",  "AIRMASS",  "CENTALT",  "CENTAZ",   "OBJCTALT", "HA",       "PIERSIDE", "CCD-TEMP",
        "AMBTEMP",  "FOCTEMP",  "FOCUSPOS", "FOCPOS",   "FOCUSTEM", "HFR",      "HFD",      "FILENAME",
        "IMAGEID",  "EXPTIME",  "EXPOSURE", "STACKCNT", "NCOMBINE", "LIVETIME", "TOTALEXP", "BAYERPAT",
        "XBAYROFF", "YBAYROFF", "COLORTYP", "HUMIDITY", "MPSAS"})
    EXPECT_TRUE(is_of_one_exposure(key)) << key;
}

TEST(KeysOfOneExposure, NotWhatAllFramesShare) {
  for (const char* key :
       {"OBJECT",   "TELESCOP", "INSTRUME", "FILTER",   "GAIN",     "OFFSET",   "SET-TEMP", "FOCALLEN",
        "FOCRATIO", "XPIXSZ",   "XBINNING", "SITELAT",  "SITELONG", "SITEELEV", "LAT-OBS",  "OBSERVER",
        "ROWORDER", "EQUINOX",  "CTYPE1",   "CRVAL1",   "CD1_1",    "RADESYS",  "OBJCTRA",  "OBJCTDEC",
        "RA",       "DEC",      "IMAGETYP", "SWCREATE", "EGAIN",    "OBSGEO-X", "TIMESYS",  "BUNIT",
        "APTDIA",   "FOCNAME",  "FOCUSER",  "FOCAL",    "FOCUSNAME"})
    EXPECT_FALSE(is_of_one_exposure(key)) << key;
}

}  // namespace
}  // namespace tilecompile

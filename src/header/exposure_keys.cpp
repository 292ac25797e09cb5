#include <regex>

#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {

// The keys that capture programs write of one exposure (NINA, SharpCap, APT, MaxIm, KStars, ASIAIR, Seestar,
// observatories). Coordinates of the site, settings and names of the equipment are not among them.
bool is_of_one_exposure(const std::string& key) {
  static const std::regex kTimes(
      "DATE-(OBS|BEG|END|AVG|MID|LOC|STA|STR)|DATE_(OBS|BEG|END|LOC)|TIME|TIME[-_].*|UT|UTC|UT[CS]?[-_].*|"
      "UT(START|STOP|END|MIDDLE|MID|SHUT)|LOC(TIME|ALTIM)|LT|LT-.*|LST|LST[-_].*|ST|SIDTIME|SIDEREAL|"
      "[MHB]?JD|[MHB]?JD[-_].*|M?JD(START|END|MID|UTC|MEAN)|JD[0-9]+|EXP(START|END|MID)|"
      "T(START|STOP|ELAPSE|MID|AVE)|OPENTIME|READTIME");
  static const std::regex kExposures(
      "EXPTIME|EXPOSURE|EXP_TIME|XPOSURE|ELAPTIME|DARKTIME|ONTIME|ITIME|LIVETIME|TOTALEXP|STACKCNT|NCOMBINE|"
      "SNAPSHOT|NFRAMES");
  static const std::regex kPointing(
      "AIRMASS.*|AM(START|END)|SECZ|ZD|ZD(START|END|IST)|ZENITH.*|CENT(ALT|AZ)|OBJCT(ALT|AZ|HA)|ALT|AZ|"
      "ALTITUDE|AZIMUTH|TEL(ALT|AZ|HA)|ALT(START|END)|AZ(START|END)|HA|HA-.*|HOURANG.*|PARANG.*|PIERSIDE|"
      "MOON.*|SUN.*|GUIDE?RMS|RMS.*");
  static const std::regex kAir(
      "CCD-?TEMP|DET-?TEMP|SENSTEMP|CAMTEMP|TEMPERAT.*|AMBTEMP|AMB-TEMP|ENVTEMP|EXTTEMP|MIRRTEMP|TUBETEMP|"
      "SKYTEMP|AOC.*|HUMIDITY|PRESSURE|DEW.*|WIND.*|CLOUD.*|MPSAS|SQM.*|SKY(BRGHT|QLTY|GLOW)|BOLTW.*|"
      "COOLER?(PWR|POWR|POW)|CCDPOWER|SEEING.*");
  static const std::regex kFocus(
      "FOC.*|HFR.*|HFD.*|FWHM.*|STARS?|STARCNT|NSTARS?|ECCENT.*|"
      "ROUNDNES|STARHFR");
  static const std::regex kFile(
      "FILENAME|FILE|ORIGFILE|ORIGNAME|RAWFILE|ROOTNAME|IMAGEID|IMAGE(NUM|NO)|IMGNUM|IMG_?NO|FRAME(ID|NUM|NO)"
      "|"
      "FRAMENR|SEQ(NUM|NO|UENCE)|EXP(NUM|NO|ID)|OBS_?ID|UNIQUEID|RUN(ID|NO|NUM)?|CBLACK|CWHITE|CSTRETCH|"
      "MEAN|MEDIAN|STD(DEV|EV)?|SIGMA|MIN(IMUM|VAL)?|MAX(IMUM|VAL)?|ADU.*|PEAK|BACKGRND|SKYLEVEL|PEDESTAL|"
      "CONFHASH|MANIFEST");
  static const std::regex kColours("BAYER.*|[XY]BAYROFF|BAYOFF[XY]|COLORTYP|CFA.*|DEMOSAIC");
  // Of the telescope and the focuser, not of their state.
  static const std::regex kShared("FOCAL.*|FOCRATIO|FOC(US)?NAME|FOCUSER|FOCMODEL");
  if (std::regex_match(key, kShared)) return false;
  for (const std::regex* kind : {&kTimes, &kExposures, &kPointing, &kAir, &kFocus, &kFile, &kColours})
    if (std::regex_match(key, *kind)) return true;
  return false;
}

}  // namespace tilecompile

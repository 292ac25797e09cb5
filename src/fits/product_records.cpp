#include "product_records.hpp"

#include <fitsio.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <set>
#include <string_view>

#include "cfitsio_file.hpp"
#include "frame_layout.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/header_rules.hpp"

namespace tilecompile {
namespace {

enum class ValueKind { kString, kNumber, kLogical };

struct Record {
  std::string key;
  ValueKind kind = ValueKind::kNumber;
  std::string value;  ///< without quotes and trailing blanks
};

bool key_is_clean(const std::string& field) {
  const std::size_t length = field.find_last_not_of(' ') + 1;
  if (length == 0) return false;
  return std::all_of(field.begin(), field.begin() + static_cast<std::ptrdiff_t>(length), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

/// After the value only blanks, or a comment behind a slash, may follow.
bool tail_is_clean(std::string_view tail) {
  const std::size_t at = tail.find_first_not_of(' ');
  return at == std::string_view::npos || tail[at] == '/';
}

bool parse_string(std::string_view text, Record* record) {
  std::size_t i = 1;
  for (; i < text.size(); ++i) {
    if (text[i] == '\'') {
      if (i + 1 >= text.size() || text[i + 1] != '\'') break;
      ++i;
    }
    record->value += text[i];
  }
  if (i >= text.size() || !tail_is_clean(text.substr(i + 1))) return false;
  record->value.erase(record->value.find_last_not_of(' ') + 1);
  record->kind = ValueKind::kString;
  return true;
}

bool parse_bare(std::string_view text, Record* record) {
  static const std::regex kNumber(R"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([ED][+-]?[0-9]{1,3})?)");
  const std::size_t end = std::min(text.find_first_of(" /"), text.size());
  record->value = text.substr(0, end);
  if (!tail_is_clean(text.substr(end))) return false;
  if (record->value == "T" || record->value == "F") {
    record->kind = ValueKind::kLogical;
    return true;
  }
  return std::regex_match(record->value, kNumber);
}

/// The record's parts if it is well-formed and complete in itself.
std::optional<Record> parse_record(const std::string& card) {
  if (card.size() != 80 || std::any_of(card.begin(), card.end(), [](char c) { return c < ' ' || c > '~'; }))
    return std::nullopt;
  Record record;
  if (!key_is_clean(card.substr(0, 8)) || card.compare(8, 2, "= ") != 0) return std::nullopt;
  record.key = record_key(card);
  const std::size_t begin = card.find_first_not_of(' ', 10);
  if (begin == std::string::npos || card[begin] == '/') return std::nullopt;  // no value
  const std::string_view text = std::string_view(card).substr(begin);
  if (!(text.front() == '\'' ? parse_string(text, &record) : parse_bare(text, &record))) return std::nullopt;
  // A value that goes on in CONTINUE records would be half a value here.
  if (record.kind == ValueKind::kString && !record.value.empty() && record.value.back() == '&')
    return std::nullopt;
  return record;
}

/// True when the key has a type by the standard and the value is of another, or is no date where one belongs.
bool value_contradicts_key(const Record& record) {
  static const std::regex kText(
      "TELESCOP|INSTRUME|OBSERVER|OBJECT|AUTHOR|REFERENC|ORIGIN|BUNIT|RADESYS.?|RADECSYS|"
      "TIMESYS|TREFPOS|PLEPHEM|C(TYPE|UNIT|NAME)[0-9]+.?|WCSNAME.?|SPECSYS.?|DATE.*");
  static const std::regex kNumeric(
      "EQUINOX.?|EPOCH|C(RPIX|RVAL|DELT|ROTA|RDER|SYER)[0-9]+.?|(CD|PC|PV)[0-9]+_[0-9]+.?|"
      "LONPOLE.?|LATPOLE.?|WCSAXES.?|VELREF|RESTFR.*|MJD-.*|MJDREF.*");
  static const std::regex kDate(
      R"(([0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]*)?)?)|([0-3][0-9]/[01][0-9]/[0-9]{2}))");
  if (std::regex_match(record.key, kText) && record.kind != ValueKind::kString) return true;
  if (std::regex_match(record.key, kNumeric) && record.kind != ValueKind::kNumber) return true;
  return record.key.compare(0, 4, "DATE") == 0 && !std::regex_match(record.value, kDate);
}

/// True for keys that describe the file the record came from rather than the observation.
bool describes_the_file(const std::string& key, const std::string& card) {
  static const std::regex kFileKeys(
      "SIMPLE|BITPIX|NAXIS.*|EXTEND|XTENSION|PCOUNT|GCOUNT|GROUPS|BLOCKED|END|BSCALE|BZERO|BLANK|DATAM(IN|AX)"
      "|"
      "CHECKSUM|DATASUM|Z(HECKSUM|DATASUM|QUANTIZ|DITHER0|BLANK|SCALE|ZERO|IMAGE|TABLE)|FZ.*|LONGSTRN|"
      "CONTINUE|"
      "HIERARCH|COMMENT|HISTORY|DATE|PROGRAM|CREATOR|EXTNAME|EXTVER|EXTLEVEL|INHERIT|TFIELDS|THEAP|"
      "T(TYPE|FORM|BCOL|UNIT|NULL|SCAL|ZERO|DISP|DIM|CTYP|CUNI|CRVL|CDLT|CRPX|CROT)[0-9]+.?|MIPS-(HI|LO)|"
      "PIXVALUE|NPIX[0-9]+");
  if (std::regex_match(key, kFileKeys)) return true;
  std::string copy = card;
  switch (fits_get_keyclass(copy.data())) {
    case TYP_REFSYS_KEY:
    case TYP_WCS_KEY:
    case TYP_USER_KEY:
      return false;
    default:
      return key != "BUNIT";
  }
}

/// Coordinates without CTYPE1 and CTYPE2 are no place on the sky, and checkers complain of them.
void drop_untyped_coordinates(std::vector<std::string>* cards) {
  static const std::regex kCoordinate("C(RPIX|RVAL|DELT|ROTA|UNIT)[0-9]+|(CD|PC|PV)[0-9]+_[0-9]+|WCSAXES");
  const auto has = [&](const char* key) {
    return std::any_of(cards->begin(), cards->end(),
                       [&](const std::string& c) { return record_key(c) == key; });
  };
  if (has("CTYPE1") && has("CTYPE2")) return;
  std::erase_if(*cards, [](const std::string& c) { return std::regex_match(record_key(c), kCoordinate); });
}

std::vector<std::string> read_records(fitsfile* file) {
  std::vector<std::string> records;
  int count = 0, status = 0;
  fits_get_hdrspace(file, &count, nullptr, &status);
  for (int i = 1; i <= count; ++i) {
    char card[FLEN_CARD] = {};
    status = 0;
    if (fits_read_record(file, i, card, &status) == 0) records.emplace_back(card);
  }
  return records;
}

}  // namespace

std::string record_key(const std::string& record) {
  std::string key = record.substr(0, 8);
  key.erase(key.find_last_not_of(' ') + 1);
  return key;
}

std::vector<std::string> product_records(const std::vector<std::string>& records) {
  std::vector<std::string> kept;
  std::set<std::string> seen;
  const auto has_key = [&](const std::string& key) {
    return std::any_of(records.begin(), records.end(),
                       [&](const std::string& r) { return record_key(r) == key; });
  };
  for (std::string card : records) {
    card.resize(80, ' ');
    std::optional<Record> record = parse_record(card);
    if (!record || value_contradicts_key(*record) || describes_the_file(record->key, card)) continue;
    if (record->key == "EPOCH") {  // deprecated name of EQUINOX
      if (has_key("EQUINOX")) continue;
      record->key = "EQUINOX";
      card.replace(0, 8, "EQUINOX ");
    }
    if (record->key == "RADECSYS") {  // deprecated name of RADESYS
      if (has_key("RADESYS")) continue;
      record->key = "RADESYS";
      card.replace(0, 8, "RADESYS ");
    }
    if (seen.insert(record->key).second) kept.push_back(card);
  }
  drop_untyped_coordinates(&kept);
  // The standard wants WCSAXES before every other coordinate key.
  std::stable_partition(kept.begin(), kept.end(), [](const std::string& card) {
    return record_key(card).compare(0, 7, "WCSAXES") == 0;
  });
  return kept;
}

std::vector<std::string> shared_header_records(const std::filesystem::path& path) {
  std::vector<std::string> records = product_header_records(path);
  std::erase_if(records, [](const std::string& record) { return is_of_one_exposure(record_key(record)); });
  return records;
}

std::vector<std::string> product_header_records(const std::filesystem::path& path) {
  const OpenedFrame frame = open_frame(path);
  find_frame_layout(frame, path);
  return product_records(read_records(frame.file.get()));
}

}  // namespace tilecompile

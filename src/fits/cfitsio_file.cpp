#include "cfitsio_file.hpp"

#include <optional>

#include "tilecompile/header/header_values.hpp"

// Of the library, declared in a header of its own only.
extern "C" int fits_init_randoms(void);

namespace tilecompile {

namespace {
// The library sets up its lock and its table of random numbers at first use. Two threads that come first at
// once can leave the lock locked for good, and one reads the table while the other still fills it: a dithered
// frame then has other pixels. Done here while the program starts, before there are threads.
int make_library_ready() {
  const int status = fits_init_cfitsio();
  return status != 0 ? status : fits_init_randoms();
}
[[maybe_unused]] const int kLibraryReady = make_library_ready();
}  // namespace

std::unique_lock<std::mutex> cfitsio_table_lock() {
  static std::mutex mutex;
  return std::unique_lock<std::mutex>(mutex);
}

std::string cfitsio_error_text(int status) {
  char text[FLEN_STATUS] = {};
  fits_get_errstatus(status, text);
  return std::string(text) + " (cfitsio " + std::to_string(status) + ")";
}

std::string raw_keyword(fitsfile* file, const char* key) {
  char value[FLEN_VALUE] = {};
  int status = 0;
  fits_write_errmark();
  const bool found = fits_read_keyword(file, key, value, nullptr, &status) == 0;
  fits_clear_errmark();
  return found ? value : "";
}

std::string text_keyword(fitsfile* file, const char* key) {
  const std::string raw = raw_keyword(file, key);
  if (raw.empty() || raw.front() != '\'') return "";
  std::string text;
  for (std::size_t i = 1; i < raw.size(); ++i) {
    if (raw[i] == '\'') {
      if (i + 1 >= raw.size() || raw[i + 1] != '\'') break;
      ++i;
    }
    text += raw[i];
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

bool parse_header_number(const std::string& raw, double* value) {
  const std::optional<double> parsed = header_number(raw);
  if (parsed) *value = *parsed;
  return parsed.has_value();
}

}  // namespace tilecompile

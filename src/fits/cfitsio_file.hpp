#pragma once
#include <fitsio.h>

#include <mutex>
#include <string>
#include <utility>

namespace tilecompile {

/// Held while a file is opened, created or closed: cfitsio keeps one unguarded table of open memory files
/// (which gzipped files use too), so two threads that open at once would get the same slot.
[[nodiscard]] std::unique_lock<std::mutex> cfitsio_table_lock();

/// Owner of an open cfitsio file; closing errors are swallowed (use close() where they matter).
class CfitsioFile {
 public:
  CfitsioFile() = default;
  explicit CfitsioFile(fitsfile* file) : file_(file) {}
  CfitsioFile(CfitsioFile&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  CfitsioFile& operator=(CfitsioFile&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~CfitsioFile() { close(); }
  fitsfile* get() const { return file_; }
  explicit operator bool() const { return file_ != nullptr; }
  /// Closes and returns cfitsio's status.
  int close() {
    int status = 0;
    if (file_ == nullptr) return status;
    const auto lock = cfitsio_table_lock();
    fits_close_file(file_, &status);
    file_ = nullptr;
    return status;
  }

 private:
  fitsfile* file_ = nullptr;
};

/// Text of a cfitsio status. The library's stack of messages is left alone: there is one for the whole
/// process, so what lies on it may be of another thread's file.
std::string cfitsio_error_text(int status);

/// Value of a header keyword as it stands in the card (strings with their quotes), empty when absent.
std::string raw_keyword(fitsfile* file, const char* key);
/// The value of a string keyword without quotes and trailing blanks; empty when absent or not a string.
std::string text_keyword(fitsfile* file, const char* key);
/// The number of a card as `header_number` reads it; false for other texts, logicals and absent cards.
bool parse_header_number(const std::string& raw, double* value);

}  // namespace tilecompile

#pragma once
#include <fitsio.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cfitsio_file.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Throws InputError for a tile file that is not what it should be.
[[noreturn]] void refuse_tile_file(const std::string& what);

/// Reads the HDUs of one tile file in memory, which nothing is believed of: every call throws InputError.
class TileReader {
 public:
  /// `bytes` outlive the reader.
  explicit TileReader(std::string_view bytes);

  /// Moves to an image HDU of the given name (none: the primary one) and type whose checksums hold.
  void open_image(int hdu, const std::string& name, int bitpix);
  /// Throws unless the HDU that was opened last is the last of the file.
  void require_end() const;
  int naxis() const { return naxis_; }
  LONGLONG axis(int i) const { return axes_[static_cast<std::size_t>(i)]; }

  /// Samples of the HDU that was opened last: planes of its first two axes.
  Image planes() const;
  /// All its samples, as they are stored.
  std::vector<double> doubles(const std::string& name);
  bool has(const std::string& key) { return !raw_keyword(file_.get(), key.c_str()).empty(); }
  std::string text(const std::string& key) { return text_keyword(file_.get(), key.c_str()); }
  double number(const std::string& key);
  int whole_number(const std::string& key);

 private:
  void guard(LONGLONG offset) const;
  void check_sums(const std::string& name, std::string_view header);
  void check(const std::string& what) const;

  std::string_view bytes_, data_;  // of the file, and of the HDU that was opened last
  void* pointer_;
  std::size_t size_ = 0;
  CfitsioFile file_;
  int status_ = 0, naxis_ = 0;
  LONGLONG end_ = 0, samples_ = 0;
  std::array<LONGLONG, 3> axes_{};
};

}  // namespace tilecompile

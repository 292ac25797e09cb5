#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cfitsio_file.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Builds a FITS file in memory, HDU by HDU, with no clock in it: equal calls give equal bytes.
class FitsWriter {
 public:
  /// `size_hint` is the expected size in bytes. `what` names the product in messages.
  FitsWriter(std::size_t size_hint, std::string what);
  ~FitsWriter();
  FitsWriter(const FitsWriter&) = delete;
  FitsWriter& operator=(const FitsWriter&) = delete;

  /// Starts an image HDU; `type` is cfitsio's code (FLOAT_IMG, ...), `axes` NAXIS1 first, empty for no data.
  void begin_image(int type, std::vector<long> axes, const std::string& extname = "");
  struct Column {
    std::string name, format, unit;
  };
  void begin_table(std::int64_t rows, const std::vector<Column>& columns, const std::string& extname);
  void record(const std::string& card);
  void card(const HeaderCard& card);
  void history(const std::string& line);
  /// Writes `n` samples of cfitsio type `datatype` from sample `first` (0-based) on.
  void pixels(int datatype, std::int64_t first, std::int64_t n, const void* samples);
  /// float32 planes one after the other, every NaN as 0x7fc00000.
  void planes(const Image& image);
  void planes(const std::vector<Plane<std::int32_t>>& image);
  void planes(const std::vector<Plane<std::uint16_t>>& image);
  /// Writes `n` elements of a column (1-based) from row `row` (1-based) on.
  void column(int datatype, int column, std::int64_t row, std::int64_t n, const void* values);
  /// DATASUM and CHECKSUM with constant comments. Call when the HDU is complete.
  void end_hdu();
  /// Bytes that header_alone will give, which may follow. Call after begin_image and the cards.
  std::size_t header_size();
  /// The header of an image of these axes whose data, of this sum (fits_checksum), are written elsewhere, as
  /// end_hdu would leave it. Call after begin_image with as many axes of 1, and the cards; nothing else after
  /// it.
  std::string header_alone(const std::vector<long>& axes, std::uint32_t data_sum);
  /// The file's bytes.
  std::string take();

 private:
  void check(const char* doing);
  void begin_sums();
  std::string_view header_bytes();

  std::string what_;
  void* buffer_ = nullptr;
  std::size_t buffer_bytes_ = 0;
  CfitsioFile file_;
  int status_ = 0;
  bool has_long_strings_ = false;
};

/// Cards, kept records and HISTORY of a product go into the current HDU, own cards winning.
void write_product_header(FitsWriter* writer, const ProductHeader& header);

}  // namespace tilecompile

#include "fits_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>
#include <set>

#include "checksum.hpp"
#include "header_guard.hpp"
#include "product_records.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

/// Longest string that fits one card.
constexpr std::size_t kLongestString = 68;
constexpr float kCanonicalNan = std::bit_cast<float>(std::uint32_t{0x7fc00000});

/// Header text may hold printable ASCII only.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::size_t quoted_size(const std::string& text) {
  return text.size() + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\''));
}

}  // namespace

FitsWriter::FitsWriter(std::size_t size_hint, std::string what) : what_(std::move(what)) {
  // The buffer starts empty: what lies in a given one would count as HDUs of the file.
  const std::size_t growth = (size_hint / kFitsBlock + 16) * kFitsBlock;
  fitsfile* file = nullptr;
  {
    const auto lock = cfitsio_table_lock();
    fits_create_memfile(&file, &buffer_, &buffer_bytes_, growth, std::realloc, &status_);
  }
  file_ = CfitsioFile(file);
  if (status_ != 0) {
    const std::string text = cfitsio_error_text(status_);
    std::free(buffer_);
    throw ContractError("starting " + what_ + ": " + text);
  }
}

FitsWriter::~FitsWriter() {
  file_.close();
  std::free(buffer_);
}

void FitsWriter::check(const char* doing) {
  if (status_ == 0) return;
  throw ContractError(std::string(doing) + " of " + what_ + ": " + cfitsio_error_text(status_));
}

void FitsWriter::begin_image(int type, std::vector<long> axes, const std::string& extname) {
  fits_create_img(file_.get(), type, static_cast<int>(axes.size()), axes.data(), &status_);
  // Missing pixels stay what they are written as; nothing is to be scaled on the way.
  check("starting an image");
  if (!extname.empty()) card({"EXTNAME", extname, ""});
}

void FitsWriter::begin_table(std::int64_t rows, const std::vector<Column>& columns,
                             const std::string& extname) {
  std::vector<char*> names, formats, units;
  for (const Column& c : columns) {
    names.push_back(const_cast<char*>(c.name.c_str()));
    formats.push_back(const_cast<char*>(c.format.c_str()));
    units.push_back(const_cast<char*>(c.unit.c_str()));
  }
  fits_create_tbl(file_.get(), BINARY_TBL, rows, static_cast<int>(columns.size()), names.data(),
                  formats.data(), units.data(), extname.c_str(), &status_);
  check("starting a table");
}

void FitsWriter::record(const std::string& card) {
  fits_write_record(file_.get(), card.c_str(), &status_);
  check("a header record");
}

void FitsWriter::card(const HeaderCard& card) {
  fitsfile* f = file_.get();
  const char* key = card.key.c_str();
  const std::string comment_text = printable(card.comment);
  const char* comment = comment_text.empty() ? nullptr : comment_text.c_str();
  if (const auto* text = std::get_if<std::string>(&card.value)) {
    std::string value = printable(*text);
    if (quoted_size(value) > kLongestString) {
      if (!has_long_strings_) fits_write_key_longwarn(f, &status_);
      has_long_strings_ = true;
      fits_write_key_longstr(f, key, value.c_str(), comment, &status_);
    } else {
      fits_write_key_str(f, key, value.c_str(), comment, &status_);
    }
  } else if (const auto* number = std::get_if<double>(&card.value)) {
    if (!std::isfinite(*number)) return;  // FITS headers know no NaN
    fits_write_key_dbl(f, key, *number, -15, comment, &status_);
  } else if (const auto* whole = std::get_if<std::int64_t>(&card.value)) {
    fits_write_key_lng(f, key, *whole, comment, &status_);
  } else {
    fits_write_key_log(f, key, std::get<bool>(card.value) ? 1 : 0, comment, &status_);
  }
  check(("card " + card.key).c_str());
}

void FitsWriter::history(const std::string& line) {
  fits_write_history(file_.get(), printable(line).c_str(), &status_);
  check("HISTORY");
}

void FitsWriter::pixels(int datatype, std::int64_t first, std::int64_t n, const void* samples) {
  if (n == 0) return;
  fits_write_img(file_.get(), datatype, first + 1, n, const_cast<void*>(samples), &status_);
  check("pixels");
}

void FitsWriter::planes(const Image& image) {
  std::vector<float> samples;
  std::int64_t first = 0;
  for (const Plane<float>& plane : image) {
    samples.resize(plane.size());
    std::transform(plane.samples().begin(), plane.samples().end(), samples.begin(),
                   [](float v) { return v == v ? v : kCanonicalNan; });
    pixels(TFLOAT, first, static_cast<std::int64_t>(samples.size()), samples.data());
    first += static_cast<std::int64_t>(samples.size());
  }
}

void FitsWriter::planes(const std::vector<Plane<std::int32_t>>& image) {
  std::int64_t first = 0;
  for (const auto& plane : image) {
    pixels(TINT, first, static_cast<std::int64_t>(plane.size()), plane.data());
    first += static_cast<std::int64_t>(plane.size());
  }
}

void FitsWriter::planes(const std::vector<Plane<std::uint16_t>>& image) {
  std::int64_t first = 0;
  for (const auto& plane : image) {
    pixels(TUSHORT, first, static_cast<std::int64_t>(plane.size()), plane.data());
    first += static_cast<std::int64_t>(plane.size());
  }
}

void FitsWriter::column(int datatype, int column, std::int64_t row, std::int64_t n, const void* values) {
  if (n == 0) return;
  fits_write_col(file_.get(), datatype, column, row, 1, n, const_cast<void*>(values), &status_);
  check("a table column");
}

// DATASUM, and CHECKSUM without a value yet. The library puts the time into both comments, which CHECKSUM
// covers.
void FitsWriter::begin_sums() {
  fitsfile* f = file_.get();
  {
    static std::mutex clock;  // it asks gmtime, whose answer all threads share
    const std::lock_guard<std::mutex> lock(clock);
    fits_write_chksum(f, &status_);
  }
  fits_modify_comment(f, "DATASUM", "checksum of the data unit", &status_);
  fits_modify_key_str(f, "CHECKSUM", "0000000000000000", "checksum of the HDU", &status_);
}

std::string_view FitsWriter::header_bytes() {
  fits_flush_buffer(file_.get(), 0, &status_);
  LONGLONG header = 0, data = 0, end = 0;
  fits_get_hduaddrll(file_.get(), &header, &data, &end, &status_);
  check("checksums");
  return {static_cast<const char*>(buffer_) + header, static_cast<std::size_t>(data - header)};
}

void FitsWriter::end_hdu() {
  fitsfile* f = file_.get();
  begin_sums();
  // The sum of the HDU is that of its data, which is known, and of its header, as it stands now.
  char data_sum[FLEN_VALUE] = "";
  fits_read_key_str(f, "DATASUM", data_sum, nullptr, &status_);
  const std::uint32_t hdu_sum =
      fits_checksum(header_bytes(), static_cast<std::uint32_t>(std::strtoul(data_sum, nullptr, 10)));
  std::array<char, 17> encoded{};
  fits_encode_chksum(hdu_sum, 1, encoded.data());
  fits_modify_key_str(f, "CHECKSUM", encoded.data(), "&", &status_);
  check("checksums");
  has_long_strings_ = false;
}

std::size_t FitsWriter::header_size() {
  begin_sums();
  return header_bytes().size();
}

std::string FitsWriter::header_alone(const std::vector<long>& axes, std::uint32_t data_sum) {
  constexpr std::size_t kCard = 80, kValue = 10, kNumber = 20, kText = 11;
  begin_sums();
  fits_modify_key_str(file_.get(), "DATASUM", std::to_string(data_sum).c_str(), "&", &status_);
  std::string header(header_bytes());
  const auto card_at = [&](std::string key) {
    key.resize(8, ' ');
    for (std::size_t at = 0; at < header.size(); at += kCard)
      if (header.compare(at, key.size(), key) == 0) return at;
    throw ContractError("the header of " + what_ + " has no " + key);
  };
  // The library would write as many samples as these axes say.
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::string number = std::to_string(axes[i]);
    number.insert(0, kNumber - number.size(), ' ');
    header.replace(card_at("NAXIS" + std::to_string(i + 1)) + kValue, kNumber, number);
  }
  std::array<char, 17> encoded{};
  fits_encode_chksum(fits_checksum(header, data_sum), 1, encoded.data());
  header.replace(card_at("CHECKSUM") + kText, encoded.size() - 1, encoded.data());
  return header;
}

std::string FitsWriter::take() {
  fits_flush_file(file_.get(), &status_);
  LONGLONG header = 0, data = 0, end = 0;
  fits_get_hduaddrll(file_.get(), &header, &data, &end, &status_);
  check("closing");
  status_ = file_.close();
  check("closing");
  return std::string(static_cast<const char*>(buffer_), static_cast<std::size_t>(end));
}

void write_product_header(FitsWriter* writer, const ProductHeader& header) {
  std::set<std::string> own;
  for (const HeaderCard& card : header.cards) own.insert(card.key);
  for (const std::string& record : product_records(header.kept_records))
    if (own.count(record_key(record)) == 0) writer->record(record);
  for (const HeaderCard& card : header.cards) writer->card(card);
  for (const std::string& line : header.history) writer->history(line);
}

}  // namespace tilecompile

#include "tile_reader.hpp"

#include <cmath>
#include <cstdlib>

#include "checksum.hpp"
#include "header_guard.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/encode_samples.hpp"

namespace tilecompile {

void refuse_tile_file(const std::string& what) {
  throw InputError("tile file: " + what + "; the file is damaged or of another kind: recompute the tile");
}

TileReader::TileReader(std::string_view bytes)
    : bytes_(bytes), pointer_(const_cast<char*>(bytes.data())), size_(bytes.size()) {
  guard(0);
  fitsfile* file = nullptr;
  {
    const auto lock = cfitsio_table_lock();
    fits_open_memfile(&file, "tile", READONLY, &pointer_, &size_, 0, nullptr, &status_);
  }
  file_ = CfitsioFile(file);
  check("the primary header");
}

void TileReader::open_image(int hdu, const std::string& name, int bitpix) {
  int type = 0, found_bitpix = 0, naxis = 0;
  fits_movabs_hdu(file_.get(), hdu, &type, &status_);
  const std::string what = name.empty() ? "the picture" : name;
  check(what);
  LONGLONG header = 0, data = 0, end = 0;
  fits_get_hduaddrll(file_.get(), &header, &data, &end, &status_);
  end_ = end;
  if (end < static_cast<LONGLONG>(bytes_.size())) guard(end);
  if (type != IMAGE_HDU || (hdu > 1 && text("EXTNAME") != name))
    refuse_tile_file("HDU " + std::to_string(hdu) + " is not the image " + name);
  axes_ = {};
  fits_get_img_paramll(file_.get(), 3, &found_bitpix, &naxis, axes_.data(), &status_);
  check(what);
  if (header < 0 || data < header || end < data || end > static_cast<LONGLONG>(bytes_.size()))
    refuse_tile_file(what + " goes on behind the end");
  naxis_ = naxis;
  data_ = bytes_.substr(static_cast<std::size_t>(data), static_cast<std::size_t>(end - data));
  check_sums(what, bytes_.substr(static_cast<std::size_t>(header), static_cast<std::size_t>(data - header)));
  if (found_bitpix != bitpix) refuse_tile_file("BITPIX of " + what + " is " + std::to_string(found_bitpix));
  if (naxis < 2 || naxis > 3) refuse_tile_file(what + " has " + std::to_string(naxis) + " axes");
  samples_ = 1;
  const LONGLONG most = static_cast<LONGLONG>(data_.size()) / (std::abs(bitpix) / 8);
  for (int i = 0; i < naxis; ++i) {
    if (axis(i) < 1 || axis(i) > most || samples_ > most / axis(i))
      refuse_tile_file("axes of " + what + " do not fit the file");
    samples_ *= axis(i);
  }
  // A picture that is scaled, packed or behind other data is none of ours.
  for (const char* key : {"BSCALE", "BZERO", "BLANK", "ZIMAGE", "GROUPS"})
    if (has(key)) refuse_tile_file(what + " has " + key);
  if (has("PCOUNT") && whole_number("PCOUNT") != 0) refuse_tile_file(what + " has a PCOUNT");
}

void TileReader::require_end() const {
  if (end_ != static_cast<LONGLONG>(bytes_.size()))
    refuse_tile_file("its last HDU ends at byte " + std::to_string(end_) + " of " +
                     std::to_string(bytes_.size()));
}

Image TileReader::planes() const {
  Image image;
  const auto* words = reinterpret_cast<const unsigned char*>(data_.data());
  for (LONGLONG first = 0; first < samples_; first += axis(0) * axis(1)) {
    Plane<float>& plane = image.emplace_back(static_cast<int>(axis(0)), static_cast<int>(axis(1)));
    decode_floats(words + first * static_cast<LONGLONG>(sizeof(float)), plane.size(), plane.data());
  }
  return image;
}

std::vector<double> TileReader::doubles(const std::string& name) {
  std::vector<double> values(static_cast<std::size_t>(samples_));
  fits_read_img(file_.get(), TDOUBLE, 1, samples_, nullptr, values.data(), nullptr, &status_);
  check(name);
  return values;
}

double TileReader::number(const std::string& key) {
  double value = 0;
  if (!parse_header_number(raw_keyword(file_.get(), key.c_str()), &value) || !std::isfinite(value))
    refuse_tile_file("card " + key + " is missing or no number");
  return value;
}

int TileReader::whole_number(const std::string& key) {
  const double value = number(key);
  if (value != std::floor(value) || value < 0 || value > 2147483647)
    refuse_tile_file("card " + key + " is no whole number");
  return static_cast<int>(value);
}

void TileReader::guard(LONGLONG offset) const {
  const auto copy = [this](char* out, std::size_t size, std::int64_t at) {
    return at < 0 || static_cast<std::size_t>(at) >= bytes_.size()
               ? 0
               : bytes_.copy(out, size, static_cast<std::size_t>(at));
  };
  const std::string wrong = unsafe_header(copy, offset);
  if (!wrong.empty()) refuse_tile_file(wrong);
}

// DATASUM and CHECKSUM of the HDU that was opened last.
void TileReader::check_sums(const std::string& name, std::string_view header) {
  const std::uint32_t sum = fits_checksum(data_);
  const std::string said = text("DATASUM");
  if (!has("CHECKSUM") || said.empty() || std::strtoull(said.c_str(), nullptr, 10) != sum ||
      fits_checksum(header, sum) != 0xffffffff)
    refuse_tile_file("checksum of " + name + " does not hold");
}

void TileReader::check(const std::string& what) const {
  if (status_ != 0) refuse_tile_file(what + " cannot be read: " + cfitsio_error_text(status_));
}

}  // namespace tilecompile

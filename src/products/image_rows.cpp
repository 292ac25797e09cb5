#include "tilecompile/products/image_rows.hpp"

#include <algorithm>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/image/encode_samples.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kPieceSamples = std::size_t{1} << 16;  // that are in memory as words at a time

}  // namespace

ImageRows::ImageRows(const std::filesystem::path& path, ImageSamples samples, int width, int height,
                     int channels, ProductHeader header)
    : what_(path.string()),
      samples_(samples),
      width_(width),
      height_(height),
      header_(std::move(header)),
      next_row_(static_cast<std::size_t>(channels)),
      file_(path) {
  header_bytes_ = this->header(0).size();  // sums have a fixed place
}

std::string ImageRows::header(std::uint32_t data_sum) const {
  std::vector<long> axes = {width_, height_};
  if (next_row_.size() > 1) axes.push_back(static_cast<long>(next_row_.size()));
  return image_header(what_, samples_, axes, header_, data_sum);
}

std::uint64_t ImageRows::data_bytes() const {
  return std::uint64_t{sizeof(float)} * static_cast<std::uint64_t>(width_) *
         static_cast<std::uint64_t>(height_) * next_row_.size();
}

template <class T>
void ImageRows::add_rows(int channel, const Plane<T>& rows) {
  int& next = next_row_.at(static_cast<std::size_t>(channel));
  if (rows.width() != width_ || next + rows.height() > height_)
    throw ContractError("rows that do not fit the picture " + what_);
  const std::uint64_t first = static_cast<std::uint64_t>(channel) * static_cast<std::uint64_t>(height_) +
                              static_cast<std::uint64_t>(next);
  const std::uint64_t at = header_bytes_ + first * static_cast<std::uint64_t>(width_) * sizeof(T);
  std::vector<unsigned char> words(std::min(kPieceSamples, rows.size()) * sizeof(T));
  for (std::size_t i = 0; i < rows.size(); i += kPieceSamples) {
    const std::size_t n = std::min(kPieceSamples, rows.size() - i);
    sum_ = ones_complement(std::uint64_t{sum_} + encode_samples(rows.data() + i, n, words.data()));
    file_.write_at(at + i * sizeof(T), {reinterpret_cast<const char*>(words.data()), n * sizeof(T)});
  }
  next += rows.height();
}

void ImageRows::add(int channel, const Plane<float>& rows) { add_rows(channel, rows); }
void ImageRows::add(int channel, const Plane<std::int32_t>& rows) { add_rows(channel, rows); }

std::string ImageRows::digest() const {
  Sha256 hash;
  std::vector<char> piece(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < data_bytes(); at += piece.size()) {
    const std::size_t size = std::min<std::uint64_t>(piece.size(), data_bytes() - at);
    file_.read_at(header_bytes_ + at, piece.data(), size);
    hash.update(piece.data(), size);
  }
  return hash.hex();
}

void ImageRows::finish() {
  for (const int rows : next_row_)
    if (rows != height_) throw ContractError("rows are missing in the picture " + what_);
  const std::uint64_t data = data_bytes();
  file_.write_at(header_bytes_ + data, std::string((kFitsBlock - data % kFitsBlock) % kFitsBlock, '\0'));
  file_.write_at(0, header(sum_));
  file_.keep();
}

}  // namespace tilecompile

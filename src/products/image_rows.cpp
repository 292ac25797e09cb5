#include "tilecompile/products/image_rows.hpp"

#include <algorithm>
#include <bit>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

constexpr std::uint32_t kNanBits = 0x7fc00000;

std::uint32_t file_word(std::uint32_t bits) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(bits) : bits;
}

// Ones' complement: what overflows is added again.
std::uint32_t folded(std::uint64_t sum) {
  while ((sum >> 32) != 0) sum = (sum & 0xffffffff) + (sum >> 32);
  return static_cast<std::uint32_t>(sum);
}

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

void ImageRows::write_words(int channel, int rows, int width) {
  int& next = next_row_.at(static_cast<std::size_t>(channel));
  if (width != width_ || next + rows > height_)
    throw ContractError("rows that do not fit the picture " + what_);
  std::uint64_t sum = 0;
  for (std::uint32_t& word : words_) {
    sum += word;
    word = file_word(word);
  }
  sum_ = folded(sum_ + folded(sum));
  const std::uint64_t row = static_cast<std::uint64_t>(channel) * static_cast<std::uint64_t>(height_) +
                            static_cast<std::uint64_t>(next);
  file_.write_at(header_bytes_ + row * static_cast<std::uint64_t>(width_) * sizeof(float),
                 {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof words_[0]});
  next += rows;
}

void ImageRows::add(int channel, const Plane<float>& rows) {
  words_.resize(rows.size());
  std::transform(rows.samples().begin(), rows.samples().end(), words_.begin(),
                 [](float v) { return v == v ? std::bit_cast<std::uint32_t>(v) : kNanBits; });
  write_words(channel, rows.height(), rows.width());
}

void ImageRows::add(int channel, const Plane<std::int32_t>& rows) {
  words_.resize(rows.size());
  std::transform(rows.samples().begin(), rows.samples().end(), words_.begin(),
                 [](std::int32_t v) { return std::bit_cast<std::uint32_t>(v); });
  write_words(channel, rows.height(), rows.width());
}

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
  file_.write_at(0, header(static_cast<std::uint32_t>(sum_)));
  file_.keep();
}

}  // namespace tilecompile

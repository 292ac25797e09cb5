#include "tilecompile/night/open_frame.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// A block of the output whose source is read at once: turned by 45 degrees a long one would need a square as
// wide as it is long.
constexpr int kBlockRows = 256, kLeastBlockColumns = 64, kMostBlockColumns = 512;

void copy_block(const Plane<float>& block, const Box& from, const Box& box, float* out) {
  for (int y = 0; y < from.h; ++y)
    std::copy_n(block.row(y), from.w,
                out + static_cast<std::ptrdiff_t>(from.y0 - box.y0 + y) * box.w + (from.x0 - box.x0));
}

}  // namespace

OpenFrame::OpenFrame(FrameReader stored) : reader_(std::move(stored)), facts_(reader_.facts()) {}

OpenFrame::OpenFrame(FrameReader raw, std::shared_ptr<const RawNight> night, const RegisteredFrame& frame)
    : reader_(std::move(raw)),
      facts_(facts_as_read(reader_.facts(), night->registration)),
      night_(std::move(night)),
      frame_(&frame) {
  if (reader_.facts().width != frame.width || reader_.facts().height != frame.height)
    throw InputError("frame " + frame.path +
                     " has another size than when it was registered; start a new run");
  const std::string& letters = night_->registration.cfa_pattern;
  if (!letters.empty()) pattern_ = cfa_pattern(letters);
}

void OpenFrame::read_rows(int channel, int y0, int rows, float* out) {
  if (!night_) return reader_.read_rows(channel, y0, rows, out);
  std::vector<float*> wanted(static_cast<std::size_t>(facts_.channels));
  wanted.at(static_cast<std::size_t>(channel)) = out;
  read_box({0, y0, facts_.width, rows}, wanted);
}

void OpenFrame::read_box(const Box& box, const std::vector<float*>& out) {
  if (!night_) {
    for (std::size_t c = 0; c < out.size(); ++c)
      if (out[c] != nullptr) reader_.read_box(static_cast<int>(c), box, out[c]);
    return;
  }
  for_blocks(box, [&](const Box& block) { resample_block(block, box, out); });
}

void OpenFrame::drizzle_box(const Box& box, const std::vector<DrizzledChannel>& out) {
  for_blocks(box, [&](const Box& block) { drizzle_block(block, box, out); });
}

template <class Make>
void OpenFrame::for_blocks(const Box& box, const Make& make) const {
  const int columns = std::clamp(2 * box.h, kLeastBlockColumns, kMostBlockColumns);
  for (int y0 = box.y0; y0 < box.y1(); y0 += kBlockRows)
    for (int x0 = box.x0; x0 < box.x1(); x0 += columns)
      make(Box{x0, y0, std::min(columns, box.x1() - x0), std::min(kBlockRows, box.y1() - y0)});
}

Box OpenFrame::source_of(const Box& block) const {
  return source_box(frame_->transform, night_->registration.grid, block, frame_->width, frame_->height);
}

void OpenFrame::drizzle_block(const Box& block, const Box& box, const std::vector<DrizzledChannel>& out) {
  const Box from = source_of(block);
  Plane<float> samples(from.w, from.h);
  if (from.w > 0 && from.h > 0) samples = calibrated_box(reader_, night_->masters_of(*frame_), from);
  std::vector<Plane<float>> light(out.size(), Plane<float>(block.w, block.h)), shares = light;
  std::vector<DrizzledChannel> channels;
  for (std::size_t c = 0; c < out.size(); ++c) channels.push_back({light[c].data(), shares[c].data()});
  const FramePart part{samples.view(), from, from.w > 0 && from.h > 0 ? frame_->width : 0, frame_->height};
  drizzle(frame_->transform, night_->registration.grid, block, part, pattern_, night_->registration.drop_px,
          channels);
  for (std::size_t c = 0; c < out.size(); ++c) {
    copy_block(light[c], block, box, out[c].samples);
    copy_block(shares[c], block, box, out[c].shares);
  }
}

void OpenFrame::resample_block(const Box& block, const Box& box, const std::vector<float*>& out) {
  const OutputGrid& grid = night_->registration.grid;
  const int width = frame_->width, height = frame_->height;
  const Box from = source_of(block);
  Plane<float> result(block.w, block.h, std::numeric_limits<float>::quiet_NaN());
  if (from.w == 0 || from.h == 0) {
    for (float* plane : out)
      if (plane != nullptr) copy_block(result, block, box, plane);
    return;
  }
  const Box read = pattern_ ? with_neighbours(from, width, height) : from;
  Plane<float> samples = calibrated_box(reader_, night_->masters_of(*frame_), read);
  Plane<float> colour(pattern_ ? from.w : 0, pattern_ ? from.h : 0);
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (out[c] == nullptr) continue;
    if (pattern_)
      interpolate_colour(*pattern_, static_cast<int>(c), samples.view(), read, from, colour.data());
    const FramePart part{pattern_ ? colour.view() : samples.view(), from, width, height};
    resample(frame_->transform, grid, block, part, result.data());
    copy_block(result, block, box, out[c]);
  }
}

void OpenFrame::read_all(Image& image) {
  image.resize(static_cast<std::size_t>(facts_.channels));
  std::vector<float*> planes;
  for (Plane<float>& plane : image) {
    if (plane.width() != facts_.width || plane.height() != facts_.height)
      plane = Plane<float>(facts_.width, facts_.height);
    planes.push_back(plane.data());
  }
  read_box({0, 0, facts_.width, facts_.height}, planes);
}

Image OpenFrame::read_all() {
  Image image;
  read_all(image);
  return image;
}

}  // namespace tilecompile

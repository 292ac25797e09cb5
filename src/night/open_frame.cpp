#include "tilecompile/night/open_frame.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// Blocks of the output whose source is read at once. As wide as may be, so that few rows are read twice; but
// turned by 45 degrees a long one would need a square as wide as it is long.
struct BlockShape {
  int columns, rows;
};
constexpr BlockShape kBlocks[] = {{4096, 64}, {1024, 128}, {256, 256}};
constexpr std::size_t kMostSource = 2;  // pixels that are read for a pixel that is made

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
  if (!night_ && !kept_) return reader_.read_rows(channel, y0, rows, out);
  std::vector<float*> wanted(static_cast<std::size_t>(facts_.channels));
  wanted.at(static_cast<std::size_t>(channel)) = out;
  read_box({0, y0, facts_.width, rows}, wanted);
}

void OpenFrame::keep_in(std::shared_ptr<KeptFrames> kept, std::string name) {
  kept_ = std::move(kept);
  name_ = std::move(name);
}

bool OpenFrame::copy_kept(const Box& box, const std::vector<float*>& out) const {
  const std::shared_ptr<const KeptFrame> frame = kept_ ? kept_->find(name_) : nullptr;
  if (!frame) return false;
  for (std::size_t c = 0; c < out.size(); ++c)
    if (out[c] != nullptr) frame->copy_box(c, box, out[c]);
  return true;
}

// All of a packed frame has to be unpacked for any part of it.
bool OpenFrame::keeps_now(const Box& box) const {
  const Box whole{0, 0, facts_.width, facts_.height};
  return kept_ && !(box == whole) &&
         kept_->may_take(whole.area() * static_cast<std::size_t>(facts_.channels));
}

void OpenFrame::read_box(const Box& box, const std::vector<float*>& out) {
  if (copy_kept(box, out)) return;
  if (night_)
    return for_blocks(box, [&](const Box& block, const Box& from) { resample_block(block, from, box, out); });
  if (keeps_now(box)) {
    read_all();
    if (copy_kept(box, out)) return;
  }
  for (std::size_t c = 0; c < out.size(); ++c)
    if (out[c] != nullptr) reader_.read_box(static_cast<int>(c), box, out[c]);
}

std::optional<PackedSamples> OpenFrame::read_codes(int channel, const Box& box, std::uint16_t* out) {
  if (night_ || kept_) return std::nullopt;
  return reader_.read_codes(channel, box, out);
}

void OpenFrame::drizzle_box(const Box& box, const std::vector<DrizzledChannel>& out) {
  for_blocks(box, [&](const Box& block, const Box& from) { drizzle_block(block, from, box, out); });
}

template <class Make>
void OpenFrame::for_blocks(const Box& box, const Make& make, std::size_t shape) const {
  const auto [columns, rows] = kBlocks[shape];
  for (int y0 = box.y0; y0 < box.y1(); y0 += rows)
    for (int x0 = box.x0; x0 < box.x1(); x0 += columns) {
      const Box block{x0, y0, std::min(columns, box.x1() - x0), std::min(rows, box.y1() - y0)};
      const Box from = source_of(block);
      if (from.area() > kMostSource * block.area() && shape + 1 < std::size(kBlocks))
        for_blocks(block, make, shape + 1);
      else
        make(block, from);
    }
}

Box OpenFrame::source_of(const Box& block) const {
  return source_box(frame_->transform, night_->registration.grid, block, frame_->width, frame_->height);
}

void OpenFrame::drizzle_block(const Box& block, const Box& from, const Box& box,
                              const std::vector<DrizzledChannel>& out) {
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

void OpenFrame::resample_block(const Box& block, const Box& from, const Box& box,
                               const std::vector<float*>& out) {
  const int width = frame_->width, height = frame_->height;
  std::vector<ResampledPlane> results;
  std::vector<int> colours;
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (out[c] == nullptr) continue;
    results.push_back(
        {out[c] + static_cast<std::ptrdiff_t>(block.y0 - box.y0) * box.w + (block.x0 - box.x0), box.w});
    colours.push_back(static_cast<int>(c));
  }
  if (from.w == 0 || from.h == 0) {
    for (const ResampledPlane& plane : results)
      for (int y = 0; y < block.h; ++y)
        std::fill_n(plane.samples + y * plane.stride, block.w, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  const Box read = pattern_ ? with_neighbours(from, width, height) : from;
  const Plane<float> samples = calibrated_box(reader_, night_->masters_of(*frame_), read);
  std::vector<Plane<float>> planes;
  for (const int colour : colours) {
    if (!pattern_) continue;
    planes.emplace_back(from.w, from.h);
    interpolate_colour(*pattern_, colour, samples.view(), read, from, planes.back().data());
  }
  std::vector<FramePart> parts;
  for (std::size_t i = 0; i < results.size(); ++i)
    parts.push_back({pattern_ ? planes[i].view() : samples.view(), from, width, height});
  resample(frame_->transform, night_->registration.grid, block, parts, results);
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
  if (kept_) kept_->offer(name_, image);
}

Image OpenFrame::read_all() {
  Image image;
  read_all(image);
  return image;
}

}  // namespace tilecompile

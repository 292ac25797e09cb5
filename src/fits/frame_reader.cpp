#include "tilecompile/fits/frame_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <type_traits>

#include "compressed_image.hpp"
#include "frame_layout.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/zero_borders.hpp"

namespace tilecompile {
namespace {

/// Bytes read and decoded at a time: stays in the second-level cache.
constexpr std::int64_t kChunkBytes = std::int64_t{1} << 18;
/// What lies between two rows of a box is read with them up to so many bytes: another call takes longer.
constexpr std::int64_t kShortGapBytes = 2048;
/// Samples per call for files that go through cfitsio.
constexpr std::int64_t kChunkSamples = std::int64_t{1} << 20;

}  // namespace

struct FrameHead {
  FrameLayout layout;
  FrameFacts facts;
  bool plain = false;                             ///< samples lie in the file as they are
  mutable std::atomic<bool> data_checked{false};  ///< packed bytes were found sound
};

struct FrameReader::State {
  std::filesystem::path path;
  ZeroIsNodata zeros = ZeroIsNodata::kAuto;
  OpenedFrame open;  ///< of packed files, not before something is read
  std::shared_ptr<const FrameHead> head;
  std::unique_ptr<FrameGuard> guard;  ///< may be empty
  std::shared_ptr<const void> held;
  std::vector<unsigned char> raw;
  std::vector<double> codes;
  std::vector<float> uncut;  ///< rows of which a box is cut
  std::vector<std::uint16_t> uncut_codes;
  bool zero_read = false;  ///< one of the samples read since this was reset is zero, which may be a border
  FoundCodes codes_found;  ///< the same of codes

  const FrameLayout& layout() const { return head->layout; }
  bool plain() const { return head->plain; }
  void read_head();
  void open_again();
  void leave_to_library();
  void read_bytes(std::int64_t offset, std::size_t wanted);
  template <class Sample>
  void read_plain(std::int64_t first, std::int64_t n, Sample* out);
  void decode(const unsigned char* bytes, std::int64_t n, float* out);
  void decode(const unsigned char* bytes, std::int64_t n, std::uint16_t* out);
  void read_by_library(std::int64_t first, std::int64_t n, float* out);
  void note_zeros(const float* samples, std::int64_t n) {
    zero_read = zero_read || (zeros == ZeroIsNodata::kAuto && has_zero(samples, static_cast<std::size_t>(n)));
  }
  template <class Sample>
  void decode_box(int channel, const Box& box, Sample* out);
  template <class Sample>
  void drop_border_zeros(int channel, const Box& box, Sample* out);
  Box box_to_read(int channel, const Box& box) const;
};

FrameReader::FrameReader(const std::filesystem::path& path, ZeroIsNodata zeros,
                         std::unique_ptr<FrameGuard> guard, std::shared_ptr<const FrameHead> head)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  s.zeros = zeros;
  s.guard = std::move(guard);
  if (!head) {
    s.read_head();
    return;
  }
  s.head = std::move(head);
  if (!s.plain()) return;
  s.open.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (s.open.fd < 0) throw_frame_errno(path, errno);
}

void FrameReader::State::read_head() {
  if (guard) guard->look(0, 1);  // before anything makes sense of the header
  open = open_frame(path);
  auto found = std::make_shared<FrameHead>();
  found->layout = find_frame_layout(open, path);
  found->facts = read_frame_facts(open.file.get(), found->layout);
  found->facts.sky_place = read_sky_place(open.file.get(), found->layout);
  found->facts.images = names_of_images(open, path, found->layout);
  found->plain = !open.unpacked && !found->layout.tile_compressed;
  head = std::move(found);
  if (!plain()) return leave_to_library();
  if (guard) guard->look(0, layout().data_start);
  open.file.close();  // frees 110 KiB of buffers and a descriptor a frame
}

void FrameReader::State::open_again() {
  if (guard) guard->look(0, std::numeric_limits<std::int64_t>::max());
  OpenedFrame again = open_frame(path);
  int status = 0;
  fits_movabs_hdu(again.file.get(), layout().hdu, nullptr, &status);
  if (status != 0) refuse_frame(path, cfitsio_error_text(status), "the file is damaged: copy it again");
  open = std::move(again);
  leave_to_library();
}

// It reads all bytes of a packed file when it likes to, so all are looked at before.
void FrameReader::State::leave_to_library() {
  if (guard) guard->look(0, std::numeric_limits<std::int64_t>::max());
  guard.reset();
  open.close_descriptor();
  int status = 0;
  fits_set_bscale(open.file.get(), 1.0, 0.0, &status);
  if (status != 0) refuse_frame(path, cfitsio_error_text(status), "the file is damaged: copy it again");
}

FrameReader::~FrameReader() = default;
FrameReader::FrameReader(FrameReader&&) noexcept = default;

const FrameFacts& FrameReader::facts() const { return state_->head->facts; }

bool FrameReader::is_packed() const { return !state_->plain(); }

void FrameReader::hold(std::shared_ptr<const void> what) { state_->held = std::move(what); }

std::shared_ptr<const FrameHead> FrameReader::head() const { return state_->head; }

std::size_t FrameReader::held_bytes() const {
  return state_->open.unpacked ? state_->open.unpacked->bytes.size() : 0;
}

// Into `raw`.
void FrameReader::State::read_bytes(std::int64_t offset, std::size_t wanted) {
  raw.resize(std::max(raw.size(), wanted));
  if (guard) return guard->read(open.fd, offset, {raw.data(), wanted});
  std::size_t have = 0;
  while (have < wanted) {
    const off_t at = static_cast<off_t>(offset) + static_cast<off_t>(have);
    const ssize_t got = ::pread(open.fd, raw.data() + have, wanted - have, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_frame_errno(path, errno);
    if (got == 0)
      throw TransientError("frame " + path.string() + " became shorter while it was read at byte " +
                           std::to_string(at) + "; let no one write to the frames during a run");
    have += static_cast<std::size_t>(got);
  }
}

void FrameReader::State::decode(const unsigned char* bytes, std::int64_t n, float* out) {
  decode_samples(bytes, static_cast<std::size_t>(n), layout().bitpix, layout().scaling,
                 zeros == ZeroIsNodata::kAlways, out);
  note_zeros(out, n);
}

void FrameReader::State::decode(const unsigned char* bytes, std::int64_t n, std::uint16_t* out) {
  const FoundCodes here = decode_to_codes(bytes, static_cast<std::size_t>(n), layout().scaling, out);
  codes_found = {codes_found.zero || here.zero, codes_found.last || here.last,
                 codes_found.negative || here.negative};
}

template <class Sample>
void FrameReader::State::read_plain(std::int64_t first, std::int64_t n, Sample* out) {
  const FrameLayout& l = layout();
  const std::int64_t sample_bytes = std::abs(l.bitpix) / 8;
  const std::int64_t step = std::max(kChunkBytes, guard ? guard->step() : 0);
  while (n > 0) {
    const std::int64_t offset = l.data_start + first * sample_bytes;
    // Ends where the guard's blocks end; both are multiples of a sample from data_start on.
    const std::int64_t now = std::min(n, ((offset / step + 1) * step - offset) / sample_bytes);
    read_bytes(offset, static_cast<std::size_t>(now * sample_bytes));
    decode(raw.data(), now, out);
    first += now;
    out += now;
    n -= now;
  }
}

void FrameReader::State::read_by_library(std::int64_t first, std::int64_t n, float* out) {
  if (!open.file) open_again();
  if (layout().tile_compressed && !head->data_checked) {
    // Here and not in the constructor: opening for the facts alone stays cheap. Once a file and process.
    check_compressed_data(open.file.get(), path, layout().naxis,
                          {layout().width, layout().height, layout().channels});
    head->data_checked = true;
  }
  // Codes come as doubles, which hold every code of 32 bits and every float exactly, and are scaled here: the
  // library's own scaling may be fused to one rounding on some processors. A null value of 0 means "do not
  // look for missing codes", which for floats leaves denormals alone; NaN asks for them.
  const bool look_for_nulls = layout().tile_compressed || layout().scaling.has_blank;
  double null_value = look_for_nulls ? std::numeric_limits<double>::quiet_NaN() : 0;
  // Whole rows, so that a band never splits a row of compression tiles needlessly.
  const std::int64_t at_once = std::max<std::int64_t>(1, kChunkSamples / layout().width) * layout().width;
  codes.resize(static_cast<std::size_t>(std::min(n, at_once)));
  while (n > 0) {
    const std::int64_t now = std::min(n, at_once);
    int status = 0, any_null = 0;
    errno = 0;
    fits_read_img(open.file.get(), TDOUBLE, first + 1, now, &null_value, codes.data(), &any_null, &status);
    if (status != 0) {
      const int error = errno;
      const std::string text = cfitsio_error_text(status);
      if (error == EIO || error == ESTALE) throw_frame_errno(path, error);
      refuse_frame(path, "its pixels cannot be read: " + text, "the file is damaged: copy it again");
    }
    decode_codes(codes.data(), static_cast<std::size_t>(now), layout().scaling,
                 zeros == ZeroIsNodata::kAlways, out);
    note_zeros(out, now);
    first += now;
    out += now;
    n -= now;
  }
}

// Parts of rows of plain files alone.
template <class Sample>
void FrameReader::State::decode_box(int channel, const Box& box, Sample* out) {
  const std::int64_t width = layout().width;
  const std::int64_t first = (std::int64_t{channel} * layout().height + box.y0) * width + box.x0;
  if constexpr (std::is_same_v<Sample, float>)
    if (!plain()) return read_by_library(first, box.h * width, out);
  if (box.w == width) return read_plain(first, box.h * width, out);
  const std::int64_t sample_bytes = std::abs(layout().bitpix) / 8, row_bytes = width * sample_bytes;
  const bool read_gaps = !guard && row_bytes - box.w * sample_bytes <= kShortGapBytes;
  const int at_once = read_gaps ? static_cast<int>(std::max<std::int64_t>(1, kChunkBytes / row_bytes)) : 1;
  for (int y = 0; y < box.h; y += at_once) {
    Sample* const to = out + std::ptrdiff_t{y} * box.w;
    if (at_once == 1) {
      read_plain(first + y * width, box.w, to);
      continue;
    }
    const int rows = std::min(at_once, box.h - y);
    read_bytes(layout().data_start + (first + y * width) * sample_bytes,
               static_cast<std::size_t>((rows - 1) * row_bytes + box.w * sample_bytes));
    for (int r = 0; r < rows; ++r) decode(raw.data() + r * row_bytes, box.w, to + std::ptrdiff_t{r} * box.w);
  }
}

// Most rows tell by themselves which of their zeros are borders; the others are read with their neighbours.
template <class Sample>
void FrameReader::State::drop_border_zeros(int channel, const Box& box, Sample* out) {
  const int height = layout().height;
  const RowsOf<Sample> own{out, box.w, box.h, box.y0 == 0, box.y1() == height};
  drop_zero_borders(own);
  const ZeroDoubt doubt = doubtful_zeros(own);
  if (!doubt.above && !doubt.below) return;
  const int above = doubt.above ? std::min(box.y0, kZeroWindowPx - 1) : 0;
  const int below = doubt.below ? std::min(height - box.y1(), kZeroWindowPx - 1) : 0;
  const Box wide{box.x0, box.y0 - above, box.w, above + box.h + below};
  std::vector<Sample> samples(wide.area());
  Sample* const middle = samples.data() + std::ptrdiff_t{above} * box.w;
  decode_box(channel, {box.x0, wide.y0, box.w, above}, samples.data());
  std::copy_n(out, box.area(), middle);
  decode_box(channel, {box.x0, box.y1(), box.w, below}, middle + box.area());
  drop_zero_borders(RowsOf<Sample>{samples.data(), box.w, wide.h, wide.y0 == 0, wide.y1() == height});
  std::copy_n(middle, box.area(), out);
}

void FrameReader::read_rows(int channel, int y0, int rows, float* out) {
  read_box(channel, {0, y0, state_->layout().width, rows}, out);
}

// Whether a zero is a border, columns so near tell. Most of a row is read sooner with the rest.
Box FrameReader::State::box_to_read(int channel, const Box& box) const {
  const FrameLayout& l = layout();
  if (channel < 0 || channel >= l.channels || !Box{0, 0, l.width, l.height}.contains(box) || box.w < 0 ||
      box.h < 0)
    throw ContractError("a box of " + std::to_string(box.w) + " x " + std::to_string(box.h) + " px at (" +
                        std::to_string(box.x0) + ", " + std::to_string(box.y0) + ") of channel " +
                        std::to_string(channel) + " does not lie in frame " + path.string());
  Box read{0, box.y0, l.width, box.h};
  if (plain() && 2 * box.w <= l.width) {
    const int margin = zeros == ZeroIsNodata::kAuto ? kZeroWindowPx - 1 : 0;
    read.x0 = std::max(0, box.x0 - margin);
    read.w = std::min(l.width, box.x1() + margin) - read.x0;
  }
  return read;
}

namespace {

template <class Sample>
void cut_box(const Sample* samples, const Box& read, const Box& box, Sample* out) {
  for (int y = 0; y < box.h; ++y)
    std::copy_n(samples + std::ptrdiff_t{y} * read.w + (box.x0 - read.x0), box.w,
                out + std::ptrdiff_t{y} * box.w);
}

}  // namespace

void FrameReader::read_box(int channel, const Box& box, float* out) {
  State& s = *state_;
  const Box read = s.box_to_read(channel, box);
  const bool cut = read.w != box.w;
  if (cut) s.uncut.resize(read.area());
  float* const samples = cut ? s.uncut.data() : out;
  s.zero_read = false;
  s.decode_box(channel, read, samples);
  if (s.zero_read) s.drop_border_zeros(channel, read, samples);
  if (cut) cut_box(samples, read, box, out);
}

std::optional<PackedSamples> FrameReader::read_codes(int channel, const Box& box, std::uint16_t* out) {
  State& s = *state_;
  const FrameLayout& l = s.layout();
  if (!s.plain() || s.zeros == ZeroIsNodata::kAlways || !are_codes(l.bitpix, l.scaling)) return std::nullopt;
  const Box read = s.box_to_read(channel, box);
  const bool cut = read.w != box.w;
  if (cut) s.uncut_codes.resize(read.area());
  std::uint16_t* const codes = cut ? s.uncut_codes.data() : out;
  s.codes_found = {};
  s.decode_box(channel, read, codes);
  const bool borders = s.codes_found.zero && s.zeros == ZeroIsNodata::kAuto;
  if (borders && !s.codes_found.last) s.drop_border_zeros(channel, read, codes);
  if (s.codes_found.negative || (borders && s.codes_found.last)) return std::nullopt;
  if (cut) cut_box(codes, read, box, out);
  return PackedSamples{true, borders && std::find(out, out + box.area(), kNoSample) != out + box.area(),
                       s.codes_found.last};
}

void FrameReader::read_all(Image& image) {
  const FrameLayout& l = state_->layout();
  image.resize(static_cast<std::size_t>(l.channels));
  for (int c = 0; c < l.channels; ++c) {
    Plane<float>& plane = image[static_cast<std::size_t>(c)];
    if (plane.width() != l.width || plane.height() != l.height) plane = Plane<float>(l.width, l.height);
    read_rows(c, 0, l.height, plane.data());
  }
}

Image FrameReader::read_all() {
  Image image;
  read_all(image);
  return image;
}

}  // namespace tilecompile

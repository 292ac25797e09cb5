#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/fits/frame_guard.hpp"
#include "tilecompile/header/frame_facts.hpp"
#include "tilecompile/header/frame_params.hpp"
#include "tilecompile/image/packed_samples.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What the header of a frame says, and where in the file its samples lie.
struct FrameHead;

/// An open frame: the first image HDU of a FITS file with NAXIS 2, or 3 with NAXIS3 = 1 or 3; plain,
/// tile-compressed (.fz) or gzipped; or the mosaic of a camera's raw file, which is unpacked into memory. Not
/// for use by two threads at once.
class FrameReader {
 public:
  /// Opens and checks sizes against the file before anything is allocated.
  /// Throws InputError naming the file, what is wrong and the remedy; TransientError when the file cannot be
  /// opened because of the operating system (missing mount, too many open files, I/O error).
  /// `guard`, where there is one, looks at the bytes of the file before they are believed. `head` is that of
  /// the same file, opened before: its header is not read again.
  explicit FrameReader(const std::filesystem::path& path, ZeroIsNodata zeros = ZeroIsNodata::kAuto,
                       std::unique_ptr<FrameGuard> guard = {}, std::shared_ptr<const FrameHead> head = {});
  ~FrameReader();
  FrameReader(FrameReader&&) noexcept;

  const FrameFacts& facts() const;
  /// For opening the file again; a packed one is then not touched before something is read of it.
  std::shared_ptr<const FrameHead> head() const;
  /// Whether the file has to be unpacked: its samples do not lie in it as they are.
  bool is_packed() const;
  /// Keeps something alive as long as the file may be opened by its name: until the reader is gone.
  void hold(std::shared_ptr<const void> what);
  /// Bytes of memory that it keeps as long as it is open: those of a file that had to be unpacked.
  std::size_t held_bytes() const;
  /// Reads rows y0 .. y0+rows-1 of `channel`, full width, in physical units (BZERO + BSCALE * code), rounded
  /// once to float32. Invalid pixels (`methodology.md` 1: not finite, BLANK, zeros that hold no data) come as
  /// NaN, the same ones whatever rows are asked for. `out` holds rows * width samples.
  void read_rows(int channel, int y0, int rows, float* out);
  /// The same for a box of the image: row by row, box.w * box.h samples.
  void read_box(int channel, const Box& box, float* out);
  /// The same box as 16-bit codes, which are its samples, kNoSample where invalid; nothing where the file
  /// holds others, or kNoSample among them beside invalid ones: then read_box has to be asked.
  std::optional<PackedSamples> read_codes(int channel, const Box& box, std::uint16_t* out);
  /// The whole frame, a plane a channel.
  Image read_all();
  /// The same into `image`, whose memory is kept where the shape is the same.
  void read_all(Image& image);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// True for the names of files that FrameReader is made for: FITS (.fit .fits .fts, also with .fz or .gz) and
/// raw files of cameras.
bool names_a_frame(const std::string& name);

/// 80-character header records of the first image HDU that belong on a product made from it: WCS, observing
/// and instrument keys, ROWORDER, BAYERPAT; none that describe the data layout, scaling, checksums or
/// history.
std::vector<std::string> product_header_records(const std::filesystem::path& path);
/// Those of them that hold for all frames of one night: nothing of the single exposure (times, temperatures,
/// focus, file names, ...), nothing of the sensor's colour pattern.
std::vector<std::string> shared_header_records(const std::filesystem::path& path);
/// Leaves out the records that say where on the sky a pixel lies: WCS with its distortions.
void drop_sky_records(std::vector<std::string>& records);
/// Makes the records that say so those of a picture on another grid: the centre of its column X (from 0) lies
/// at x0 + (X + 1/2) step - 1/2 of the frame's, rows alike. Reference pixel, steps and SIP polynomials
/// follow.
void move_sky_records(std::vector<std::string>& records, double x0, double y0, double step);

}  // namespace tilecompile

#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/align/debayer.hpp"
#include "tilecompile/align/drizzle.hpp"
#include "tilecompile/night/kept_frames.hpp"
#include "tilecompile/night/raw_night.hpp"

namespace tilecompile {

/// A frame of the run as everybody reads it: a registered one as it is stored; a raw one calibrated and
/// resampled to the output's grid where it is read, so that no registered copy is ever written. The samples
/// do not depend on the boxes that are asked for. Not for use by two threads at once.
class OpenFrame {
 public:
  explicit OpenFrame(FrameReader stored);
  /// `frame` is one of `night`'s. Throws InputError when the file has another size.
  OpenFrame(FrameReader raw, std::shared_ptr<const RawNight> night, const RegisteredFrame& frame);
  /// Whole frames that are read are kept there under this name, and read from there again; of a stored frame
  /// the whole is read when any part of it is wanted.
  void keep_in(std::shared_ptr<KeptFrames> kept, std::string name);

  const FrameFacts& facts() const { return facts_; }
  /// As FrameReader::is_packed.
  bool is_packed() const { return reader_.is_packed(); }
  /// As FrameReader::held_bytes.
  std::size_t held_bytes() const { return reader_.held_bytes(); }
  /// Rows y0 .. y0+rows-1 of `channel`, full width; `out` holds rows * width samples. Invalid pixels are NaN.
  void read_rows(int channel, int y0, int rows, float* out);
  /// A box of all channels, each row by row into its place in `out`; a null pointer: this one is not wanted.
  void read_box(const Box& box, const std::vector<float*>& out);
  /// FrameReader::read_codes of a frame that is used as it lies there; nothing of others.
  std::optional<PackedSamples> read_codes(int channel, const Box& box, std::uint16_t* out);
  /// Whether drizzle_box is what goes into sums over frames.
  bool drizzles() const { return night_ && night_->registration.drizzles(); }
  /// The same box drizzled: samples, and what each counts for. Only where drizzles().
  void drizzle_box(const Box& box, const std::vector<DrizzledChannel>& out);
  /// The whole frame, a plane a channel, into an image whose planes are taken again where they fit.
  void read_all(Image& image);
  Image read_all();

 private:
  /// Calls `make(block, source)` for blocks of `box` whose source is read at once.
  template <class Make>
  void for_blocks(const Box& box, const Make& make, std::size_t shape = 0) const;
  Box source_of(const Box& block) const;
  bool copy_kept(const Box& box, const std::vector<float*>& out) const;
  bool keeps_now(const Box& box) const;
  void resample_block(const Box& block, const Box& from, const Box& box, const std::vector<float*>& out);
  void drizzle_block(const Box& block, const Box& from, const Box& box,
                     const std::vector<DrizzledChannel>& out);

  FrameReader reader_;
  FrameFacts facts_;
  std::shared_ptr<const RawNight> night_;  ///< none: a registered frame
  const RegisteredFrame* frame_ = nullptr;
  std::optional<CfaPattern> pattern_;
  std::shared_ptr<KeptFrames> kept_;
  std::string name_;
};

}  // namespace tilecompile

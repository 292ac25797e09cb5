#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"
#include "tilecompile/picture/preview.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// A picture of a run under way, for the eye: the plain mean of the frames, made smaller, over which the
/// tiles are laid as they come in. Tiles are not blended. All are drawn under the stretch of the plain mean.
class LivePicture {
 public:
  static constexpr int kLongSidePx = 1200;
  /// `plain_mean`: a plane a channel, in the units of the tiles.
  LivePicture(const Image& plain_mean, const Grid& grid);

  /// Where tile `tile_id` lies in the picture: rows downwards. Empty (w or h of 0) for a tile that is smaller
  /// than a pixel of the picture.
  Box place(int tile_id) const;
  /// Lays a tile over the picture, a plane a channel, and returns it as a PNG of the size of its place;
  /// nothing when that is empty. Throws ContractError for planes that are not those of the tile.
  std::optional<std::string> lay(int tile_id, const Image& pixels);
  /// Tiles laid so far, each once.
  const std::vector<int>& laid() const { return laid_; }
  /// The whole as a PNG: with the tiles laid so far, or the plain mean alone.
  std::string png() const { return pen_.png(picture_); }
  const std::string& plain_png() const { return plain_png_; }

 private:
  Box cells(const Box& box) const;

  std::vector<Box> tiles_;
  int width_, height_;  ///< of the image
  Image picture_;
  PreviewPen pen_;
  std::string plain_png_;
  std::vector<int> laid_;
};

}  // namespace tilecompile

#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/survey/pass_state.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// One channel of a band of rows over all frames. Empty planes were not asked for.
struct ChannelBand {
  Plane<float> mean;                 ///< of I'
  Plane<std::int32_t> coverage;      ///< frames per pixel
  std::vector<ValueRange> extremes;  ///< of I', by RowExtremes::kRows rows
  Plane<double> squares;             ///< of ScatterStack
};
using BandStack = std::vector<ChannelBand>;  ///< [channel]

/// What frame tasks are computed from.
struct PieceSource {
  const FrameSource& frames;
  const MethodConfig& method;
  const PassState& state;  ///< that the task names
  int threads = 1;         ///< of a band of a master or median
};

/// Rows of a band: a multiple of RowExtremes::kRows and of kLevelCellPx, so that there are at most some
/// fifty.
int band_rows(int image_height);
/// The items of a round: all frames, each with the whole image, or all bands of rows.
std::vector<Box> frame_items(TaskWork work, int width, int height, int frames);

/// Storage key of what the task makes of an item. It holds a digest of all that the piece depends on, so an
/// object of other frames, another configuration or an earlier pass is never in its place.
std::string frame_piece_key(const TileTask& task, int item);
/// The piece as an object: a line of JSON that says what it is, then its numbers (src/survey/archive.hpp).
/// Throws what reading the frames throws.
std::string make_frame_piece(const TileTask& task, const TaskTile& item, const PieceSource& source);

/// The inverse, for the piece that `task` asks of the item. Throws InputError when it is another one,
/// damaged, or not of the shape of the manifest's frames.
FileContent read_content(std::string_view object, const TileTask& task, int item, const Manifest& manifest);
FlatLook read_flat_look(std::string_view object, const TileTask& task, int item);
Plane<float> read_rows(std::string_view object, const TileTask& task, const TaskTile& item);
FrameStars read_stars(std::string_view object, const TileTask& task, int item, const Manifest& manifest);
FrameLook read_look(std::string_view object, const TileTask& task, int item, const Manifest& manifest);
StarLook read_star_look(std::string_view object, const TileTask& task, int item, const Manifest& manifest);
BandStack read_band(std::string_view object, const TileTask& task, const TaskTile& item,
                    const Manifest& manifest, bool with_mean);

}  // namespace tilecompile

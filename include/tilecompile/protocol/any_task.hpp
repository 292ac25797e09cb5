#pragma once
#include <string>
#include <string_view>

#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// UTF-8 JSON of a task of tiles (`encode_task`) or of frames: task_type `frame_batch`, whose items are
/// frames of the manifest or bands of rows (docs/protocol.md).
std::string encode_any_task(const TileTask& task);
/// Strict inverse. The box of a frame is empty, that of a band has its rows alone: their reader knows the
/// image. Throws InputError that says which field is wrong.
TileTask decode_any_task(std::string_view bytes);

}  // namespace tilecompile

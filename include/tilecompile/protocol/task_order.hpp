#pragma once
#include <cstddef>
#include <vector>

#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// The tasks of rows of tiles in the order in which they are sent to so many consumers, who take turns: every
/// one of them is meant to meet two neighbouring rows, so that it holds samples of the second one already.
std::vector<TileTask> in_strips(std::vector<TileTask> tasks, std::size_t consumers);

/// The same tasks with the last `threads` of them in pieces, which take turns: threads of one process, whose
/// bands are theirs together, then end at nearly the same time.
std::vector<TileTask> with_short_ends(std::vector<TileTask> tasks, std::size_t threads);

}  // namespace tilecompile

#include "tilecompile/protocol/task_order.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tilecompile/base/uuid.hpp"

namespace tilecompile {

std::vector<TileTask> in_strips(std::vector<TileTask> tasks, std::size_t consumers) {
  constexpr std::size_t kMostRows = 2;  // the more, the longer rows wait to be joined
  if (consumers < 2) return tasks;
  const std::size_t rows = std::clamp<std::size_t>(tasks.size() / consumers, 1, kMostRows);
  std::vector<TileTask> ordered;
  for (std::size_t first = 0; first < tasks.size(); first += rows * consumers)
    for (std::size_t row = first; row < first + rows; ++row)
      for (std::size_t i = row; i < std::min(tasks.size(), first + rows * consumers); i += rows)
        ordered.push_back(std::move(tasks[i]));
  return ordered;
}

std::vector<TileTask> with_short_ends(std::vector<TileTask> tasks, std::size_t threads) {
  constexpr std::size_t kPieces = 4;
  if (threads < 2 || tasks.size() < threads) return tasks;
  const std::size_t whole = tasks.size() - threads;
  std::vector<TileTask> pieces;
  for (std::size_t k = 0; k < kPieces; ++k)
    for (std::size_t i = whole; i < tasks.size(); ++i) {
      const std::vector<TaskTile>& tiles = tasks[i].tiles;
      const auto at = [&](std::size_t part) {
        return tiles.begin() + static_cast<std::ptrdiff_t>(tiles.size() * part / kPieces);
      };
      if (at(k) == at(k + 1)) continue;
      TileTask& piece = pieces.emplace_back(tasks[i]);
      piece.tiles.assign(at(k), at(k + 1));
      piece.correlation_id = new_uuid();
    }
  tasks.resize(whole);
  std::move(pieces.begin(), pieces.end(), std::back_inserter(tasks));
  return tasks;
}

}  // namespace tilecompile

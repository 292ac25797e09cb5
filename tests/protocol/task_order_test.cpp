#include "tilecompile/protocol/task_order.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tilecompile {
namespace {

// Rows of tiles, numbered through.
std::vector<TileTask> rows_of_tiles(int rows, int tiles) {
  std::vector<TileTask> tasks(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows * tiles; ++i) {
    TileTask& task = tasks[static_cast<std::size_t>(i / tiles)];
    task.correlation_id = std::to_string(i / tiles);
    task.tiles.emplace_back().tile_id = i;
  }
  return tasks;
}

std::vector<int> first_tiles(const std::vector<TileTask>& tasks) {
  std::vector<int> ids;
  for (const TileTask& task : tasks) ids.push_back(task.tiles.front().tile_id);
  return ids;
}

// Consumers take turns, so every `consumers`-th task is one consumer's.
TEST(TaskOrder, ConsumersWhoTakeTurnsMeetNeighbouringTasks) {
  const std::vector<TileTask> tasks = rows_of_tiles(31, 1);
  EXPECT_EQ(first_tiles(in_strips(tasks, 1)), first_tiles(tasks));
  for (const std::size_t consumers : {2u, 3u, 5u, 1000u}) {
    const std::vector<int> ordered = first_tiles(in_strips(tasks, consumers));
    std::size_t neighbours = 0, followed = 0;
    for (std::size_t i = consumers; i < ordered.size(); ++i, ++followed)
      neighbours += ordered[i] == ordered[i - consumers] + 1 ? 1 : 0;
    if (consumers < 5) {
      EXPECT_GE(3 * neighbours, followed) << consumers;
    }
    EXPECT_EQ(std::set<int>(ordered.begin(), ordered.end()).size(), tasks.size()) << "each once";
  }
  const std::vector<int> two = first_tiles(in_strips(tasks, 2));
  EXPECT_EQ(std::vector<int>(two.begin(), two.begin() + 10),
            (std::vector<int>{0, 2, 1, 3, 4, 6, 5, 7, 8, 10}));
}

TEST(TaskOrder, TheLastRowsOfTwoThreadsAreCutAndTakeTurns) {
  const std::vector<TileTask> tasks = with_short_ends(rows_of_tiles(4, 8), 2);
  EXPECT_EQ(first_tiles(tasks), (std::vector<int>{0, 8, 16, 24, 18, 26, 20, 28, 22, 30}));
  std::set<std::string> ids;
  std::set<int> tiles;
  for (const TileTask& task : tasks) {
    ids.insert(task.correlation_id);
    for (const TaskTile& tile : task.tiles) EXPECT_TRUE(tiles.insert(tile.tile_id).second) << "each once";
  }
  EXPECT_EQ(ids.size(), tasks.size()) << "a task is known by its id";
  EXPECT_EQ(tiles.size(), 32u);
}

TEST(TaskOrder, RowsOfFewTilesAreCutIntoTilesAndOneThreadNeedsNoPieces) {
  EXPECT_EQ(first_tiles(with_short_ends(rows_of_tiles(2, 3), 2)), (std::vector<int>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(first_tiles(with_short_ends(rows_of_tiles(3, 8), 1)), (std::vector<int>{0, 8, 16}));
  EXPECT_EQ(first_tiles(with_short_ends(rows_of_tiles(2, 8), 3)), (std::vector<int>{0, 8}));
}

}  // namespace
}  // namespace tilecompile

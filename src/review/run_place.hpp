#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/review/run_folders.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Where a run's frames and tiles are, and what it is called.
struct RunPlace {
  std::string run_id;
  FrameOrigin frames;
  std::filesystem::path tiles_root;
  std::unique_ptr<ObjectStore> bucket;  ///< holds the tiles instead of tiles_root
  std::string tiles_name() const { return bucket ? bucket->describe() : tiles_root.string(); }
};

/// Throws InputError when there is no run, or the folder of its frames is not here.
RunPlace find_run(const RunFolders& folders);

/// The tiles of the run, by tile_id. Throws InputError when grid.json is missing or damaged.
std::vector<Box> grid_boxes(const std::filesystem::path& run_dir);

/// The stored bytes of a tile; the key's first part is the run.
std::optional<std::string> stored_tile(const RunPlace& place, const std::string& key);

/// A task of the first round for `tiles` of the run, over all of its frames; puts everything that it refers
/// to into `store`. Throws InputError when the run directory lacks something.
TileTask rebuild_task(const std::filesystem::path& run_dir, const RunPlace& place,
                      const std::vector<int>& tiles, ObjectStore& store);

/// Puts a file of the run directory into `store` under `key`, and returns its SHA-256.
std::string share_file(const std::filesystem::path& file, const std::string& key, ObjectStore& store);

}  // namespace tilecompile

#pragma once
#include <filesystem>

namespace tilecompile {

/// A run of the past, and where its frames and its storage are now; empty: as run.json says.
struct RunFolders {
  std::filesystem::path run_dir, input_dir, storage_root;
};

}  // namespace tilecompile

#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// Keys and whole sections of newer files of the `tile_compile` project (its version 3) that mean nothing
/// here: steps before registration or after stacking, limits of another program. A file may hold them; they
/// are named once as ignored. A key that `key_table` knows is never looked up here.
const std::vector<std::string>& upstream_keys();
/// Whether `path` is one of them.
bool is_upstream_key(const std::string& path);

}  // namespace tilecompile

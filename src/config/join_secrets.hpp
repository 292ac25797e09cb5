#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tilecompile {

/// Takes the part `join:` out of the text of a worker's configuration, which a join file has as its last, and
/// returns what it means as "key.path=value": secrets in memory that have the path of a file, so that they
/// lie on no disk but in the join file. Nothing when the text has no such part. Throws UsageError when others
/// than its owner may read `file`, and for a part that is not what `tilecompile setup --join-file` writes.
std::vector<std::string> take_join_secrets(std::string& text, const std::filesystem::path& file);

}  // namespace tilecompile

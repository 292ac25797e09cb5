#pragma once
#include <string>

namespace tilecompile {

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
int edit_distance(const std::string& a, const std::string& b);

}  // namespace tilecompile

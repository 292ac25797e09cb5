#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// A frame that a run cannot use, and why.
struct BadFrame {
  std::string path;    ///< relative to the input folder
  std::string reason;  ///< what is wrong and what would cure it, without the path
};

/// Joins the reasons of frames that are named several times; the order is that of the first mention.
std::vector<BadFrame> one_entry_a_frame(const std::vector<BadFrame>& frames);

/// "path: reason", one a line, each line indented.
std::string listed(const std::vector<BadFrame>& frames);

}  // namespace tilecompile

#include "tilecompile/header/bad_frame.hpp"

#include <map>

#include "tilecompile/base/escaped.hpp"

namespace tilecompile {

std::vector<BadFrame> one_entry_a_frame(const std::vector<BadFrame>& frames) {
  std::vector<BadFrame> joined;
  std::map<std::string, std::size_t> place;
  for (const BadFrame& frame : frames) {
    const auto [known, is_new] = place.try_emplace(frame.path, joined.size());
    if (is_new)
      joined.push_back(frame);
    else
      joined[known->second].reason += "; also: " + frame.reason;
  }
  return joined;
}

std::string listed(const std::vector<BadFrame>& frames) {
  std::string text;
  for (const BadFrame& frame : frames)
    text += "\n  " + escaped(frame.path) + ": " + escaped_lines(frame.reason);
  return text;
}

}  // namespace tilecompile

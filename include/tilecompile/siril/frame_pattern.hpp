#pragma once
#include <string>

namespace tilecompile {

/// Name of a numbered frame: `{index}` (1, 2, ...) or `{index:0Nd}` (N digits at least, zeros in front)
/// stands for its number, N = 1 .. 9.
class FramePattern {
 public:
  /// Throws UsageError for any other field, a brace that stands alone, a pattern without the number, and a
  /// name that does not end in .fit, .fits or .fts.
  explicit FramePattern(const std::string& pattern);
  /// Name of frame `index`, counted from 1.
  std::string name(int index) const;

 private:
  std::string before_, after_;
  int digits_ = 0;
};

}  // namespace tilecompile

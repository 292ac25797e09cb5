#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace tilecompile {

/// Damages bytes as hostile and broken senders do. The same seed gives the same damages.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}
  /// One to four damages, one after the other.
  std::string operator()(std::string bytes);

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  void damage(std::string& bytes);
  std::mt19937 random_;
};

}  // namespace tilecompile

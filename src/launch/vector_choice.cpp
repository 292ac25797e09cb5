#include "tilecompile/launch/vector_choice.hpp"

#include <cstdlib>
#include <map>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {

void choose_vectors() {
  const char* const word = std::getenv("TILECOMPILE_VECTORS");
  if (word == nullptr || *word == '\0') return;
  static const std::map<std::string, VectorLevel> kLevels = {
      {"baseline", VectorLevel::kBaseline}, {"avx2", VectorLevel::kAvx2}, {"avx512", VectorLevel::kAvx512}};
  const auto level = kLevels.find(word);
  if (level == kLevels.end())
    throw UsageError("TILECOMPILE_VECTORS is '" + std::string(word) +
                     "': it must be baseline, avx2 or avx512");
  if (level->second > widest_vector_level())
    throw UsageError("TILECOMPILE_VECTORS is '" + std::string(word) +
                     "', which this processor does not have; leave it away for the widest that it has");
  set_vector_level(level->second);
}

}  // namespace tilecompile

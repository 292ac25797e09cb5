#include "tilecompile/base/version.hpp"

namespace tilecompile {

const char* const kProgramVersion = TILECOMPILE_VERSION;

}  // namespace tilecompile

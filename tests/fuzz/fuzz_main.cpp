// A libFuzzer program for the target that TILECOMPILE_FUZZ_TARGET names.
#include <cstdlib>
#include <cstring>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const tilecompile::FuzzTarget* const target = [] {
    const char* name = std::getenv("TILECOMPILE_FUZZ_TARGET");
    for (const auto& t : tilecompile::fuzz_targets())
      if (name != nullptr && std::strcmp(name, t.name) == 0) return &t;
    std::abort();
  }();
  target->read({reinterpret_cast<const char*>(data), size});
  return 0;
}

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "commands.hpp"

namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20, kLarge = 2 * kLargePage;

}  // namespace

// Planes and sums of whole pictures lie in the large pages of the system: to touch a small page for the first
// time takes longer than to fill it, and between two passes over the frames one thread did little else.
void* operator new(std::size_t bytes) {
  if (bytes > PTRDIFF_MAX) throw std::bad_alloc();
  const bool large = bytes >= kLarge;
  const std::size_t pages = (bytes + kLargePage - 1) / kLargePage * kLargePage;
  void* const memory = large ? std::aligned_alloc(kLargePage, pages) : std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  // A wish; small pages do as well. The last large page is asked for where little of it is lost.
  if (large) madvise(memory, pages - bytes <= bytes / 8 ? pages : bytes, MADV_HUGEPAGE);
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main(int argc, char** argv) { return tilecompile::run_command_line(argc, argv); }

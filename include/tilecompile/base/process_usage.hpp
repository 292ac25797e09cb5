#pragma once
#include <cstdint>

namespace tilecompile {

/// Bytes this process has read so far (files and pipes); 0 where the system does not tell.
std::int64_t process_bytes_read();
/// Largest resident memory of this process so far, bytes.
std::int64_t process_peak_memory();
/// Gives back to the system what was freed and the allocator keeps, so that work of another kind does not
/// come on top of it. Other threads that ask for memory wait meanwhile, mostly some milliseconds; nothing
/// happens where the C library cannot.
void give_back_freed_memory();

}  // namespace tilecompile

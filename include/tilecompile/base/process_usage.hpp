#pragma once
#include <cstdint>

namespace tilecompile {

/// Bytes this process has read so far (files and pipes); 0 where the system does not tell.
std::int64_t process_bytes_read();
/// Largest resident memory of this process so far, bytes.
std::int64_t process_peak_memory();

}  // namespace tilecompile

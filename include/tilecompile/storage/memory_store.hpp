#pragma once
#include <memory>

#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Store in this process's memory, for computing without leaving anything behind.
std::unique_ptr<ObjectStore> open_memory_store();

}  // namespace tilecompile

#pragma once

namespace tilecompile {

/// Takes the vector units that TILECOMPILE_VECTORS names (baseline, avx2, avx512) instead of the widest: for
/// tests, and to tell a processor's fault from another. The pixels are the same. Throws UsageError for
/// another word, or one that this processor does not have.
void choose_vectors();

}  // namespace tilecompile

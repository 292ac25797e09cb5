#pragma once
#include "tilecompile/passes/frame_proofs.hpp"

namespace tilecompile {

/// For frames without enough stars: which of them lack the large-scale structure of the median of all
/// (`list.structure`), and a warning of what this cannot tell. Nothing is bad when hardly any structure
/// stands out, or when too many frames lack it for the median to be believed.
ProofVerdict judge_by_structure(const ProofJob& job, const Analysis& analysis, const ProofList& list);

}  // namespace tilecompile

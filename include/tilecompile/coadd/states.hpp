#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tilecompile/coadd/coadd_params.hpp"
#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {

/// Observing state of a frame: G, mean over tiles of Q, variance over tiles of Q, B, sigma (`methodology.md`
/// 11).
using StateVector = std::array<double, 5>;

/// State vectors of all frames from their metrics and the tiles' Q ([channel][tile][frame]); channels
/// averaged, not yet standardised. A tile without values (it failed for good) does not count.
std::vector<StateVector> state_vectors(const FrameMetrics& metrics,
                                       const std::vector<std::vector<std::vector<double>>>& tile_quality);

/// Every component with mean 0 and standard deviation 1 over the frames; a constant component becomes 0. Sums
/// over frames are canonical frame sums in chunks of `frame_chunk`.
std::vector<StateVector> standardised(std::vector<StateVector> states, int frame_chunk);

/// Number of clusters: floor(F / 10) clipped to frames_min .. frames_max, and never more than there are
/// frames.
int cluster_count(int frames, const SyntheticParams& params);

/// Whether synthetic frames are made: on, off, or auto = from 200 frames on.
bool synthetic_enabled(int frames, const SyntheticParams& params);

/// k-means with k-means++ starts: the best of 8 starts by inertia, ties to the lower start; random numbers by
/// counter, keyed by `key`. Returns the cluster of every frame; clusters are numbered by their lowest frame
/// index and none is empty.
std::vector<int> cluster_states(const std::vector<StateVector>& states, int clusters, std::uint64_t key);

}  // namespace tilecompile

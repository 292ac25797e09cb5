#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// Which synthetic frame every frame belongs to.
struct Clusters {
  int count = 0;
  std::vector<int> of_frame;  ///< [frame] 0 .. count-1
  /// Frames of cluster k, ascending.
  std::vector<int> members(int k) const;
};

/// The bytes of clusters.json; their SHA-256 travels in every task of the second round.
std::string encode_clusters(const Clusters& clusters);
/// Inverse; throws InputError for anything else, and for a cluster without frames.
Clusters decode_clusters(std::string_view bytes);

}  // namespace tilecompile

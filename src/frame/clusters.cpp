#include "tilecompile/frame/clusters.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {

std::vector<int> Clusters::members(int k) const {
  std::vector<int> frames;
  for (std::size_t f = 0; f < of_frame.size(); ++f)
    if (of_frame[f] == k) frames.push_back(static_cast<int>(f));
  return frames;
}

std::string encode_clusters(const Clusters& clusters) {
  return nlohmann::json{{"schema", 1}, {"count", clusters.count}, {"cluster_of_frame", clusters.of_frame}}
             .dump() +
         "\n";
}

Clusters decode_clusters(std::string_view bytes) {
  const nlohmann::json j = StrictObject::parse(bytes, "clusters");
  StrictObject o(j, "clusters");
  o.integer("schema", 1, 1);
  Clusters clusters;
  clusters.count = static_cast<int>(o.integer("count", 1, 4096));
  clusters.of_frame = o.integers("cluster_of_frame", 1, 1u << 20, 0, clusters.count - 1);
  o.done();
  for (int k = 0; k < clusters.count; ++k)
    if (clusters.members(k).empty())
      throw InputError("clusters: cluster " + std::to_string(k) + " has no frame");
  return clusters;
}

}  // namespace tilecompile

#include <algorithm>
#include <limits>

#include "tilecompile/coadd/states.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr int kStarts = 8;
constexpr int kMostRounds = 300;

using Centres = std::vector<StateVector>;

double squared_distance(const StateVector& a, const StateVector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Nearest centre; ties to the lower one.
int nearest(const StateVector& state, const Centres& centres, double* distance) {
  int best = 0;
  *distance = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < centres.size(); ++k) {
    const double d = squared_distance(state, centres[k]);
    if (d < *distance) {
      *distance = d;
      best = static_cast<int>(k);
    }
  }
  return best;
}

// k-means++: every further centre is a frame drawn with probability proportional to its squared distance from
// those chosen.
Centres first_centres(const std::vector<StateVector>& states, int clusters, const CounterRandom& random) {
  const double n = static_cast<double>(states.size());
  Centres centres = {states[static_cast<std::size_t>(random.uniform(0) * n)]};
  std::vector<double> distance(states.size());
  while (static_cast<int>(centres.size()) < clusters) {
    double total = 0;
    for (std::size_t f = 0; f < states.size(); ++f) {
      nearest(states[f], centres, &distance[f]);
      total += distance[f];
    }
    const double drawn = random.uniform(centres.size()) * total;
    std::size_t chosen = 0;
    double sum = 0;
    for (std::size_t f = 0; f < states.size(); ++f) {
      if (distance[f] > 0)
        chosen = f;  // so that the end of the sum always falls on a frame that is no centre yet
      sum += distance[f];
      if (sum > drawn && distance[f] > 0) break;
    }
    centres.push_back(states[chosen]);
  }
  return centres;
}

// A cluster that lost all its frames takes the frame that lies furthest from its centre in a cluster of
// several.
void fill_empty_clusters(const std::vector<StateVector>& states, const Centres& centres,
                         std::vector<int>& cluster) {
  std::vector<int> size(centres.size(), 0);
  for (int k : cluster) ++size[static_cast<std::size_t>(k)];
  for (std::size_t k = 0; k < centres.size(); ++k) {
    if (size[k] > 0) continue;
    std::size_t furthest = 0;
    double distance = -1;
    for (std::size_t f = 0; f < states.size(); ++f) {
      const auto home = static_cast<std::size_t>(cluster[f]);
      const double d = squared_distance(states[f], centres[home]);
      if (size[home] > 1 && d > distance) {
        distance = d;
        furthest = f;
      }
    }
    --size[static_cast<std::size_t>(cluster[furthest])];
    cluster[furthest] = static_cast<int>(k);
    ++size[k];
  }
}

Centres means(const std::vector<StateVector>& states, const std::vector<int>& cluster, std::size_t clusters) {
  Centres centres(clusters, StateVector{});
  std::vector<double> size(clusters, 0);
  for (std::size_t f = 0; f < states.size(); ++f) {
    const auto k = static_cast<std::size_t>(cluster[f]);
    for (std::size_t i = 0; i < states[f].size(); ++i) centres[k][i] += states[f][i];
    size[k] += 1;
  }
  for (std::size_t k = 0; k < clusters; ++k)
    for (double& component : centres[k]) component /= size[k];
  return centres;
}

struct Clustering {
  std::vector<int> cluster;
  double inertia = 0;
};

Clustering cluster_from(const std::vector<StateVector>& states, Centres centres) {
  Clustering result;
  result.cluster.assign(states.size(), -1);
  for (int round = 0; round < kMostRounds; ++round) {
    std::vector<int> cluster(states.size());
    double unused = 0;
    for (std::size_t f = 0; f < states.size(); ++f) cluster[f] = nearest(states[f], centres, &unused);
    fill_empty_clusters(states, centres, cluster);
    const bool settled = cluster == result.cluster;
    result.cluster = std::move(cluster);
    centres = means(states, result.cluster, centres.size());
    if (settled) break;
  }
  for (std::size_t f = 0; f < states.size(); ++f)
    result.inertia += squared_distance(states[f], centres[static_cast<std::size_t>(result.cluster[f])]);
  return result;
}

// Clusters get numbers in the order of their first frames.
std::vector<int> renumbered(const std::vector<int>& cluster, int clusters) {
  std::vector<int> number(static_cast<std::size_t>(clusters), -1);
  std::vector<int> result;
  int next = 0;
  for (int k : cluster) {
    int& n = number[static_cast<std::size_t>(k)];
    if (n < 0) n = next++;
    result.push_back(n);
  }
  return result;
}

}  // namespace

std::vector<int> cluster_states(const std::vector<StateVector>& states, int clusters, std::uint64_t key) {
  if (states.empty()) return {};
  clusters = std::clamp(clusters, 1, static_cast<int>(states.size()));
  Clustering best;
  for (int start = 0; start < kStarts; ++start) {
    const CounterRandom random(key, static_cast<std::uint64_t>(start));
    Clustering candidate = cluster_from(states, first_centres(states, clusters, random));
    if (start == 0 || candidate.inertia < best.inertia) best = std::move(candidate);
  }
  return renumbered(best.cluster, clusters);
}

}  // namespace tilecompile

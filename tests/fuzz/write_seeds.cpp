// Usage: fuzz_seeds FOLDER: writes FOLDER/<target>/seed_<n> for every target, and prints the targets.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "targets.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const auto& target : tilecompile::fuzz_targets()) {
    const auto folder = std::filesystem::path(argv[1]) / target.name;
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& seed : target.seeds())
      std::ofstream(folder / ("seed_" + std::to_string(number++)), std::ios::binary) << seed;
    std::printf("%s\n", target.name);
  }
}

#include "tilecompile/night/doubtful_files.hpp"

#include <map>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"

namespace tilecompile {

std::set<std::size_t> doubtful_files(const std::filesystem::path& folder, const Manifest& manifest,
                                     const std::vector<FileContent>& contents, const VerifiedFiles& verified,
                                     int threads, Observer& observer) {
  std::vector<char> differs(contents.size(), 0);
  parallel_for(static_cast<int>(contents.size()), threads, [&](int i) {
    const auto f = static_cast<std::size_t>(i);
    if (contents[f].sha256.empty()) return;
    observer.check_stop();
    try {
      const std::filesystem::path file = folder / manifest.frames[f].path;
      verified.check_unchanged(file);
      differs[f] = looks_like(file, contents[f].sums) ? 0 : 1;
    } catch (const TransientError&) {  // others could read it
    }
  });
  std::map<std::string, std::size_t> first_of;  // SHA-256
  std::set<std::size_t> doubtful;
  for (std::size_t f = 0; f < contents.size(); ++f) {
    if (contents[f].sha256.empty()) continue;
    if (differs[f] != 0) doubtful.insert(f);
    const auto [first, is_new] = first_of.try_emplace(contents[f].sha256, f);
    if (!is_new && contents[first->second].sums != contents[f].sums) doubtful.insert({first->second, f});
  }
  return doubtful;
}

}  // namespace tilecompile

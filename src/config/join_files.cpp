#include "join_files.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tilecompile/base/error.hpp"
#include "tilecompile/config/yaml_tree.hpp"

namespace tilecompile {
namespace {

constexpr const char* kSection = "\njoin:";  // whatever ends its line: an editor may have made it CR LF
constexpr const char* kPrefix = "join:";

// A path to a file without a name; its descriptor stays open to the end of the process.
std::string path_in_memory(const std::string& name, const std::string& text) {
  const int file = memfd_create(name.c_str(), MFD_CLOEXEC);
  const bool good = file >= 0 && fchmod(file, 0600) == 0 &&
                    write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!good)
    throw TransientError("keeping '" + name + "' of the join file in memory failed: " + std::strerror(errno));
  return "/proc/self/fd/" + std::to_string(file);
}

}  // namespace

JoinFiles::JoinFiles(std::string& text, const std::filesystem::path& file) : file_(file) {
  const std::size_t begin = text.find(kSection);
  if (begin == std::string::npos) return;
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw UsageError("the join file '" + file.string() +
                     "' holds secrets, and others than its owner may read it: chmod 600 " + file.string());
  const YamlNode tree = parse_yaml(text.substr(begin + 1), places_in(file.string() + ", section join"));
  const YamlNode& section = tree.members.front().value;
  for (const YamlNode::Member& member : section.members) texts_[member.key.text] = member.value.text;
  if (tree.members.size() != 1 || texts_.empty())
    throw UsageError("the section 'join' of '" + file.string() +
                     "' must be its last and hold texts by name: make the file anew with tilecompile setup "
                     "--join-file");
  text.resize(begin + 1);
}

void JoinFiles::resolve(WorkerConfig& config) const {
  for (std::string* path : {&config.broker.ca_file, &config.broker.cert_file, &config.broker.key_file,
                            &config.broker.password_file, &config.broker.message_key_file,
                            &config.storage.s3.ca_file, &config.storage.s3.credentials_file}) {
    if (!path->starts_with(kPrefix)) continue;
    const std::string name = path->substr(std::strlen(kPrefix));
    const auto found = texts_.find(name);
    if (found == texts_.end())
      throw UsageError("'" + *path + "' is not in the section 'join' of '" + file_.string() +
                       "': make the file anew with tilecompile setup --join-file");
    *path = path_in_memory(name, found->second);
  }
}

}  // namespace tilecompile

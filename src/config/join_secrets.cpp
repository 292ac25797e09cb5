#include "join_secrets.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/config/yaml_tree.hpp"

namespace tilecompile {
namespace {

constexpr const char* kBegin = "\njoin:\n";

// Parts of `join`, and the keys that name files of them otherwise.
const std::map<std::string, std::string> kParts = {{"password", "broker.password_file"},
                                                   {"ca", "broker.ca_file"},
                                                   {"message_keys", "broker.message_key_file"},
                                                   {"s3_credentials", "storage.s3.credentials_file"},
                                                   {"s3_ca", "storage.s3.ca_file"}};

// A file of this process alone; it is gone with the process.
std::string path_in_memory(const std::string& name, const std::string& bytes) {
  const int file = memfd_create(("tilecompile-" + name).c_str(), MFD_CLOEXEC);
  const bool written =
      file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  if (!written)
    throw TransientError("cannot keep the secrets of a join file in memory: " +
                         std::string(std::strerror(errno)) + "; free some memory and start again");
  return "/proc/self/fd/" + std::to_string(file);
}

}  // namespace

std::vector<std::string> take_join_secrets(std::string& text, const std::filesystem::path& file) {
  const std::size_t begin = text.find(kBegin);
  if (begin == std::string::npos) return {};
  const auto refuse = [&](const std::string& why) {
    return UsageError("cannot take the join file '" + file.string() + "': " + why);
  };
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || (info.st_mode & 077) != 0)
    throw refuse(
        "others may read the secrets in it: chmod 600, and make a new one if they may have been read");
  const std::string part = text.substr(begin + 1);
  text.erase(begin + 1);
  const nlohmann::json join = to_json(parse_yaml(part, places_in(file.string()))).at("join");
  std::vector<std::string> overrides;
  for (const auto& [name, value] : join.items()) {
    const auto known = kParts.find(name);
    if (known == kParts.end() || !value.is_string())
      throw refuse("'join." + name +
                   "' is nothing that 'tilecompile setup --join-file' writes; make it anew");
    overrides.push_back(known->second + "=" + path_in_memory(name, value.get<std::string>()));
  }
  return overrides;
}

}  // namespace tilecompile

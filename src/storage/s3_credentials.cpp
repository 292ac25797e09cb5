#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

// Name -> value of one section of an ini file.
std::map<std::string, std::string> read_section(std::istream& file, const std::string& section, bool& found) {
  std::map<std::string, std::string> values;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      inside = trimmed(line.substr(1, line.size() - 2)) == section;
      found = found || inside;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (inside && equals != std::string::npos)
      values[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
  }
  return values;
}

S3Credentials from_file(const std::string& path, const std::string& profile) {
  const auto refuse = [&](const std::string& why) {
    return UsageError("cannot take the S3 keys from the credentials file '" + path + "': " + why +
                      "; it needs a section [" + profile +
                      "] with aws_access_key_id and aws_secret_access_key");
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw refuse("it is a folder");
  errno = 0;
  std::ifstream file(path);
  if (!file) throw refuse(std::strerror(errno));
  bool found = false;
  auto values = read_section(file, profile, found);
  if (!found) throw refuse("there is no section [" + profile + "]");
  for (const char* key : {"aws_access_key_id", "aws_secret_access_key"})
    if (values[key].empty()) throw refuse(std::string(key) + " is missing");
  return {values["aws_access_key_id"], values["aws_secret_access_key"], values["aws_session_token"]};
}

}  // namespace

S3Credentials load_s3_credentials(const std::string& file, const std::string& profile) {
  std::string section = profile.empty() ? environment("AWS_PROFILE") : profile;
  if (section.empty()) section = "default";
  if (!file.empty()) return from_file(file, section);
  const S3Credentials given{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                            environment("AWS_SESSION_TOKEN")};
  if (!given.access_key.empty() && !given.secret_key.empty()) return given;
  if (given.access_key.empty() != given.secret_key.empty())
    throw UsageError(
        "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set: set both, or name "
        "storage.s3.credentials_file");
  const std::string named = environment("AWS_SHARED_CREDENTIALS_FILE"), home = environment("HOME");
  if (!named.empty()) return from_file(named, section);
  const std::string usual = home + "/.aws/credentials";
  if (!home.empty() && std::filesystem::exists(usual)) return from_file(usual, section);
  throw UsageError(
      "there are no keys for S3: name storage.s3.credentials_file, or set AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY");
}

}  // namespace tilecompile

#pragma once
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "paths.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {

/// An S3 service of its own for a test program, which verifies signatures (scripts/private-s3.sh), in a
/// temporary folder on free loopback ports. Ends with this object, and also when the test program dies.
class PrivateS3 {
 public:
  /// Empty when the service can be started, otherwise why not.
  static std::string missing() {
    for (const char* program :
         {"swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server"})
      if (!std::filesystem::exists(std::string("/usr/bin/") + program))
        return std::string("NOTHING WAS TESTED AGAINST A REAL S3 SERVER: /usr/bin/") + program +
               " is missing: apt-get install swift swift-proxy swift-account swift-container swift-object";
    return "";
  }

  /// Starts the service with one bucket, "tiles".
  PrivateS3() {
    std::string pattern = (std::filesystem::temp_directory_path() / "private-s3-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder " + pattern);
    folder_ = pattern;
    try {
      std::istringstream(call("start")) >> port_ >> https_port_;
      write_credentials("credentials", "tc:tiles", "s3secret");
      S3Bucket(options()).put("", "");  // PUT on the bucket itself makes it
    } catch (...) {
      stop();
      throw;
    }
  }
  ~PrivateS3() { stop(); }
  PrivateS3(const PrivateS3&) = delete;
  PrivateS3& operator=(const PrivateS3&) = delete;

  int port() const { return port_; }
  std::string http() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string https() const { return "https://localhost:" + std::to_string(https_port_); }
  std::string ca_file() const { return (folder_ / "tls/cert.pem").string(); }
  std::string credentials_file() const { return (folder_ / "credentials").string(); }
  const std::filesystem::path& folder() const { return folder_; }

  /// The bucket with the right keys.
  S3Options options() const {
    S3Options options;
    options.endpoint = http();
    options.bucket = "tiles";
    options.region = "us-east-1";
    options.credentials_file = credentials_file();
    options.profile = "default";
    return options;
  }
  /// A credentials file of another name; returns its path.
  std::string write_credentials(const std::string& name, const std::string& key, const std::string& secret) {
    std::ofstream(folder_ / name) << "[default]\naws_access_key_id = " << key
                                  << "\naws_secret_access_key = " << secret << "\n";
    return (folder_ / name).string();
  }

 private:
  std::string call(const std::string& command) {
    const std::string log = (folder_ / "script.log").string();
    const std::string line = "PRIVATE_S3_OWNER=" + std::to_string(getpid()) + " '" + source_dir() +
                             "/scripts/private-s3.sh' " + command + " '" + folder_.string() + "' 2>'" + log +
                             "'";
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + line);
    std::string output;
    std::array<char, 4096> buffer{};
    while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
      output.append(buffer.data(), got);
    std::ostringstream said;
    if (pclose(pipe) != 0) {
      said << std::ifstream(log).rdbuf();
      throw std::runtime_error("failed: " + line + "\n" + said.str());
    }
    return output;
  }

  void stop() {
    try {
      call("stop");
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::filesystem::path folder_;
  int port_ = 0, https_port_ = 0;
};

/// Skips a test where the service cannot be started; in CI it must be there, so the test fails.
#define TILECOMPILE_NEEDS_S3                                                     \
  if (const std::string why = tilecompile::PrivateS3::missing(); !why.empty()) { \
    if (std::getenv("CI") != nullptr) FAIL() << why;                             \
    GTEST_SKIP() << why;                                                         \
  }

}  // namespace tilecompile

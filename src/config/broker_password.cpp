#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {

std::string broker_password(const BrokerConfig& broker) {
  if (broker.password_file.empty()) {
    const char* given = std::getenv("TILECOMPILE_AMQP_PASSWORD");
    return given != nullptr && *given != '\0' ? given : "guest";
  }
  const auto refuse = [&](const std::string& why) {
    return UsageError("cannot take the broker's password from broker.password_file '" + broker.password_file +
                      "': " + why + "; the file must be readable and hold the password on its first line");
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(broker.password_file, ignored)) throw refuse("it is a folder");
  errno = 0;
  std::ifstream stream(broker.password_file, std::ios::binary);
  if (!stream) throw refuse(std::strerror(errno));
  std::string password;
  std::getline(stream, password);
  while (!password.empty() && password.back() == '\r') password.pop_back();
  if (password.empty()) throw refuse("its first line is empty");
  return password;
}

}  // namespace tilecompile

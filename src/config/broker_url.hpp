#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace tilecompile {

/// What `amqp(s)://user@host:port/vhost` means: the single keys and their values, or what is wrong with it.
struct BrokerUrl {
  std::vector<std::pair<std::string, nlohmann::json>> keys;
  std::string problem;
};

/// User, port and virtual host may be left away and stay as they are; amqps is TLS. Names are decoded as URLs
/// encode them (%2F). A password is refused: files of configuration hold none.
BrokerUrl parse_broker_url(const std::string& url);

}  // namespace tilecompile

#include "broker_url.hpp"

#include <charconv>
#include <optional>

namespace tilecompile {
namespace {

std::optional<std::string> decoded(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned code = 0;
    const char* const begin = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(begin, begin + 2, code, 16).ptr != begin + 2)
      return std::nullopt;
    plain += static_cast<char>(code);
    i += 2;
  }
  return plain;
}

BrokerUrl refused(const std::string& why) {
  return {{}, "must have the form amqps://user@host:port/vhost: " + why};
}

}  // namespace

BrokerUrl parse_broker_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::string kind = url.substr(0, scheme == std::string::npos ? 0 : scheme);
  if (kind != "amqp" && kind != "amqps") return refused("it begins with neither amqp:// nor amqps://");
  const std::size_t authority = scheme + 3, slash = url.find('/', authority);
  std::string place = url.substr(authority, slash == std::string::npos ? slash : slash - authority);
  BrokerUrl result;
  result.keys.emplace_back("broker.tls", kind == "amqps");
  if (const std::size_t at = place.rfind('@'); at != std::string::npos) {
    const auto user = decoded(place.substr(0, at));
    if (place.substr(0, at).find(':') != std::string::npos)
      return refused("it holds a password; name a file with it in broker.password_file");
    if (!user || user->empty()) return refused("its user cannot be read");
    result.keys.emplace_back("broker.user", *user);
    place.erase(0, at + 1);
  }
  std::size_t end = place.rfind(':');
  if (place.starts_with('[')) {  // an IPv6 address
    const std::size_t bracket = place.find(']');
    if (bracket == std::string::npos) return refused("its address has no ']'");
    result.keys.emplace_back("broker.host", place.substr(1, bracket - 1));
    end = bracket + 1 < place.size() ? bracket + 1 : std::string::npos;
  } else {
    result.keys.emplace_back("broker.host", place.substr(0, end));
  }
  if (result.keys.back().second.get<std::string>().empty()) return refused("it names no host");
  if (end != std::string::npos) {
    int port = 0;
    const char* const last = place.data() + place.size();
    const char* const first = place.data() + std::min(end + 1, place.size());
    if (place[end] != ':' || std::from_chars(first, last, port).ptr != last || port < 1 || port > 65535)
      return refused("its port is no number from 1 to 65535");
    result.keys.emplace_back("broker.port", port);
  }
  if (slash == std::string::npos || slash + 1 == url.size()) return result;
  const std::string path = url.substr(slash + 1);
  const auto vhost = decoded(path);
  // An '@' in the clear: what stands before it may be a password with a slash.
  if (!vhost || vhost->find_first_of("?#") != std::string::npos || path.find('@') != std::string::npos)
    return refused("its virtual host cannot be read");
  result.keys.emplace_back("broker.vhost", *vhost);
  return result;
}

}  // namespace tilecompile

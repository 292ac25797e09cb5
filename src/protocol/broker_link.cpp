#include "tilecompile/protocol/broker_link.hpp"

#include "signed_transport.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

constexpr int kPlainPort = 5672, kTlsPort = 5671;

int port_of(const BrokerConfig& broker) {
  if (broker.port > 0) return broker.port;
  return broker.tls ? kTlsPort : kPlainPort;
}

AmqpOptions amqp_options(const BrokerConfig& broker, const std::string& name,
                         const std::atomic<int>* stop_signal) {
  AmqpOptions options;
  options.host = broker.host;
  options.port = port_of(broker);
  options.vhost = broker.vhost;
  options.user = broker.user;
  options.external_login = broker.auth == BrokerLogin::kClientCertificate;
  if (broker.roles != BrokerRoles::kNone) options.user_id = broker.user;
  if (!options.external_login) options.password = broker_password(broker);
  options.tls = {broker.tls, broker.tls_verify, broker.ca_file, broker.cert_file, broker.key_file};
  options.allow_plaintext = broker.allow_plaintext;
  options.connection_name = name;
  options.heartbeat_s = broker.heartbeat_s;
  options.connect_timeout_s = broker.connect_timeout_s;
  options.reconnect_timeout_s = broker.reconnect_timeout_s;
  if (stop_signal != nullptr) options.stopping = [stop_signal] { return *stop_signal != 0; };
  return options;
}

}  // namespace

std::unique_ptr<Transport> connect_broker(const BrokerConfig& broker, const std::string& name,
                                          const std::atomic<int>* stop_signal) {
  if (broker.tls && !broker.tls_verify)
    log_warning(
        "broker.tls_verify is false: whoever sits between here and the broker can read and change all",
        {{"broker", broker_place(broker)}});
  const AmqpOptions options = amqp_options(broker, name, stop_signal);
  if (broker.message_key_file.empty()) return connect_amqp(options);
  auto keys = read_message_keys(broker.message_key_file);
  return sign_messages(connect_amqp(options), std::move(keys));
}

std::string broker_place(const BrokerConfig& broker) {
  return broker.host + ":" + std::to_string(port_of(broker));
}

}  // namespace tilecompile

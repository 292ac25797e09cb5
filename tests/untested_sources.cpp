#include "untested_sources.hpp"

namespace tilecompile {

const std::vector<UntestedSources>& untested_sources() {
  static const std::vector<UntestedSources> groups = {
      {"parts of the transports, which keep one contract",
       "tests/contract/transport_contract_test.cpp",
       {"broker/amqp_consumers", "broker/amqp_content", "broker/amqp_link", "broker/amqp_mailbox",
        "broker/amqp_publisher", "broker/amqp_session", "broker/amqp_topology", "broker/amqp_transport",
        "broker/memory_broker", "broker/message_rules", "broker/queue_arguments"}},
      {"needs a broker with certificates", "tests/contract/amqp_tls_test.cpp", {"broker/amqp_tls"}},
      {"flags and texts of the program itself",
       "tests/system/commands_test.cpp",
       {"cli/broker_commands", "cli/command_table", "cli/commands", "cli/dlq_command", "cli/health_command",
        "cli/look_commands", "cli/main", "cli/run_commands", "cli/status_command", "cli/tool_commands"}},
  };
  return groups;
}

}  // namespace tilecompile

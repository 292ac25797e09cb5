#include "tilecompile/cli/command_table.hpp"

namespace tilecompile {

std::vector<Command> command_table() {
  return {
      {"run", "Reference run in one process, no broker needed", set_up_run},
      {"master", "The same over RabbitMQ; --workers N also starts N local worker processes", set_up_master},
      {"worker", "Consume tile.compute until told to stop", set_up_worker},
      {"compare", "Compare two FITS images bit by bit", set_up_compare},
      {"simulate", "Write seeded synthetic frames with known truth", set_up_simulate},
  };
}

}  // namespace tilecompile

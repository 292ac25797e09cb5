#include "command_table.hpp"

namespace tilecompile {

std::vector<Command> command_table() {
  return {
      {"run", "Reference run in one process, no broker needed", set_up_run},
      {"master", "The same over RabbitMQ; --workers N also starts N local worker processes", set_up_master},
      {"worker", "Consume tile.compute until told to stop", set_up_worker},
      {"setup",
       "Declare exchanges and queues on the broker, or print a definitions file with a user for each role",
       set_up_setup},
      {"verify", "Try all that a run needs: frames, storage, broker, queues, every worker, a real tile",
       set_up_verify},
      {"status", "Phase, tiles, workers and ETA of a run, from its folder; --broker: of all, from any host",
       set_up_status},
      {"runs", "List the runs of a folder: when, what, how many frames, what came out", set_up_runs},
      {"health", "Ask a worker on this host how it is, for health checks of containers", set_up_health},
      {"dlq", "Dead letters: tasks that failed for good, with reason, attempts, worker", set_up_dlq},
      {"plan", "Everything up to dispatch, nothing computed: frames, grid, tasks, bytes, memory, time",
       set_up_plan},
      {"tile", "Recompute one tile of a run and compare its checksum with the stored one", set_up_tile},
      {"explain", "Tell which frames made a pixel of the picture, with what weight and why", set_up_explain},
      {"report", "Write report.html of a run once more: pictures, plots and tables in one file",
       set_up_report},
      {"preview", "Draw any FITS image, stretched for the eye: PNG, JPEG or 16-bit TIFF", set_up_preview},
      {"config", "Print the effective configuration with its hash, or the JSON Schema", set_up_config},
      {"clean", "Remove the working files of runs that have ended; says only what it would do without --yes",
       set_up_clean},
      {"compare", "Compare two FITS images bit by bit", set_up_compare},
      {"simulate", "Write seeded synthetic frames with known truth", set_up_simulate},
      {"manual", "Write the man pages and the completion for bash", set_up_manual},
  };
}

}  // namespace tilecompile

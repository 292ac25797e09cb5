#include "commands.hpp"

int main(int argc, char** argv) { return tilecompile::run_command_line(argc, argv); }

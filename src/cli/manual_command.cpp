#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "command_table.hpp"
#include "manual.hpp"
#include "tilecompile/base/atomic_file.hpp"

namespace tilecompile {

void set_up_manual(CLI::App& app, const ChooseAction& choose) {
  const auto folder = std::make_shared<std::filesystem::path>();
  app.group("");  // for those who make packages: help does not list it
  app.add_option("out_dir", *folder, "Folder to write to")->required();
  app.callback([&app, folder, choose] {
    const CLI::App& program = *app.get_parent();
    choose([&program, folder] {
      std::filesystem::create_directories(*folder / "man1");
      for (const auto& [file, text] : man_pages(program))
        write_file_atomically(*folder / "man1" / file, text);
      write_file_atomically(*folder / "tilecompile.bash", bash_completion(program));
      return 0;
    });
  });
}

}  // namespace tilecompile

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "command_table.hpp"
#include "tilecompile/review/compare.hpp"

namespace tilecompile {

void set_up_compare(CLI::App& app, const ChooseAction& choose) {
  const auto files = std::make_shared<std::pair<std::string, std::string>>();
  app.add_option("a", files->first, "A.fits")->required();
  app.add_option("b", files->second, "B.fits")->required();
  app.footer("Exit code 0: equal to the bit; 3: different.");
  app.callback([files, choose] {
    choose([files] {
      const ImageDifference difference = compare_files(files->first, files->second);
      std::printf("%s\n", describe_difference(difference).c_str());
      return difference.equal ? 0 : 3;
    });
  });
}

}  // namespace tilecompile
